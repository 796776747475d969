package backend

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"
	"golang.org/x/mod/sumdb/note"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// published reads the ledger as anybody does who may read its paths.
type published struct{ *rig }

func (p published) Read(_ context.Context, path string) ([]byte, error) {
	resp, err := p.do(logical.ReadOperation, "ledger/"+path, "", nil)
	if status(err) == 404 {
		return nil, fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	} else if err != nil {
		return nil, err
	}
	return bodyOf(p.rig, resp), nil
}

func (r *rig) ledgerKey() note.Verifier {
	r.t.Helper()
	list := r.read("ledger/key")["keys"].([]any)
	v, err := note.NewVerifier(list[0].(map[string]any)["key"].(string))
	if err != nil {
		r.t.Fatal(err)
	}
	return v
}

// audit verifies the ledger over its paths.
func (r *rig) audit(known ...ledger.Checkpoint) (*ledger.Result, []ledger.Entry) {
	r.t.Helper()
	var list []ledger.Entry
	result, err := (&ledger.Audit{Log: published{r}, Keys: []note.Verifier{r.ledgerKey()}, Known: known, Each: func(_ int64, text []byte) error {
		if e, err := ledger.ParseEntry(text); err == nil {
			list = append(list, *e)
		}
		return nil
	}}).Run(context.Background())
	if err != nil {
		r.t.Fatal(err)
	}
	return result, list
}

// ledger returns all entries, having verified them.
func (r *rig) ledger(known ...ledger.Checkpoint) []ledger.Entry {
	r.t.Helper()
	result, list := r.audit(known...)
	if len(result.Findings) > 0 {
		r.t.Fatalf("%+v", result.Findings)
	}
	return list
}

// causes returns the types of the entries that something causes.
func (r *rig) causes(do func()) string {
	r.t.Helper()
	before := len(r.ledger())
	do()
	var types []string
	for _, e := range r.ledger()[before:] {
		types = append(types, strings.TrimSuffix(e.Type+" "+e.Action, " "))
	}
	return strings.Join(types, ", ")
}

// about returns the entries about a credential.
func about(list []ledger.Entry, resp *logical.Response, kind string) []ledger.Entry {
	var found []ledger.Entry
	for _, e := range list {
		if e.JTI == resp.Data["jti"] && e.Type == kind {
			found = append(found, e)
		}
	}
	return found
}
