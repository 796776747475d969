package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"testing"

	"github.com/hashicorp/vault/api"
	"golang.org/x/mod/sumdb/note"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// Read reads the ledger over its paths, as whoever audits it does.
func (r *rig) Read(_ context.Context, path string) ([]byte, error) {
	resp, err := r.Client.Logical().ReadRaw("ramp/ledger/" + path)
	if resp != nil {
		defer resp.Body.Close()
	}
	var answer *api.ResponseError
	switch {
	case errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	case err != nil:
		return nil, err
	}
	return io.ReadAll(resp.Body)
}

// pinned is the key of the ledger as somebody outside has noted it.
func (r *rig) pinned(t *testing.T) note.Verifier {
	t.Helper()
	list := r.read(t, "ledger/key")["keys"].([]any)
	v, err := note.NewVerifier(list[0].(map[string]any)["key"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// witness keeps checkpoints outside of Vault.
type witness struct {
	key  note.Verifier
	seen []ledger.Checkpoint
}

// look takes one more checkpoint, as soon as Vault can be asked.
func (w *witness) look(t *testing.T, r *rig) {
	t.Helper()
	var signed []byte
	eventually(t, "a checkpoint", func() bool {
		var err error
		signed, err = r.Read(t.Context(), ledger.CheckpointPath)
		return err == nil
	})
	c, err := ledger.OpenCheckpoint(signed, w.key)
	if err != nil {
		t.Fatal(err)
	}
	w.seen = append(w.seen, c)
}

// audit verifies the ledger against everything the witness has seen, and returns what it holds.
func (w *witness) audit(t *testing.T, r *rig) (*ledger.Result, []*ledger.Entry) {
	t.Helper()
	var list []*ledger.Entry
	a := &ledger.Audit{Log: r, Keys: []note.Verifier{w.key}, Known: w.seen, Each: func(_ int64, text []byte) error {
		e, err := ledger.ParseEntry(text)
		list = append(list, e)
		return err
	}}
	result, err := a.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return result, list
}

// wantAccounted fails the test unless the ledger is sound, contradicts nothing the witness has seen, and has every
// credential, all of which were revoked, once as issued and once as revoked. It returns how many were recovered.
func (w *witness) wantAccounted(t *testing.T, r *rig, minted []creds) (recovered int) {
	t.Helper()
	result, list := w.audit(t, r)
	for _, f := range result.Findings {
		t.Error(f)
	}
	times := map[string]int{}
	for _, e := range list {
		times[e.Type+" "+e.JTI]++
		if e.Recovered {
			recovered++
		}
	}
	for _, c := range minted {
		if issued, revoked := times["issue "+c.ID], times["revoke "+c.ID]; issued != 1 || revoked != 1 {
			t.Errorf("the ledger has %s %d times as issued and %d times as revoked", c.ID, issued, revoked)
		}
	}
	t.Logf("%d credentials, %d entries, %d of them recovered, %d checkpoints seen", len(minted), len(list), recovered, len(w.seen))
	return recovered
}
