package backend

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// report reads the first page of a report, and one row of it by a field's value.
func (r *rig) report(path, field string, query map[string]any) []any {
	r.t.Helper()
	resp, err := r.do(logical.ReadOperation, "report/"+path, "", query)
	if err != nil {
		r.t.Fatal(err)
	}
	rows, ok := resp.Data[field].([]any)
	if !ok {
		r.t.Fatalf("%s has no %s: %+v", path, field, resp.Data)
	}
	return rows
}

// brief is the values of a row's fields, in their order.
func brief(row any, fields ...string) string {
	var values []string
	for _, f := range fields {
		values = append(values, fmt.Sprint(row.(map[string]any)[f]))
	}
	return strings.Join(values, " ")
}

func briefs(rows []any, fields ...string) (list []string) {
	for _, row := range rows {
		list = append(list, brief(row, fields...))
	}
	return list
}

func (r *rig) says(what string, got []string, want ...string) {
	r.t.Helper()
	if !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
		r.t.Errorf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestExpiringReport(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		r.write("roles/"+role, map[string]any{"metadata": map[string]any{"owner": "ann"}, "expires_at": "2027-03-05T12:00:00Z", "off_ramp": map[string]any{"window": 3600, "scopes": []any{"invoices:read"}}})
		r.write("roles/far", map[string]any{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": "e-orders", "expires_at": "2028-03-05T12:00:00Z"})
		r.write("roles/"+role+"/deploy", map[string]any{"generation": "v1"})
		held := r.mint()
		r.mint()
		r.write("roles/"+role+"/deploy", map[string]any{"generation": "v2", "overlap": "20m"})
		r.mint()
		all := func(query map[string]any) []string {
			return briefs(r.report("expiring", "expiring", query), "at", "kind", "name", "detail", "owner", "count")
		}
		none := "<nil>"
		r.says("a week", all(nil),
			"2027-03-01T12:00:00Z credentials "+role+" "+none+" ann 2",
			"2027-03-01T12:20:00Z generation "+role+" v1 ann "+none,
			"2027-03-01T13:00:00Z credentials "+role+" "+none+" ann 1",
			"2027-03-05T11:00:00Z off_ramp "+role+" "+none+" ann "+none,
			"2027-03-05T12:00:00Z contract "+role+" "+none+" ann "+none,
		)
		r.revoke(held)
		r.says("half an hour", all(map[string]any{"within": "30m"}),
			"2027-03-01T12:00:00Z credentials "+role+" "+none+" ann 1",
			"2027-03-01T12:20:00Z generation "+role+" v1 ann "+none,
		)
		r.clock.advance(29 * 24 * time.Hour)
		r.tick()
		_, kids := r.keyStates("default")
		r.says("what is over stays until somebody acts", all(nil),
			"2027-03-05T12:00:00Z contract "+role+" "+none+" ann "+none,
			"2027-03-31T12:00:00Z key default "+kids[0]+" "+none+" "+none,
		)
	})
}

func TestIdleReport(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		r.write("roles/"+role, map[string]any{
			"scopes": "invoices:read,invoices:write", "metadata": map[string]any{"owner": "ann"},
			"stages": []any{
				map[string]any{"name": "canary", "scopes": []any{"invoices:read"}, "advance": map[string]any{"issued": 2}},
				map[string]any{"name": "full", "scopes": []any{"invoices:read", "invoices:write"}},
			},
		})
		r.write("roles/nobody", map[string]any{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": "e-orders"})
		r.mint()
		idle := func(query map[string]any) []string {
			return briefs(r.report("idle", "idle", query), "contract", "owner", "last_used", "idle", "unused_scopes")
		}
		r.says("at first nothing is idle", idle(nil))
		r.write("evidence/"+role, map[string]any{"report": "1", "caller": "e-orders", "accepted": 7, "scopes": map[string]any{"invoices:read": 7, "invoices:write": 0, "made:up": 3}})
		r.clock.advance(3 * 24 * time.Hour)
		r.mint()
		r.write("evidence/"+role, map[string]any{"report": "2", "counts": []any{map[string]any{"caller": "e-orders", "accepted": 1, "scopes": map[string]any{"invoices:read": 1}}}})
		r.clock.advance(5 * 24 * time.Hour)
		r.says("after a week", idle(nil),
			"nobody <nil>  true <nil>",
			role+" ann 2027-03-04T12:00:00Z false [invoices:write]",
		)
		r.says("and a while", idle(map[string]any{"for": "100h"}),
			"nobody <nil>  true <nil>",
			role+" ann 2027-03-04T12:00:00Z true [invoices:read invoices:write]",
		)
		r.says("not for so long", idle(map[string]any{"for": "720h"}))

		// What is suggested can be written, and takes away what nobody used.
		row := r.report("idle", "idle", nil)[1].(map[string]any)
		r.write("roles/"+role, row["suggested"].(map[string]any))
		r.says("the smaller contract", texts(r.read("roles/" + role)["scopes"]), "invoices:read")
		r.says("leaves nothing to say", idle(nil), "nobody <nil>  true <nil>")

		r.tick()
		r.start()
		r.says("after a restart", idle(nil), "nobody <nil>  true <nil>")
		r.clock.advance(400 * time.Hour)
		r.mint()
		r.says("a scope that was used once", idle(nil), "nobody <nil>  true <nil>", role+" ann 2027-03-26T04:00:00Z false [invoices:read]")
		r.delete("roles/nobody")
		r.says("when it is gone", idle(nil), role+" ann 2027-03-26T04:00:00Z false [invoices:read]")
	})
}

func TestUsageReport(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.write("roles/"+role, map[string]any{"bound_entity_ids": "e-orders,e-other"})
	r.mint()
	r.mint()
	r.clock.advance(90 * time.Minute)
	r.mint()
	if _, err := r.do(logical.ReadOperation, "creds/"+role, "e-other", nil); err != nil {
		t.Fatal(err)
	}
	usage := func(query map[string]any) []string {
		return briefs(r.report("usage", "usage", query), "hour", "contract", "caller", "issued")
	}
	r.says("by caller", usage(nil), "<nil> "+role+" e-orders 3", "<nil> "+role+" e-other 1")
	r.says("by contract", usage(map[string]any{"by": "contract"}), "<nil> "+role+" <nil> 4")
	r.says("by hour", usage(map[string]any{"by": "hour"}),
		"2027-03-01T12:00:00Z "+role+" e-orders 2", "2027-03-01T13:00:00Z "+role+" e-orders 1", "2027-03-01T13:00:00Z "+role+" e-other 1")
	r.says("of one hour", usage(map[string]any{"from": "2027-03-01T13:00:00Z"}), "<nil> "+role+" e-orders 1", "<nil> "+role+" e-other 1")
	r.says("before", usage(map[string]any{"to": "2027-03-01T13:00:00Z", "contract": role}), "<nil> "+role+" e-orders 2")
	r.says("of one caller", usage(map[string]any{"caller": "e-other"}), "<nil> "+role+" e-other 1")
	r.says("of another contract", usage(map[string]any{"contract": "none"}))
	r.refused(logical.ReadOperation, "report/idle", "", map[string]any{"for": "1000000h"}, 400, "between 0 and 87600h")
	r.refused(logical.ReadOperation, "report/expiring", "", map[string]any{"within": "1000000h"}, 400, "between 0 and 87600h")
	for query, says := range map[string]string{"by=week": "caller, contract, hour", "limit=-1": "between 1 and 1000", "limit=1001": "between 1 and 1000", "from=yesterday": "RFC 3339", "form=x": "unknown field"} {
		field, value, _ := strings.Cut(query, "=")
		r.refused(logical.ReadOperation, "report/usage", "", map[string]any{field: value}, 400, says)
	}
}

func TestGraphReport(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		r.write("roles/teams", map[string]any{"service": "payments", "scopes": "invoices:write", "bound_groups": "ops", "bound_entity_metadata": map[string]any{"team": "red"}})
		r.mint()
		if _, err := r.do(logical.ReadOperation, "creds/teams", "e-orders", nil); err != nil {
			t.Fatal(err)
		}
		r.write("services/payments/suspend", nil)
		r.write("roles/teams/suspend", nil)
		r.says("nodes", briefs(r.report("graph", "nodes", nil), "id", "kind", "name", "state"),
			"bound_entity_metadata:team=red binding team=red <nil>",
			"bound_groups:ops binding ops <nil>",
			"caller:e-orders caller e-orders <nil>",
			"contract:"+role+" contract "+role+" active",
			"contract:teams contract teams suspended",
			"service:payments service payments suspended",
		)
		edges := func(query map[string]any) []string {
			return briefs(r.report("graph", "edges", query), "from", "to", "how", "scopes", "last_seen")
		}
		want := []string{
			"bound_entity_metadata:team=red contract:teams bound_entity_metadata [invoices:write] <nil>",
			"bound_groups:ops contract:teams bound_groups [invoices:write] <nil>",
			"caller:e-orders contract:" + role + " bound_entity_ids [invoices:read] <nil>",
			"caller:e-orders contract:" + role + " seen [invoices:read] 2027-03-01T12:00:00Z",
			"caller:e-orders contract:teams seen [invoices:write] 2027-03-01T12:00:00Z",
			"contract:" + role + " service:payments grants [invoices:read] <nil>",
			"contract:teams service:payments grants [invoices:write] <nil>",
		}
		r.says("edges", edges(nil), want...)
		r.says("a page", edges(map[string]any{"limit": 1}), want[2], want[3], want[5])
		r.says("the next", edges(map[string]any{"limit": 1, "after": role}), want[0], want[1], want[4], want[6])
	})
}

