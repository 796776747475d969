package endpoint_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

func TestFields(t *testing.T) {
	path := newKitchen(t).backend.Paths[0]
	for name, kind := range map[string]framework.FieldType{
		"owner": framework.TypeString, "full": framework.TypeBool, "spoons": framework.TypeInt64, "serial": framework.TypeInt64, "ttl": framework.TypeDurationSecond,
		"cooked": framework.TypeString, "flavours": framework.TypeCommaStringSlice, "guests": framework.TypeCommaStringSlice, "labels": framework.TypeKVPairs, "name": framework.TypeString,
	} {
		if f := path.Fields[name]; f == nil || f.Type != kind || f.Description == "" || f.Required != (name == "name") {
			t.Errorf("field %s: %+v", name, f)
		}
	}
	if len(path.Fields) != 10 {
		t.Errorf("%d fields", len(path.Fields))
	}
	if label := path.Fields["ttl"].DisplayAttrs.Name; label != "Ttl" {
		t.Errorf("label %q", label)
	}
	responses := path.Operations[logical.ReadOperation].Properties().Responses[200]
	if len(responses) != 1 || responses[0].Fields["eaten"].Type != framework.TypeSlice || responses[0].Fields["owner"].Description != "Who it belongs to." {
		t.Errorf("response %+v", responses)
	}
}

func TestExistence(t *testing.T) {
	k := newKitchen(t)
	for name, want := range map[string]bool{"mine": true, "yours": false} {
		found, exists, err := k.backend.HandleExistenceCheck(context.Background(), &logical.Request{Operation: logical.CreateOperation, Path: "bowls/" + name})
		if !found || exists != want || err != nil {
			t.Errorf("%s: %t %t %v", name, found, exists, err)
		}
	}
	if err := k.write(nil); err != nil || k.got == nil {
		t.Error(err)
	}
	if _, err := k.do(logical.CreateOperation, map[string]any{"owner": "ann"}); err != nil || k.got.Owner != "ann" {
		t.Errorf("creating is writing: %v %+v", err, k.got)
	}
}

// The OpenAPI document that Vault makes of the path names every operation,
// parameter and schema.
func TestOpenAPI(t *testing.T) {
	k := newKitchen(t)
	resp, err := k.backend.HandleRequest(context.Background(), &logical.Request{Operation: logical.HelpOperation, Path: ""})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(resp.Data["openapi"])
	if err != nil {
		t.Fatal(err)
	}
	type schema struct {
		Ref        string `json:"$ref"`
		Properties map[string]struct {
			Type        string
			Format      string
			Description string
		}
	}
	type operation struct {
		Summary     string
		OperationID string
		Responses   map[string]struct {
			Description string
			Content     map[string]struct{ Schema schema }
		}
		RequestBody struct {
			Content map[string]struct{ Schema schema }
		}
	}
	var doc struct {
		Paths map[string]struct {
			Get, Post, Delete *operation
			Parameters        []struct {
				Name, In string
				Required bool
			}
			Exists bool `json:"x-vault-createSupported"`
		}
		Components struct{ Schemas map[string]schema }
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	path, ok := doc.Paths["/bowls/{name}"]
	if !ok || path.Get == nil || path.Post == nil || path.Delete == nil || !path.Exists {
		t.Fatalf("document %s", text)
	}
	if len(path.Parameters) != 1 || path.Parameters[0].Name != "name" || path.Parameters[0].In != "path" || !path.Parameters[0].Required {
		t.Errorf("parameters %+v", path.Parameters)
	}
	if path.Post.Summary != "Cook a bowl." || path.Post.Responses["204"].Description != "No Content" || len(path.Post.Responses) != 1 {
		t.Errorf("write %+v", path.Post)
	}
	body := doc.Components.Schemas[lastPart(path.Post.RequestBody.Content["application/json"].Schema.Ref)]
	for name, kind := range map[string]string{"owner": "string", "full": "boolean", "spoons": "integer", "ttl": "string", "guests": "array", "labels": "object", "cooked": "string"} {
		if p := body.Properties[name]; p.Type != kind || p.Description == "" {
			t.Errorf("body field %s: %+v, want %s", name, p, kind)
		}
	}
	if _, inBody := body.Properties["name"]; inBody {
		t.Error("what comes from the path is a field of the body")
	}
	answer := doc.Components.Schemas[lastPart(path.Get.Responses["200"].Content["application/json"].Schema.Ref)]
	for _, name := range []string{"owner", "eaten", "labels", "ttl"} {
		if answer.Properties[name].Description == "" {
			t.Errorf("response field %s: %+v", name, answer.Properties[name])
		}
	}
	if id := path.Post.OperationID; id != "ramp-cook-bowl" {
		t.Errorf("operation id %q", id)
	}
}

func lastPart(ref string) string {
	for i := len(ref) - 1; i >= 0; i-- {
		if ref[i] == '/' {
			return ref[i+1:]
		}
	}
	return ref
}
