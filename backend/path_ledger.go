package backend

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/journal"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// history returns the ledger for reading, with all that happened before. A
// damaged one can be read: somebody has to find out what is wrong.
func (b *backend) history(ctx context.Context) (*ledger.Log, error) {
	err := b.journal.Flush(ctx)
	log, openErr := b.journal.Log(ctx)
	var damage *ledger.Damage
	switch {
	case errors.Is(openErr, journal.ErrOff):
		return nil, endpoint.NotFound("%v", openErr)
	case errors.As(openErr, &damage):
		return log, nil
	case openErr != nil:
		return nil, openErr
	}
	return log, err
}

func (b *backend) pathCheckpoint() endpoint.Path {
	return endpoint.Path{
		Pattern:  "ledger/checkpoint",
		Suffix:   "ledger-checkpoint",
		Synopsis: "Size and root hash of the ledger, signed (C2SP tlog-checkpoint).",
		Help:     "Keep one outside of Vault now and then: whoever has one can tell later whether the ledger was rewritten. ledger/key has the keys that sign it.",
		Read: endpoint.Handle("Read the checkpoint of the ledger.", func(ctx context.Context, _ *endpoint.Call, _ *endpoint.None) (*endpoint.Raw, error) {
			log, err := b.history(ctx)
			if err != nil {
				return nil, err
			}
			_, signed := log.Checkpoint()
			return &endpoint.Raw{ContentType: "text/plain; charset=utf-8", Body: signed}, nil
		}),
	}
}

type tileRequest struct {
	Tile string `json:"tile" path:"true" doc:"Level and number, or entries and number, as in C2SP tlog-tiles."`
}

func (b *backend) pathTile() endpoint.Path {
	return endpoint.Path{
		Pattern:  `ledger/tile/(?P<tile>[a-z0-9./]{1,80})`,
		Suffix:   "ledger-tile",
		Synopsis: "Hashes and entries of the ledger (C2SP tlog-tiles).",
		Help:     "ledger/tile/<level>/<n>[.p/<width>] has hashes, ledger/tile/entries/<n>[.p/<width>] has entries. What a checkpoint covers never changes.",
		Read: endpoint.Handle("Read a tile of the ledger.", func(ctx context.Context, _ *endpoint.Call, req *tileRequest) (*endpoint.Raw, error) {
			log, err := b.history(ctx)
			if err != nil {
				return nil, err
			}
			data, err := log.Read(ctx, "tile/"+req.Tile)
			if errors.Is(err, fs.ErrNotExist) {
				return nil, endpoint.NotFound("%s", strings.ReplaceAll(err.Error(), "\n", " "))
			}
			return &endpoint.Raw{ContentType: "application/octet-stream", Body: data}, err
		}),
	}
}

type entriesRequest struct {
	From  int64 `json:"from" doc:"Index of the first entry, from 0. Negative: that many before the end. Default: the oldest that was kept."`
	Limit int64 `json:"limit" doc:"How many entries at most. Default: 100. At most: 1000."`
}

type entriesResponse struct {
	Entries []entryAt `json:"entries" doc:"Entries in their order: index, and entry as docs/ledger.md describes it."`
	Size    int64     `json:"size" doc:"Entries in the ledger."`
	Next    int64     `json:"next" doc:"Where to go on: the from of the next page, size at the end."`
}

type entryAt struct {
	Index int64           `json:"index"`
	Entry json.RawMessage `json:"entry"`
}

func (b *backend) pathEntries() endpoint.Path {
	return endpoint.Path{
		Pattern:  "ledger/entries",
		Suffix:   "ledger-entries",
		Synopsis: "Entries of the ledger: what was issued, refused, revoked and changed.",
		Help:     "Page through with from=<next of the page before>. To prove that nothing was changed, verify the tiles: ramp ledger verify.",
		Read:     endpoint.Handle("Read entries of the ledger.", b.readEntries),
	}
}

func (b *backend) readEntries(ctx context.Context, call *endpoint.Call, req *entriesRequest) (*entriesResponse, error) {
	log, err := b.history(ctx)
	if err != nil {
		return nil, err
	}
	if req.Limit < 0 || req.Limit > 1000 {
		return nil, endpoint.BadRequest("limit must be between 1 and 1000")
	}
	if req.Limit == 0 {
		req.Limit = 100
	}
	at, _ := log.Checkpoint()
	from := req.From
	if from < 0 {
		from += at.Size
	}
	from = max(from, log.Pruned(), 0)
	resp := &entriesResponse{Entries: []entryAt{}, Size: at.Size, Next: max(from, at.Size)}
	err = ledger.Entries(ctx, log, from, at.Size, func(index int64, text []byte) (bool, error) {
		if int64(len(resp.Entries)) == req.Limit {
			resp.Next = index
			return false, nil
		}
		if !json.Valid(text) {
			return false, &ledger.Damage{Err: errors.New("an entry is no JSON")}
		}
		resp.Entries = append(resp.Entries, entryAt{index, text})
		return true, nil
	})
	return resp, err
}

type proofRequest struct {
	Index int64 `json:"index" doc:"Prove that the ledger has the entry of this index."`
	Size  int64 `json:"size" doc:"Prove that the ledger begins with the entries it had at this size, that of an older checkpoint."`
}

type proofResponse struct {
	Index      int64    `json:"index,omitempty" doc:"Index of the entry, for a proof of inclusion."`
	Size       int64    `json:"size,omitempty" doc:"Older size, for a proof of consistency."`
	Hashes     []string `json:"hashes" doc:"The proof: hashes in base64, in the order of RFC 6962 section 2.1."`
	Leaf       string   `json:"leaf,omitempty" doc:"Hash of the entry, in base64."`
	Checkpoint string   `json:"checkpoint" doc:"The checkpoint that it leads to."`
}

func (b *backend) pathProof() endpoint.Path {
	return endpoint.Path{
		Pattern:  "ledger/proof",
		Suffix:   "ledger-proof",
		Synopsis: "Proof that the ledger has an entry, or begins as it was (RFC 6962).",
		Help:     "index=<n> for inclusion, size=<n> for consistency with an older checkpoint.",
		Read:     endpoint.Handle("Read a proof.", b.readProof),
	}
}

func (b *backend) readProof(ctx context.Context, call *endpoint.Call, req *proofRequest) (*proofResponse, error) {
	log, err := b.history(ctx)
	if err != nil {
		return nil, err
	}
	at, signed := log.Checkpoint()
	resp := &proofResponse{Hashes: []string{}, Checkpoint: string(signed)}
	var proof ledger.Proof
	switch {
	case call.Has("index") == call.Has("size"):
		return nil, endpoint.BadRequest("give index=<n> for a proof that the ledger has an entry, or size=<n> for one that it begins as it was at that size")
	case call.Has("index") && (req.Index < 0 || req.Index >= at.Size), req.Size < 0 || req.Size > at.Size:
		return nil, endpoint.BadRequest("the ledger has %d entries", at.Size)
	case call.Has("index"):
		resp.Index = req.Index
		var leaf ledger.Hash
		if leaf, err = ledger.LeafHash(ctx, log, at, req.Index); err == nil {
			resp.Leaf = base64.StdEncoding.EncodeToString(leaf[:])
			proof, err = ledger.ProveInclusion(ctx, log, at, req.Index)
		}
	default:
		resp.Size = req.Size
		proof, err = ledger.ProveConsistency(ctx, log, at, req.Size)
	}
	for _, h := range proof {
		resp.Hashes = append(resp.Hashes, base64.StdEncoding.EncodeToString(h[:]))
	}
	return resp, err
}
