package backend

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

// Services know compare-and-swap as contracts do, and so do deletes of both.
func TestExpectedRevision(t *testing.T) {
	r := newRig(t)
	r.contract()
	revision := r.read("services/payments")["revision"].(string)
	other := strings.Repeat("0", 64)
	r.refused(logical.UpdateOperation, "services/payments", "", map[string]any{"owner": "x", "expected_revision": other}, 409, "the service has changed: its revision is "+revision)
	r.refused(logical.UpdateOperation, "services/payments", "", map[string]any{"owner": "x", "expected_revision": "none"}, 409, "exists already")
	r.refused(logical.UpdateOperation, "services/new", "", map[string]any{"audience": "https://new", "scopes": "a", "expected_revision": other}, 409, "does not exist")
	r.write("services/payments", map[string]any{"owner": "x", "expected_revision": revision})
	r.write("services/new", map[string]any{"audience": "https://new", "scopes": "a", "expected_revision": "none"})
	if now := r.read("services/payments")["revision"]; now == revision {
		t.Error("an edit kept the revision")
	}
	for _, path := range []string{"roles/" + role, "services/new"} {
		r.refused(logical.DeleteOperation, path, "", map[string]any{"expected_revision": other}, 409, "has changed")
		revision := r.read(path)["revision"]
		if _, err := r.do(logical.DeleteOperation, path, "", map[string]any{"expected_revision": revision}); err != nil {
			t.Error(err)
		}
		r.refused(logical.DeleteOperation, path, "", map[string]any{"expected_revision": revision}, 409, "does not exist")
	}
}
