package main

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// TestTerraform does what the provider does with the example: it writes each
// data_json, reads it back, and finds every field as it was written, so that a
// second plan is empty.
func TestTerraform(t *testing.T) {
	s := vaulttest.Start(t)
	s.Mount("ramp")
	path := "../../bootstrap/terraform/main.tf"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(hclwrite.Format(text), text) {
		t.Error("not formatted")
	}
	file, diags := hclsyntax.ParseConfig(text, path, hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	scope := &hcl.EvalContext{
		Functions: map[string]function.Function{"jsonencode": stdlib.JSONEncodeFunc},
		Variables: map[string]cty.Value{
			"var":         cty.ObjectVal(map[string]cty.Value{"issuer": cty.StringVal(s.Addr + "/v1/ramp")}),
			"vault_mount": cty.ObjectVal(map[string]cty.Value{"ramp": cty.ObjectVal(map[string]cty.Value{"path": cty.StringVal("ramp")})}),
		},
	}
	written := 0
	for _, b := range file.Body.(*hclsyntax.Body).Blocks {
		if b.Type != "resource" || b.Labels[0] != "vault_generic_endpoint" {
			continue
		}
		value := func(name string) string {
			v, diags := b.Body.Attributes[name].Expr.Value(scope)
			if diags.HasErrors() {
				t.Fatal(diags)
			}
			return v.AsString()
		}
		var data map[string]any
		if err := json.Unmarshal([]byte(value("data_json")), &data); err != nil {
			t.Fatal(err)
		}
		s.Write(value("path"), data)
		secret, err := s.Client.Logical().Read(value("path"))
		if err != nil || secret == nil {
			t.Fatalf("%s: %v", value("path"), err)
		}
		for field, want := range data {
			if got := plain(t, secret.Data[field]); !reflect.DeepEqual(got, plain(t, want)) {
				t.Errorf("%s: %s is read as %v, written as %v: each plan would change it", value("path"), field, got, want)
			}
		}
		written++
	}
	if written != 3 {
		t.Errorf("%d resources", written)
	}
}

func plain(t *testing.T, v any) (made any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &made)
	}
	if err != nil {
		t.Fatal(err)
	}
	return made
}
