package backend

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// requests has one that succeeds for every operation of every path, in an
// order in which they can be made.
var requests = []struct {
	op   logical.Operation
	path string
	data map[string]any
}{
	{logical.UpdateOperation, "config", map[string]any{"issuer": issuer}},
	{logical.ReadOperation, "config", nil},
	{logical.CreateOperation, "keys/signing", map[string]any{"algorithm": "ES256"}},
	{logical.UpdateOperation, "keys/signing", map[string]any{"rotation_period": "24h"}},
	{logical.ReadOperation, "keys/signing", nil},
	{logical.ListOperation, "keys/", nil},
	{logical.UpdateOperation, "keys/signing/rotate", nil},
	{logical.UpdateOperation, "keys/signing/revoke", map[string]any{"kid": "KID"}},
	{logical.CreateOperation, "services/payments", map[string]any{"audience": "https://payments.internal", "scopes": "a,b", "metadata": map[string]any{"k": "v"}}},
	{logical.UpdateOperation, "services/payments", map[string]any{"max_ttl": "1h"}},
	{logical.ReadOperation, "services/payments", nil},
	{logical.ListOperation, "services/", nil},
	{logical.UpdateOperation, "services/payments/suspend", nil},
	{logical.UpdateOperation, "services/payments/resume", nil},
	{logical.CreateOperation, "roles/" + role, map[string]any{"service": "payments", "scopes": "a", "bound_entity_ids": "e-orders", "expires_at": "2030-01-01T00:00:00Z", "credential": map[string]any{"key": "default"}}},
	{logical.UpdateOperation, "roles/" + role, map[string]any{"ttl": "5m"}},
	{logical.ReadOperation, "roles/" + role, nil},
	{logical.ListOperation, "roles/", nil},
	{logical.UpdateOperation, "roles/" + role + "/suspend", nil},
	{logical.UpdateOperation, "roles/" + role + "/resume", nil},
	{logical.UpdateOperation, "roles/" + role + "/revoke", nil},
	{logical.UpdateOperation, "roles/" + role, map[string]any{
		"stages":     []any{map[string]any{"name": "canary", "scopes": []any{"a"}, "advance": map[string]any{"approval": true}}, map[string]any{"name": "full", "scopes": []any{"a"}}},
		"conditions": []any{map[string]any{"name": "tls", "expression": "true", "on": []any{"request"}}},
	}},
	{logical.ReadOperation, "conditions/ID/DIGEST", nil},
	{logical.UpdateOperation, "services/payments/consents/" + role, map[string]any{"revision": "REVISION"}},
	{logical.ReadOperation, "services/payments/consents/" + role, nil},
	{logical.DeleteOperation, "services/payments/consents/" + role, nil},
	{logical.UpdateOperation, "roles/" + role + "/deploy", map[string]any{"generation": "v1", "overlap": "1m"}},
	{logical.UpdateOperation, "roles/" + role + "/deploy", map[string]any{"generation": "v2", "overlap": "1m"}},
	{logical.UpdateOperation, "roles/" + role + "/advance", map[string]any{"caller": "e-orders"}},
	{logical.UpdateOperation, "roles/" + role + "/retreat", map[string]any{"caller": "e-orders"}},
	{logical.UpdateOperation, "evidence/" + role, map[string]any{"report": "r1", "caller": "e-orders", "accepted": 3}},
	{logical.ListOperation, "roles/" + role + "/callers/", nil},
	{logical.ReadOperation, "roles/" + role + "/callers/e-orders", nil},
	{logical.UpdateOperation, "explain/" + role, map[string]any{"context": map[string]any{"k": "v"}}},
	{logical.UpdateOperation, "callers/e-orders/suspend", nil},
	{logical.UpdateOperation, "callers/e-orders/resume", nil},
	{logical.ReadOperation, "creds/" + role, nil},
	{logical.UpdateOperation, "creds/" + role, map[string]any{"ttl": 60}},
	{logical.UpdateOperation, "introspect", map[string]any{"token": "TOKEN"}},
	{logical.UpdateOperation, "revoke", map[string]any{"token": "TOKEN"}},
	{logical.ReadOperation, ".well-known/openid-configuration", nil},
	{logical.ReadOperation, ".well-known/jwks.json", nil},
	{logical.ReadOperation, "bundle", nil},
	{logical.ReadOperation, "status/id/0", nil},
	{logical.ReadOperation, "feed", nil},
	{logical.ReadOperation, "health", nil},
	{logical.ReadOperation, "ledger/checkpoint", nil},
	{logical.ReadOperation, "ledger/tile/0/000.p/1", nil},
	{logical.ReadOperation, "ledger/entries", map[string]any{"from": 0, "limit": 3}},
	{logical.ReadOperation, "ledger/proof", map[string]any{"index": 1}},
	{logical.ReadOperation, "ledger/proof", map[string]any{"size": 1}},
	{logical.ReadOperation, "ledger/key", nil},
	{logical.UpdateOperation, "ledger/key/rotate", nil},
	{logical.ReadOperation, "metrics", nil},
	{logical.ReadOperation, "report/expiring", map[string]any{"within": "24h"}},
	{logical.ReadOperation, "report/usage", map[string]any{"by": "hour"}},
	{logical.ReadOperation, "report/idle", map[string]any{"for": "0s"}},
	{logical.ReadOperation, "report/denials", nil},
	{logical.ReadOperation, "report/graph", map[string]any{"limit": 10}},
	{logical.DeleteOperation, "roles/" + role, nil},
	{logical.DeleteOperation, "services/payments", nil},
	{logical.DeleteOperation, "keys/signing", nil},
}

