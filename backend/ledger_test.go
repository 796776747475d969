package backend

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

func TestLedgerRecordsWhatHappens(t *testing.T) {
	r := newRig(t)
	r.contract()
	write := func(path string, data map[string]any) func() { return func() { r.write(path, data) } }
	var held *logical.Response
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() { held = r.mint() }, "issue"},
		{func() { _, _ = r.renew(held) }, "renew"},
		{func() { _, _ = r.do(logical.ReadOperation, "creds/"+role, "e-other", nil) }, "denial issue"},
		{func() { r.revoke(held); r.revoke(held) }, "revoke"},
		{write("config", map[string]any{"max_ttl": "2h"}), "config write"},
		{write("services/payments", map[string]any{"owner": "team-pay"}), "service write"},
		{write("roles/"+role, map[string]any{"metadata": map[string]any{"ticket": "R-1"}}), "role write"},
		{write("roles/"+role+"/deploy", map[string]any{"generation": "v1"}), "deploy"},
		{write("roles/"+role+"/revoke", nil), "role revoke"},
		{write("callers/e-orders/suspend", nil), "caller suspend"},
		{write("callers/e-orders/resume", nil), "caller resume"},
		{write("keys/k", nil), "key write"},
		{write("keys/k/rotate", nil), "key rotate"},
		{write("ledger/key/rotate", nil), "key rotate"},
		{func() { r.delete("roles/" + role) }, "role delete"},
		{func() { r.delete("services/payments") }, "service delete"},
		{func() { r.read("health"); r.read("config"); r.tick() }, ""},
	} {
		if got := r.causes(step.do); got != step.want {
			t.Errorf("recorded is %q, want %q", got, step.want)
		}
	}
	list := r.ledger()
	first := fmt.Sprint(list[0].Type, " ", list[0].Name, ", ", list[1].Type, " ", list[1].Reason)
	if first != "key default, config wrote issuer" {
		t.Errorf("the ledger begins with %s", first)
	}
	issue := about(list, held, ledger.Issue)[0]
	serial := uint64(number(held.Data["serial"]))
	want := ledger.Entry{
		Version: 1, Time: r.clock.now(), Type: "issue", Contract: role, ContractID: strings.Split(issue.JTI, ".")[0], Service: "payments",
		Revision: issue.Revision, Caller: "e-orders", Actor: "e-orders", JTI: held.Data["jti"].(string), Serial: &serial, KeyID: issue.KeyID,
		Scopes: "invoices:read", Expires: r.clock.now().Add(time.Hour).Unix(), RequestID: "req", Position: "1.5",
	}
	if got, want := marshalled(issue), marshalled(want); got != want || issue.KeyID == "" {
		t.Errorf("\ngot  %s\nwant %s", got, want)
	}
}

// The paths answer across the plugin boundary as in process, and page.
func TestLedgerPaths(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.refused(logical.ReadOperation, "ledger/checkpoint", "", nil, 404, "it begins when the issuer is configured")
		r.refused(logical.ReadOperation, "ledger/key", "", nil, 404, "it begins when the issuer is configured")
		r.contract()
		for range 300 {
			r.mint()
		}
		list := r.ledger()
		if len(list) != 304 {
			t.Fatalf("%d entries", len(list))
		}
		from, seen := int64(0), 0
		for {
			resp, err := r.do(logical.ReadOperation, "ledger/entries", "", map[string]any{"from": from, "limit": 100})
			if err != nil {
				t.Fatal(err)
			}
			page := resp.Data["entries"].([]any)
			for _, each := range page {
				at := each.(map[string]any)
				if int(number(at["index"])) != seen || at["entry"].(map[string]any)["type"] != list[seen].Type {
					t.Fatalf("entry %d is %v", seen, at)
				}
				seen++
			}
			next := int64(number(resp.Data["next"]))
			if next == 304 {
				break
			}
			from = next
		}
		if seen != 304 {
			t.Errorf("%d entries in pages", seen)
		}
		last, err := r.do(logical.ReadOperation, "ledger/entries", "", map[string]any{"from": -2})
		if err != nil || len(last.Data["entries"].([]any)) != 2 {
			t.Errorf("the last two: %v %v", last, err)
		}
		for data, says := range map[*map[string]any]string{
			{}:                      "give index=",
			{"index": 1, "size": 1}: "give index=",
			{"index": 304}:          "has 304 entries",
			{"index": -1}:           "has 304 entries",
			{"size": 305}:           "has 304 entries",
		} {
			r.refused(logical.ReadOperation, "ledger/proof", "", *data, 400, says)
		}
		r.refused(logical.ReadOperation, "ledger/entries", "", map[string]any{"limit": 1001}, 400, "limit")
		r.refused(logical.ReadOperation, "ledger/tile/0/005", "", nil, 404, "a log of 304 entries has no")
		r.refused(logical.ReadOperation, "ledger/tile/head", "", nil, 404, "is not the path of a tile")
	})
}

