package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"testing"

	formats "github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// Code that others wrote reads our checkpoints, tiles, bundles and proofs, and agrees about all of them.
func TestIndependentImplementationAccepts(t *testing.T) {
	k, m := newKey(t, origin), &memory{}
	l := k.open(t, m)
	read := func(path string) []byte {
		data, err := l.Read(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	var older *formats.Checkpoint
	var olderOurs ledger.Checkpoint
	for _, size := range []int64{1, 255, 256, 257, 511, 513, 1000, 66_000} {
		grow(t, l, size, 256)
		cp, _, _, err := formats.ParseCheckpoint(read("checkpoint"), origin, k.Verifier)
		if err != nil {
			t.Fatal(err)
		}

		// The root follows from the entries in the bundles, and each tile holds the hashes of the nodes it should.
		tree := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
		var leaves [][]byte
		nodes := map[compact.NodeID][]byte{}
		for n := int64(0); n*256 < size; n++ {
			for _, entry := range cut(read(bundlePath("entries", n, size-n*256))) {
				leaf := rfc6962.DefaultHasher.HashLeaf(entry[2:])
				nodes[compact.NewNodeID(0, uint64(len(leaves)))] = leaf
				leaves = append(leaves, leaf)
				if err := tree.Append(leaf, func(id compact.NodeID, hash []byte) { nodes[id] = hash }); err != nil {
					t.Fatal(err)
				}
			}
		}
		root, err := tree.GetRootHash(nil)
		if err != nil || !bytes.Equal(root, cp.Hash) || uint64(len(leaves)) != cp.Size {
			t.Fatalf("size %d: root %x, checkpoint %d %x, %v", size, root, cp.Size, cp.Hash, err)
		}
		for level := uint(0); size>>(8*level) > 0; level++ {
			row := size >> (8 * level)
			for n := int64(0); n*256 < row; n++ {
				tile := read(bundlePath(fmt.Sprint(level), n, row-n*256))
				for i := range min(256, row-n*256) {
					want := nodes[compact.NewNodeID(8*level, uint64(n*256+i))]
					if !bytes.Equal(tile[i*32:(i+1)*32], want) {
						t.Fatalf("size %d: hash %d of tile %d/%d is %x, want %x", size, i, level, n, tile[i*32:(i+1)*32], want)
					}
				}
			}
		}

		ours, _ := l.Checkpoint()
		for index := int64(0); index < size; index += 1 + size/37 {
			p, err := ledger.ProveInclusion(t.Context(), l, ours, index)
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(index), cp.Size, leaves[index], raw(p), cp.Hash); err != nil {
				t.Fatalf("size %d, entry %d: %v", size, index, err)
			}
		}
		if older != nil {
			p, err := ledger.ProveConsistency(t.Context(), l, ours, olderOurs.Size)
			if err != nil {
				t.Fatal(err)
			}
			if err := proof.VerifyConsistency(rfc6962.DefaultHasher, older.Size, cp.Size, raw(p), older.Hash, cp.Hash); err != nil {
				t.Fatalf("from %d to %d: %v", older.Size, size, err)
			}
		}
		older, olderOurs = cp, ours
	}
}

func raw(p ledger.Proof) [][]byte {
	var hashes [][]byte
	for _, h := range p {
		hashes = append(hashes, h[:])
	}
	return hashes
}

// bundlePath follows https://c2sp.org/tlog-tiles for numbers below a million.
func bundlePath(kind string, n, width int64) string {
	p := fmt.Sprintf("tile/%s/%03d", kind, n)
	if n >= 1000 {
		p = fmt.Sprintf("tile/%s/x%03d/%03d", kind, n/1000, n%1000)
	}
	if width < 256 {
		p += fmt.Sprintf(".p/%d", width)
	}
	return p
}

// The key hash of https://c2sp.org/signed-note.
func TestVerifierKey(t *testing.T) {
	k := newKey(t, ledger.Origin("https://vault.example.com:8200/v1/ra+mp"))
	if k.Verifier.Name() != "vault.example.com:8200/v1/ra%2Bmp" {
		t.Errorf("name %q", k.Verifier.Name())
	}
	_, public, _ := bytes.Cut([]byte(k.text), []byte("+"))
	hash, encoded, _ := bytes.Cut(public, []byte("+"))
	v, err := note.NewVerifier(k.text)
	if err != nil {
		t.Fatal(err)
	}
	key := decode64(t, string(encoded))
	if key[0] != 1 || len(key) != 33 {
		t.Fatalf("key %x is no Ed25519 key", key)
	}
	sum := sha256.Sum256(append([]byte(k.Verifier.Name()+"\n"), key...))
	signed, err := ledger.Checkpoint{Origin: k.Verifier.Name(), Size: 3}.Sign(k.Signer)
	if err != nil {
		t.Fatal(err)
	}
	body, signature, _ := bytes.Cut(signed, []byte("\n\n— "+k.Verifier.Name()+" "))
	if !ed25519.Verify(key[1:], append(body, '\n'), decode64(t, string(bytes.TrimSpace(signature)))[4:]) {
		t.Error("the signature is not that of the text up to the empty line")
	}
	if want := binary.BigEndian.Uint32(sum[:]); v.KeyHash() != want || string(hash) != fmt.Sprintf("%08x", want) {
		t.Errorf("hash %s, want %08x", hash, want)
	}
}
