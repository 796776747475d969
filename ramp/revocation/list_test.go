package revocation_test

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"hash/adler32"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// statuses reads a status list as draft-ietf-oauth-status-list section 4.1
// describes it, with nothing of ours but the standard library's inflate.
func statuses(t testing.TB, lst string) []byte {
	t.Helper()
	packed, err := base64.RawURLEncoding.DecodeString(lst)
	if err != nil || len(packed) < 6 || (uint(packed[0])<<8+uint(packed[1]))%31 != 0 || packed[0]&0x0f != 8 {
		t.Fatalf("no zlib header (RFC 1950): % x %v", packed[:min(len(packed), 6)], err)
	}
	unpacked, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed[2 : len(packed)-4])))
	if err != nil || binary.BigEndian.Uint32(packed[len(packed)-4:]) != adler32.Checksum(unpacked) {
		t.Fatalf("damaged: %v", err)
	}
	var bits []byte
	for _, b := range unpacked {
		for range 8 {
			bits = append(bits, b&1)
			b >>= 1
		}
	}
	return bits
}

func TestListOfTheDraft(t *testing.T) {
	const lst = "eNrbuRgAAhcBXQ" // the example of section 4.1
	want := []byte{1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1}
	list, err := revocation.DecodeList(lst)
	if err != nil {
		t.Fatal(err)
	}
	for i, bit := range want {
		if list.Has(uint64(i)) != (bit == 1) {
			t.Errorf("index %d: %t", i, list.Has(uint64(i)))
		}
	}
	if list.Has(16) || list.Has(1<<63) {
		t.Error("beyond the end nothing is set")
	}
	if got := statuses(t, list.Encode()); !bytes.Equal(got, want) {
		t.Errorf("encoded again: %v", got)
	}
}

func TestListCodec(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 100, 60_000} {
		list, set := revocation.NewList(), map[uint64]bool{}
		for range n {
			i := random.Uint64N(revocation.ListSize)
			list[i/8] |= 1 << (i % 8)
			set[i] = true
		}
		bits := statuses(t, list.Encode())
		again, err := revocation.DecodeList(list.Encode())
		if err != nil || len(bits) != revocation.ListSize || !bytes.Equal(again, list) {
			t.Fatalf("%d bits, %v", len(bits), err)
		}
		for i, bit := range bits {
			if set[uint64(i)] != (bit == 1) || list.Has(uint64(i)) != (bit == 1) {
				t.Fatalf("bit %d is %d", i, bit)
			}
		}
	}
}

func pack(t testing.TB, content io.Reader) string {
	t.Helper()
	var buf bytes.Buffer
	w := zlib.NewWriter(&buf)
	if _, err := io.Copy(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(buf.Bytes())
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestBadLists(t *testing.T) {
	full := pack(t, io.LimitReader(zeros{}, revocation.ListSize/8))
	if list, err := revocation.DecodeList(full); err != nil || len(list) != revocation.ListSize/8 {
		t.Errorf("a full list: %d bytes, %v", len(list), err)
	}
	damaged, err := base64.RawURLEncoding.DecodeString(full)
	if err != nil {
		t.Fatal(err)
	}
	damaged[len(damaged)-1] ^= 1
	for name, lst := range map[string]string{
		"empty":         "",
		"no base64":     "€",
		"padded":        full + "=",
		"no zlib":       base64.RawURLEncoding.EncodeToString([]byte("plain text, not packed")),
		"cut off":       full[:len(full)/2],
		"bad checksum":  base64.RawURLEncoding.EncodeToString(damaged),
		"a byte longer": pack(t, io.LimitReader(zeros{}, revocation.ListSize/8+1)),
	} {
		if list, err := revocation.DecodeList(lst); err == nil || list != nil || !strings.HasPrefix(err.Error(), "status list") {
			t.Errorf("%s: %d bytes, %v", name, len(list), err)
		}
	}
}

// A list that unpacks to 16 MiB is refused for the price of a small one.
func TestZipBomb(t *testing.T) {
	bomb := pack(t, io.LimitReader(zeros{}, 16<<20))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := revocation.DecodeList(bomb)
	runtime.ReadMemStats(&after)
	if spent := after.TotalAlloc - before.TotalAlloc; err == nil || spent > uint64(len(bomb))+1<<20 {
		t.Errorf("%d bytes were allocated for a list of %d bytes: %v", spent, len(bomb), err)
	}
}

func FuzzDecodeList(f *testing.F) {
	f.Add("eNrbuRgAAhcBXQ")
	f.Add(revocation.NewList().Encode())
	f.Add("")
	f.Add("eJwDAAAAAAE")
	f.Fuzz(func(t *testing.T, lst string) {
		list, err := revocation.DecodeList(lst)
		if err != nil {
			return
		}
		if len(list) > revocation.ListSize/8 {
			t.Fatalf("%d bytes", len(list))
		}
		var s revocation.State
		if err := s.AddChunk(revocation.Chunk{Contract: "a", N: 3, List: lst, Until: 9}); err != nil {
			t.Fatal(err)
		}
		for i := range uint64(revocation.ListSize) {
			dead := s.Dead(revocation.Credential{Contract: "a", Serial: 3*revocation.ListSize + i}, today) != ""
			if dead != list.Has(i) {
				t.Fatalf("serial %d: %t", i, dead)
			}
		}
	})
}
