package backend

import (
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

func TestSmoke(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.write("roles/orders-to-payments", map[string]any{
		"scopes": "invoices:read,invoices:write",
		"conditions": []any{map[string]any{"name": "prod", "expression": `request.context["env"] == "prod"`}, map[string]any{"name": "req", "expression": `request.remote_address != ""`, "on": []any{"request"}}},
		"stages": []any{
			map[string]any{"name": "canary", "scopes": []any{"invoices:read"}, "ttl": "1m", "advance": map[string]any{"after": "10m", "accepted": 5}},
			map[string]any{"name": "full", "scopes": []any{"invoices:read", "invoices:write"}, "retreat": map[string]any{"refusals": 3, "within": "1m"}},
		},
		"max_active": 2,
	})
	get := func(data map[string]any) (*logical.Response, error) {
		return r.do(logical.UpdateOperation, "creds/orders-to-payments", "e-orders", data)
	}
	_, err := get(nil)
	t.Log(err)
	_, err = get(map[string]any{"context": "env=dev"})
	t.Log(err)
	resp, err := get(map[string]any{"context": "env=prod"})
	if err != nil { t.Fatal(err) }
	t.Log(resp.Data["stage"], resp.Data["scope"], resp.Secret)
	_, err = get(map[string]any{"context": "env=prod", "scopes": "invoices:write"})
	t.Log(err)
	r.clock = r.clock.Add(11 * time.Minute)
	r.write("evidence/orders-to-payments", map[string]any{"report": "1", "caller": "e-orders", "accepted": 3})
	r.write("evidence/orders-to-payments", map[string]any{"report": "1", "caller": "e-orders", "accepted": 3})
	t.Log(r.read("roles/orders-to-payments/callers/e-orders"))
	r.write("evidence/orders-to-payments", map[string]any{"report": "2", "caller": "e-orders", "accepted": 3})
	t.Log(r.read("roles/orders-to-payments/callers/e-orders"))
	resp2, err := get(map[string]any{"context": "env=prod"})
	if err != nil { t.Fatal(err) }
	t.Log(resp2.Data["stage"], resp2.Data["scope"])
	_, err = get(map[string]any{"context": "env=prod"})
	t.Log(err)
	_, err = r.renew(resp2)
	t.Log("renew", err)
	r.write("evidence/orders-to-payments", map[string]any{"report": "3", "counts": []any{map[string]any{"caller": "e-orders", "refused": 4}}})
	_, err = r.renew(resp2)
	t.Log("renew", err)
	resp, err = get(map[string]any{"context": "env=prod"})
	if err != nil { t.Fatal(err) }
	t.Log(resp.Data["stage"], resp.Data["scope"])
	d := r.write("roles/orders-to-payments/deploy", map[string]any{"generation": "g1", "overlap": "1m"})
	t.Log(d.Data)
	_, err = r.renew(resp)
	t.Log("renew", err, resp.Secret.TTL)
	r.clock = r.clock.Add(2 * time.Minute)
	_, err = r.renew(resp)
	t.Log("renew", err)
	ex, err := r.do(logical.UpdateOperation, "explain/orders-to-payments", "", map[string]any{"caller": "e-orders", "context": "env=dev"})
	t.Log(err)
	t.Log(ex.Data["allowed"], ex.Data["reason"])
	for _, c := range ex.Data["checks"].([]any) { t.Log("   ", c) }
	r.write("services/payments", map[string]any{"consent": "required"})
	t.Log(r.read("roles/orders-to-payments"))
	_, err = get(map[string]any{"context": "env=prod"})
	t.Log(err)
	r.write("services/payments/consents/orders-to-payments", map[string]any{"revision": r.read("roles/orders-to-payments")["revision"]})
	resp, err = get(map[string]any{"context": "env=prod"})
	t.Log(err)
	_, err = r.do(logical.UpdateOperation, "roles/orders-to-payments", "", map[string]any{"conditions": []any{map[string]any{"name": "a", "expresion": "true"}}})
	t.Log(err)
	_, err = r.do(logical.UpdateOperation, "roles/orders-to-payments", "", map[string]any{"conditions": []any{map[string]any{"name": "a", "expression": "caller.nme == ''"}}})
	t.Log(err)
	_, err = r.do(logical.UpdateOperation, "roles/orders-to-payments", "", map[string]any{"conditions": []any{`[{"name":"a","expression":"true"}]`}, "off_ramp": map[string]any{"window":"1h","ttl":"1m"}})
	t.Log(err)
}
