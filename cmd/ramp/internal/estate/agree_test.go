package estate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend"
)

// TestAgreement: what validate accepts, the engine accepts, and what one
// refuses, the other refuses: 2,000 contracts with their services, good and
// bad, as HCL and as JSON. RAMP_LONG=1 makes it 10,000.
func TestAgreement(t *testing.T) {
	e := newEngine(t)
	good, bad, perCheck := 0, 0, 20
	switch {
	case os.Getenv("RAMP_LONG") != "":
		perCheck = 100
	case testing.Short():
		perCheck = 10
	}
	rapid.Check(t, func(t *rapid.T) {
		for range perCheck {
			service, contract := anyService(t), anyContract(t)
			served := e.accepts(t, "services/payments", service)
			if served == nil {
				served = e.accepts(t, "roles/orders", contract)
			}
			for name, text := range map[string]string{"x.hcl": asHCL(service, contract), "x.hcl.json": asJSON(service, contract)} {
				e, diags := loadText(name, text)
				if !diags.HasErrors() {
					diags = e.Check(e.Settings.Limits(), nil)
				}
				if diags.HasErrors() != (served != nil) {
					t.Fatalf("the engine says: %v\nvalidate says: %v\n%s", served, diags, text)
				}
				if diags.HasErrors() && diags[0].Subject == nil {
					t.Errorf("an error without a place: %v", diags)
				}
			}
			e.clear()
			if served == nil {
				good++
			} else {
				bad++
			}
		}
	})
	if good < 4*perCheck || bad < 4*perCheck {
		t.Errorf("%d good and %d bad contracts say little", good, bad)
	}
	t.Logf("%d good and %d bad contracts", good, bad)
}

// engine is the secrets engine itself, without a Vault around it.
type engine struct {
	logical.Backend
	storage *logical.InmemStorage
}

func newEngine(t *testing.T) *engine {
	b, err := backend.Factory("v0.0.0-test")(t.Context(), &logical.BackendConfig{
		Logger: hclog.NewNullLogger(), System: &logical.StaticSystemView{MaxLeaseTTLVal: 768 * time.Hour},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := &engine{b, &logical.InmemStorage{}}
	if err := e.do(logical.UpdateOperation, "config", map[string]any{"issuer": "https://vault.example.com/v1/ramp"}); err != nil {
		t.Fatal(err)
	}
	return e
}

func (e *engine) do(op logical.Operation, path string, data map[string]any) error {
	resp, err := e.HandleRequest(context.Background(), &logical.Request{Operation: op, Path: path, Data: data, Storage: e.storage})
	if err == nil && resp.IsError() {
		err = resp.Error()
	}
	return err
}

// accepts sends an object as JSON brings it, and fails on a fault of the engine.
func (e *engine) accepts(t *rapid.T, path string, object map[string]any) error {
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var data map[string]any
	if err := json.Unmarshal(text, &data); err != nil {
		t.Fatal(err)
	}
	err = e.do(logical.UpdateOperation, path, data)
	var coded logical.HTTPCodedError
	if err != nil && (!errors.As(err, &coded) || coded.Code() != http.StatusBadRequest) {
		t.Fatalf("%s: %v", text, err)
	}
	return err
}

func (e *engine) clear() {
	_ = e.do(logical.DeleteOperation, "roles/orders", nil)
	_ = e.do(logical.DeleteOperation, "services/payments", nil)
}

func asJSON(service, contract map[string]any) string {
	text, err := json.Marshal(map[string]any{
		"service": map[string]any{"payments": service}, "contract": map[string]any{"orders": contract},
	})
	if err != nil {
		panic(err)
	}
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(string(text))
}

func asHCL(service, contract map[string]any) string {
	return fmt.Sprintf("service \"payments\" {\n%s}\ncontract \"orders\" {\n%s}\n", asAttributes(service), asAttributes(contract))
}

func asAttributes(object map[string]any) string {
	var b strings.Builder
	for name, v := range object {
		fmt.Fprintf(&b, "%s = %s\n", name, asExpression(v))
	}
	return b.String()
}

func asExpression(v any) string {
	switch v := v.(type) {
	case string:
		return quote(v)
	case []any:
		var list []string
		for _, e := range v {
			list = append(list, asExpression(e))
		}
		return "[" + strings.Join(list, ", ") + "]"
	case map[string]any:
		var list []string
		for k, e := range v {
			list = append(list, quote(k)+" = "+asExpression(e))
		}
		slices.Sort(list)
		return "{" + strings.Join(list, ", ") + "}"
	case nil:
		return "null"
	}
	return fmt.Sprint(v)
}