// Who has a proof and the key needs nothing else.
func TestLedgerProofs(t *testing.T) {
	r := newRig(t)
	r.contract()
	older, err := ledger.OpenCheckpoint(must(published{r}.Read(t.Context(), "checkpoint")), r.ledgerKey())
	if err != nil {
		t.Fatal(err)
	}
	r.mint()
	resp, err := r.do(logical.ReadOperation, "ledger/proof", "", map[string]any{"index": 4})
	if err != nil {
		t.Fatal(err)
	}
	newer, err := ledger.OpenCheckpoint([]byte(resp.Data["checkpoint"].(string)), r.ledgerKey())
	if err != nil {
		t.Fatal(err)
	}
	entries, err := r.do(logical.ReadOperation, "ledger/tile/entries/000.p/5", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	body := bodyOf(r, entries)
	text := body[indexOfLast(body):]
	if err := ledger.CheckInclusion(proofOf(t, resp), newer, 4, text); err != nil {
		t.Error(err)
	}
	resp, err = r.do(logical.ReadOperation, "ledger/proof", "", map[string]any{"size": older.Size})
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.CheckConsistency(proofOf(t, resp), older, newer); err != nil {
		t.Error(err)
	}
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

// indexOfLast is where the last entry of a bundle begins.
func indexOfLast(bundle []byte) int {
	at := 0
	for {
		end := at + 2 + int(bundle[at])<<8 + int(bundle[at+1])
		if end == len(bundle) {
			return at + 2
		}
		at = end
	}
}

func proofOf(t *testing.T, resp *logical.Response) (p ledger.Proof) {
	t.Helper()
	text, err := json.Marshal(resp.Data["hashes"])
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLedgerSwitch(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		r.badWrite("config", map[string]any{"ledger": "maybe"}, "must be on or off")
		r.badWrite("config", map[string]any{"ledger_retention": "-1s"}, "ledger_retention")
		r.reads("config", map[string]any{"ledger": "on", "ledger_retention": 0.0})
		r.write("config", map[string]any{"ledger": "off"})
		before := r.ledger()
		if last := before[len(before)-1]; last.Reason != "wrote ledger; the ledger is off" {
			t.Errorf("the last entry says %q", last.Reason)
		}
		var unrecorded *logical.Response
		if ops := r.storage.countedLedger(func() {
			unrecorded = r.mint()
			_, _ = r.renew(unrecorded)
			r.write("roles/"+role+"/suspend", nil)
			r.write("roles/"+role+"/resume", nil)
			r.tick()
		}); ops != 0 {
			t.Errorf("a ledger that is off costs %d operations", ops)
		}
		if r.read("health")["ledger"] != "off" {
			t.Error("health does not say that it is off")
		}
		r.write("config", map[string]any{"ledger": "on"})
		r.revoke(unrecorded)
		recorded := r.mint()
		r.revoke(recorded)
		r.start()
		after := r.ledger()[len(before):]
		var types []string
		for _, e := range after {
			types = append(types, e.Type)
		}
		if fmt.Sprint(types) != "[config issue revoke]" { // unrecorded died in the suspension
			t.Errorf("after it was switched on: %v", types)
		}
	})
}

// A mount that an older version has configured has a ledger from then on.
func TestLedgerOfAnOlderMount(t *testing.T) {
	r := newRig(t)
	r.contract()
	for _, key := range r.storage.keys(ledgerPrefix) {
		if err := r.storage.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := get[map[string]any](t.Context(), r.storage, configKey)
	if err != nil {
		t.Fatal(err)
	}
	delete(*stored, "ledger")
	if err := put(t.Context(), r.storage, configKey, stored); err != nil {
		t.Fatal(err)
	}
	r.start()
	held := r.mint()
	if list := r.ledger(); len(list) != 1 || len(about(list, held, ledger.Issue)) != 1 {
		t.Errorf("%+v", list)
	}
}

func TestLedgerRetention(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.write("config", map[string]any{"ledger_retention": "24h"})
	for range 600 {
		r.mint()
	}
	r.tick()
	checkpoint, err := ledger.OpenCheckpoint(must(published{r}.Read(t.Context(), "checkpoint")), r.ledgerKey())
	if err != nil {
		t.Fatal(err)
	}
	r.clock.advance(25 * time.Hour)
	r.tick()
	result, list := r.audit(checkpoint)
	if len(result.Findings) > 0 || result.Pruned != 512 || list[len(list)-1].Type != ledger.Prune {
		t.Errorf("%+v", result)
	}
	if left := r.storage.keys(ledgerPrefix + "tile/entries/"); len(left) != 0 {
		t.Errorf("bodies left: %v", left)
	}
	resp, err := r.do(logical.ReadOperation, "ledger/proof", "", map[string]any{"index": 3})
	if err != nil || resp.Data["leaf"] == "" {
		t.Errorf("no proof of a pruned entry: %v", err)
	}
	r.start()
	if page := r.read("ledger/entries"); number(page["entries"].([]any)[0].(map[string]any)["index"]) != 512 {
		t.Errorf("the first page begins with %v", page["entries"])
	}
}

// Whatever a caller sends, by mistake perhaps a secret, the ledger does not
// quote it.
func TestLedgerQuotesNoCaller(t *testing.T) {
	r := newRig(t)
	r.contract()
	const secret = "hvs.(SECRET"
	ask := func(data map[string]any, says string) {
		t.Helper()
		r.refused(logical.UpdateOperation, "creds/"+role, "e-orders", data, 403, says)
		r.clock.advance(2 * time.Minute) // a new entry, not one more that is counted
		r.tick()
	}
	declares := map[string]any{"context": map[string]any{"n": secret}}
	ask(map[string]any{"scopes": secret}, "scope_not_granted")
	for _, expression := range []string{`request.context[request.context.n] == "x"`, `"x".matches(request.context.n)`, `cidr(request.context.n).containsIP("10.0.0.1")`} {
		r.write("roles/"+role, map[string]any{"conditions": []any{map[string]any{"name": "strange: c", "expression": expression, "on": []any{"issue"}}}})
		ask(declares, "condition_error")
	}
	r.write("roles/"+role, map[string]any{"conditions": []any{map[string]any{"name": "late", "expression": `request.context[request.context.n] == "x"`, "on": []any{"renew"}}}})
	r.notRenewed(r.mintWith(declares), "condition_error")
	r.write("roles/"+role, map[string]any{"conditions": nil})
	r.write("roles/"+role+"/deploy", map[string]any{"generation": "v1"})
	r.refused(logical.UpdateOperation, "creds/"+role, "e-orders", map[string]any{"generation": secret}, 403, "generation_retired")
	var reasons []string
	for _, e := range r.ledger() {
		if text := marshalled(e); strings.Contains(text, "SECRET") {
			t.Errorf("the ledger has %s", text)
		}
		if e.Code == "condition_error" {
			reasons = append(reasons, e.Reason)
		}
	}
	if len(reasons) != 4 || reasons[0] != `condition "strange: c" of the contract cannot be decided` {
		t.Errorf("reasons %q", reasons)
	}
}

// However many scopes a contract has, a bundle of its entries fits in one value
// of Vault's storage.
func TestLedgerOfManyScopes(t *testing.T) {
	r := newRig(t)
	r.contract()
	var scopes []string
	for i := range 1000 {
		scopes = append(scopes, fmt.Sprintf("invoices:read:%04d", i))
	}
	r.write("services/payments", map[string]any{"scopes": scopes})
	r.write("roles/"+role, map[string]any{"scopes": scopes})
	var held *logical.Response
	for range ledger.Width {
		held = r.mint()
	}
	issue := about(r.ledger(), held, ledger.Issue)[0]
	if want := "invoices:read:0000 invoices:read:0001 "; !strings.HasPrefix(issue.Scopes, want) || !strings.HasSuffix(issue.Scopes, " …") {
		t.Errorf("scopes of the entry: %s", issue.Scopes)
	}
	bundle, err := r.storage.InmemStorage.Get(t.Context(), ledgerPrefix+"tile/entries/000")
	if err != nil || len(bundle.Value) > 512<<10 {
		t.Errorf("the bundle has %d bytes, %v", len(bundle.Value), err)
	}
}

// A standby that may read but not write has Vault ask the active node, for
// what it grants and for what it refuses: neither goes unrecorded.
func TestStandbyForwardsWhatIsRecorded(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		r.mint()
		r.start()
		r.storage.readOnly.Store(true)
		for _, entity := range []string{"e-orders", "e-other"} {
			_, err := r.do(logical.ReadOperation, "creds/"+role, entity, nil)
			if err == nil || err.Error() != logical.ErrReadOnly.Error() {
				t.Errorf("%s got %v, want %v", entity, err, logical.ErrReadOnly)
			}
		}
	})
}
