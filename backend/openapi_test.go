package backend

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

// Vault loses references between the schemas of an engine that runs in a
// process of its own, so that the document has none.
func TestOpenAPIDocument(t *testing.T) {
	r := newRig(t)
	resp, err := r.backend.HandleRequest(context.Background(), &logical.Request{Operation: logical.HelpOperation, Path: "", Storage: r.storage})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(resp.Data["openapi"])
	if err != nil {
		t.Fatal(err)
	}
	type content map[string]struct {
		Schema struct{ Properties map[string]any }
	}
	type operation struct {
		Summary     string
		RequestBody struct{ Content content }
		Responses   map[string]struct{ Content content }
	}
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(text, &doc); err != nil || strings.Contains(string(text), `"$ref"`) {
		t.Fatalf("%v in %s", err, text)
	}
	operations := 0
	for path, item := range doc.Paths {
		for _, method := range []string{"get", "post", "delete"} {
			if item[method] == nil {
				continue
			}
			var op operation
			if err := json.Unmarshal(item[method], &op); err != nil || op.Summary == "" || len(op.Responses) != 1 {
				t.Errorf("%s %s: %s %v", method, path, item[method], err)
			}
			operations++
		}
	}
	if len(doc.Paths) != len(r.engine.Paths) || operations < len(r.engine.Paths) {
		t.Errorf("%d paths with %d operations, the engine has %d paths", len(doc.Paths), operations, len(r.engine.Paths))
	}
	var creds operation
	if err := json.Unmarshal(doc.Paths["/creds/{name}"]["post"], &creds); err != nil {
		t.Fatal(err)
	}
	asks, gives := creds.RequestBody.Content["application/json"].Schema.Properties, creds.Responses["200"].Content["application/json"].Schema.Properties
	if asks["dpop_jkt"] == nil || len(asks) != 6 || gives["token"] == nil || gives["serial"] == nil {
		t.Errorf("creds asks for %v and gives %v", asks, gives)
	}
}