// Every operation answers as its schema says: rig.do compares, strictly.
func TestEveryOperationAnswersAsDeclared(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		tried := map[*framework.Path]map[logical.Operation]bool{}
		token, id, kid, revision := any(""), "", "", ""
		digest := ramp.RequestConditions{{Name: "tls", Expression: "true"}}.Digest()
		for _, req := range requests {
			data := map[string]any{}
			for k, v := range req.data {
				data[k] = map[any]any{"TOKEN": token, "KID": kid, "REVISION": revision}[stringOrNil(v)]
				if data[k] == nil {
					data[k] = v
				}
			}
			path := strings.NewReplacer("/id/", "/"+id+"/", "/ID/", "/"+id+"/", "DIGEST", digest).Replace(req.path)
			resp, err := r.do(req.op, path, "e-orders", data)
			if err != nil || resp.IsError() {
				t.Fatalf("%s %s: %v %v", req.op, path, resp, err)
			}
			route := r.engine.Route(path)
			if tried[route] == nil {
				tried[route] = map[logical.Operation]bool{}
			}
			tried[route][req.op] = true
			switch {
			case resp == nil:
				if want := declared(t, route, req.op); len(want.Fields) > 0 {
					t.Errorf("%s %s says nothing, declared are %v", req.op, path, want.Fields)
				}
			case route.Pattern == "^creds/"+name()+"$":
				token = resp.Data["token"]
			case route.Pattern == "^roles/"+name()+"$":
				id, revision = resp.Data["id"].(string), resp.Data["revision"].(string)
			case req.path == "keys/signing/rotate":
				kid = resp.Data["kid"].(string)
			}
		}
		for _, path := range r.engine.Paths {
			for op := range path.Operations {
				if !tried[path][op] {
					t.Errorf("%s %s has no request here", op, path.Pattern)
				}
			}
		}
	})
}

func stringOrNil(v any) any {
	if s, ok := v.(string); ok {
		return s
	}
	return nil
}

// path-help has something to say on every path, and the OpenAPI document a
// description and a response for every operation.
func TestEveryPathIsDocumented(t *testing.T) {
	r := newRig(t)
	r.contract()
	for _, path := range r.engine.Paths {
		if path.HelpSynopsis == "" || path.HelpDescription == "" || path.DisplayAttrs == nil || path.DisplayAttrs.OperationPrefix != "ramp" {
			t.Errorf("%s: synopsis %q, description %q, attributes %+v", path.Pattern, path.HelpSynopsis, path.HelpDescription, path.DisplayAttrs)
		}
		for name, field := range path.Fields {
			if field.Description == "" || field.DisplayAttrs == nil || field.DisplayAttrs.Name == "" {
				t.Errorf("%s: field %s has no description", path.Pattern, name)
			}
		}
		for op, handler := range path.Operations {
			p := handler.Properties()
			if p.Summary == "" || len(p.Responses) != 1 || !p.ForwardPerformanceStandby {
				t.Errorf("%s %s: summary %q, %d responses", op, path.Pattern, p.Summary, len(p.Responses))
			}
			for _, responses := range p.Responses {
				for name, field := range responses[0].Fields {
					if field.Description == "" {
						t.Errorf("%s %s: response field %s has no description", op, path.Pattern, name)
					}
				}
			}
		}
	}
	for _, req := range requests {
		path := strings.NewReplacer("/ID/", "/a1/", "DIGEST", strings.Repeat("d", 43)).Replace(req.path)
		resp, err := r.backend.HandleRequest(context.Background(), &logical.Request{Operation: logical.HelpOperation, Path: path, Storage: r.storage})
		if err != nil || resp.Data["help"] == "" {
			t.Errorf("help on %s: %v %v", req.path, resp, err)
		}
	}
}
