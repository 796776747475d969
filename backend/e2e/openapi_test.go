package e2e_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// An operation in Vault's OpenAPI document, as far as this test looks.
type operation struct {
	ID      string `json:"operationId"`
	Summary string `json:"summary"`
	Request *struct {
		Content content `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Content content `json:"content"`
	} `json:"responses"`
}

type content map[string]struct {
	Schema struct {
		Properties map[string]struct {
			Type        string `json:"type"`
			Description string `json:"description"`
		} `json:"properties"`
	} `json:"schema"`
}

// operations returns what Vault's OpenAPI document says about ramp/: path without the mount → method → operation.
func (r *rig) operations(t *testing.T) map[string]map[string]operation {
	t.Helper()
	answer, err := r.Client.Logical().ReadRaw("sys/internal/specs/openapi")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var doc struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := answer.DecodeJSON(&doc); err != nil {
		t.Fatal(err)
	}
	found := map[string]map[string]operation{}
	for path, item := range doc.Paths {
		below, ours := strings.CutPrefix(path, "/ramp/")
		if !ours {
			continue
		}
		found[below] = map[string]operation{}
		for _, method := range []string{"get", "post", "delete"} {
			if raw, ok := item[method]; ok {
				var op operation
				if err := json.Unmarshal(raw, &op); err != nil {
					t.Fatal(err)
				}
				found[below][method] = op
			}
		}
	}
	return found
}

// The paths of the product's API, each with its operations.
var apiPaths = map[string]string{
	"config": "get post", "keys/": "get", "keys/{name}": "delete get post", "keys/{name}/rotate": "post", "keys/{name}/revoke": "post",
	"services/": "get", "services/{name}": "delete get post", "services/{name}/suspend": "post", "services/{name}/resume": "post",
	"roles/": "get", "roles/{name}": "delete get post", "roles/{name}/suspend": "post", "roles/{name}/resume": "post", "roles/{name}/revoke": "post",
	"callers/{entity_id}/suspend": "post", "callers/{entity_id}/resume": "post", "creds/{name}": "get post",
	"roles/{name}/deploy": "post", "roles/{name}/advance": "post", "roles/{name}/retreat": "post",
	"roles/{name}/callers/": "get", "roles/{name}/callers/{entity_id}": "get", "evidence/{name}": "post",
	"services/{name}/consents/{role}": "delete get post", "explain/{name}": "post", "conditions/{id}/{digest}": "get",
	"introspect": "post", "revoke": "post", ".well-known/openid-configuration": "get", ".well-known/jwks.json": "get",
	"bundle": "get", "status/{id}/{n}": "get", "feed": "get", "health": "get",
	"ledger/checkpoint": "get", "ledger/tile/{tile}": "get", "ledger/entries": "get", "ledger/proof": "get", "ledger/key": "get", "ledger/key/rotate": "post", "metrics": "get",
	"report/expiring": "get", "report/usage": "get", "report/idle": "get", "report/denials": "get", "report/graph": "get",
}

// raw are the operations whose answer is not Vault's JSON: a standard says what it looks like.
var raw = []string{
	".well-known/jwks.json get", ".well-known/openid-configuration get", "bundle get", "feed get", "status/{id}/{n} get",
	"conditions/{id}/{digest} get", "metrics get",
	"introspect post", "revoke post", "ledger/checkpoint get", "ledger/tile/{tile} get",
}

// withoutBody are the writes that take no fields.
var withoutBody = []string{
	"ledger/key/rotate", "callers/{entity_id}/resume", "callers/{entity_id}/suspend", "keys/{name}/rotate",
	"roles/{name}/resume", "roles/{name}/suspend", "services/{name}/resume", "services/{name}/suspend",
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	documented := r.operations(t)
	ids := map[string]string{}
	for path, ops := range documented {
		if got := strings.Join(slices.Sorted(maps.Keys(ops)), " "); got != apiPaths[path] {
			t.Errorf("%s has the operations %q, want %q", path, got, apiPaths[path])
		}
		for method, op := range ops {
			name := path + " " + method
			if other, taken := ids[op.ID]; op.ID == "" || taken {
				t.Errorf("%s has the operation id %q, as has %q", name, op.ID, other)
			}
			ids[op.ID] = name
			if op.Summary == "" {
				t.Errorf("%s has no summary", name)
			}
			checkAnswer(t, name, op)
			checkRequest(t, path, method, op)
		}
	}
	for path := range apiPaths {
		if documented[path] == nil {
			t.Errorf("%s is not in the document", path)
		}
	}
}

func checkAnswer(t *testing.T, name string, op operation) {
	t.Helper()
	ok, hasOK := op.Responses["200"]
	_, hasNoContent := op.Responses["204"]
	switch {
	case hasOK == hasNoContent:
		t.Errorf("%s answers %v, want either 200 or 204", name, slices.Sorted(maps.Keys(op.Responses)))
	case hasOK && !slices.Contains(raw, name):
		checkSchema(t, "answer of "+name, ok.Content)
	}
}

func checkRequest(t *testing.T, path, method string, op operation) {
	t.Helper()
	switch {
	case method != "post":
	case slices.Contains(withoutBody, path):
		if op.Request != nil {
			t.Errorf("%s should take no fields", path)
		}
	case op.Request == nil:
		t.Errorf("%s has no request schema", path)
	default:
		checkSchema(t, "request of "+path, op.Request.Content)
	}
}

func checkSchema(t *testing.T, what string, c content) {
	t.Helper()
	schema := c["application/json"].Schema
	if len(schema.Properties) == 0 {
		t.Errorf("%s has no schema", what)
	}
	for name, p := range schema.Properties {
		if p.Type == "" || p.Description == "" {
			t.Errorf("%s: field %s has type %q and description %q", what, name, p.Type, p.Description)
		}
	}
}

// vault path-help knows every path.
func TestPathHelp(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	overview := r.vault(t, r.RootToken, "path-help", "ramp/")
	sample := strings.NewReplacer("{name}", "x", "{entity_id}", "0b5f", "{id}", "abc", "{n}", "0", "{role}", "y", "{digest}", strings.Repeat("d", 43), "{tile}", "0/000")
	for path := range apiPaths {
		help := r.vault(t, r.RootToken, "path-help", "ramp/"+sample.Replace(path))
		_, text, found := strings.Cut(help, "Matching Route:")
		route, text, _ := strings.Cut(strings.TrimSpace(text), "\n")
		synopsis, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
		if !found || !strings.HasSuffix(synopsis, ".") || strings.Contains(help, "<no ") {
			t.Errorf("%s:\n%s", path, help)
		}
		if !strings.Contains(overview, route) || !strings.Contains(overview, synopsis) {
			t.Errorf("the overview lacks %s: %s", path, synopsis)
		}
	}
}