// A report costs as much as its page, whatever was issued, and reads nothing of leases.
func TestCostOfReports(t *testing.T) {
	r := newRig(t)
	r.contract()
	for i := range 50 {
		r.write(fmt.Sprintf("roles/c-%02d", i), map[string]any{"service": "payments", "scopes": "invoices:read", "bound_entity_ids": "e-orders"})
	}
	for range 500 {
		r.mint()
	}
	r.tick()
	for path, most := range map[string]int{"usage": 0, "denials": 0, "expiring": 2 + 3*10, "idle": 2 + 3*10, "graph": 2 + 3*10} {
		reads, writes := r.storage.counted(func() {
			if _, err := r.do(logical.ReadOperation, "report/"+path, "", map[string]any{"limit": 10}); err != nil {
				t.Fatal(err)
			}
		})
		if reads > most || writes != 0 {
			t.Errorf("%s: %d reads and %d writes, want at most %d reads", path, reads, writes, most)
		}
	}
	if reads, writes := r.storage.counted(r.tick); writes != 0 {
		t.Errorf("a minute in which nothing happens: %d reads, %d writes", reads, writes)
	}
}

// A storage that fails does not make the engine forget what it counted.
func TestAccountsOutliveAFailingStorage(t *testing.T) {
	struck := 0
	for _, kind := range []faultKind{before, after, panicking} {
		for n := range 12 {
			r := newRig(t)
			r.contract()
			r.mint()
			f := &fault{n: n + 1, kind: kind}
			r.storage.fault = f
			_, _ = r.backend.HandleRequest(context.Background(), &logical.Request{Operation: logical.RollbackOperation, Storage: r.storage})
			r.storage.fault = nil
			if f.struck {
				struck++
			}
			r.mint()
			r.engine.Cleanup(context.Background())
			r.start()
			if rows := r.report("usage", "usage", nil); len(rows) != 1 || brief(rows[0], "issued") != "2" {
				t.Errorf("%s at operation %d: usage %v", kind, n+1, rows)
			}
		}
	}
	if struck < 12 {
		t.Errorf("%d faults struck", struck)
	}
}
