package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// The plugin dies before it wrote what it issued and renewed. The lease tells
// the ledger, once, with what it knows.
func TestLeasesBringBackWhatACrashLost(t *testing.T) {
	eachTransport(t, func(t *testing.T, r *rig) {
		r.contract()
		r.ledger()
		var held []*logical.Response
		for range 5 {
			held = append(held, r.mint())
		}
		renew := func(resp *logical.Response) {
			again, err := r.renew(resp)
			if err != nil {
				t.Fatal(err)
			}
			resp.Secret.InternalData = again.Secret.InternalData // as Vault keeps it
		}
		renew(held[1])
		r.start()
		if lost := about(r.ledger(), held[0], ledger.Issue); len(lost) != 0 {
			t.Fatalf("it was not lost: %+v", lost)
		}
		for range 2 {
			for _, resp := range held[:2] {
				renew(resp)
			}
			r.revoke(held[2])
		}
		r.clock.advance(2 * 3600e9)
		r.revoke(held[3]) // expired by now
		r.start()
		for i, resp := range held {
			r.revoke(resp)
			issued := about(r.ledger(), resp, ledger.Issue)
			if len(issued) != 1 || !issued[0].Recovered || issued[0].Caller != "e-orders" || issued[0].RequestID != "req" || issued[0].Position == "" {
				t.Errorf("credential %d: %+v", i, issued)
			}
		}
		renewals := about(r.ledger(), held[1], ledger.Renew)
		if len(renewals) != 3 || !renewals[0].Recovered {
			t.Errorf("renewals: %+v", renewals)
		}
	})
}

// What a plugin that stops in good order still has in memory is written.
func TestStoppingWritesWhatWaits(t *testing.T) {
	r := newRig(t)
	r.contract()
	held := r.mint()
	r.backend.Cleanup(context.Background())
	r.start()
	if issued := about(r.ledger(), held, ledger.Issue); len(issued) != 1 || issued[0].Recovered {
		t.Errorf("%+v", issued)
	}
}

// A damaged ledger stops what it cannot record, but for kills and its switch,
// whatever of it is damaged.
func TestDamagedLedger(t *testing.T) {
	flip := func(at int) func([]byte) []byte {
		return func(value []byte) []byte { value[at] ^= 1; return value }
	}
	cut := func(value []byte) []byte { return value[:len(value)-7] }
	for key, damage := range map[string]func([]byte) []byte{
		"tail/256": flip(100), "head": cut, "key": cut, "tile/entries/000": cut,
	} {
		t.Run(strings.ReplaceAll(key, "/", "-"), func(t *testing.T) { damagedLedger(t, ledgerPrefix+key, damage) })
	}
}

func damagedLedger(t *testing.T, key string, damage func([]byte) []byte) {
	r := newRig(t)
	r.contract()
	held, other := r.mint(), r.mint()
	for range ledger.Width { // so that a bundle is complete
		r.mint()
	}
	r.ledger()
	entry, err := r.storage.InmemStorage.Get(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	entry.Value = damage(entry.Value)
	if err := r.storage.InmemStorage.Put(t.Context(), entry); err != nil {
		t.Fatal(err)
	}
	r.start()
	r.tick() // nothing else has to happen
	if r.read("health")["ledger"] != "damaged" {
		t.Error("health does not tell")
	}
	r.refused(logical.ReadOperation, "creds/"+role, "e-orders", nil, 503, "ledger is damaged")
	r.refused(logical.UpdateOperation, "services/payments", "", map[string]any{"owner": "x"}, 503, "ledger=off")
	r.refused(logical.ReadOperation, "creds/"+role, "e-other", nil, 403, "caller_not_bound")
	if _, err := r.renew(held); status(err) != 503 {
		t.Errorf("renewal: %v", err)
	}
	if !strings.HasSuffix(key, "/key") {
		if result, _ := r.audit(); len(result.Findings) == 0 {
			t.Error("an audit finds nothing")
		}
	}
	r.revoke(held)
	r.dead(held, true)
	r.write("roles/"+role+"/suspend", nil)
	r.dead(other, true)
	r.write("config", map[string]any{"ledger": "off"})
	r.write("roles/"+role+"/resume", nil)
	r.mint()
}

// While storage takes nothing for the ledger, issuing goes on and changes are
// refused, and health tells.
func TestLedgerThatCannotBeWritten(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.start()
	flaky := &flakyLedger{ledgerStorage: ledgerStorage{r.storage}}
	r.engine.journal.Attach(flaky)
	r.mint()
	flaky.broken = true
	held := r.mint()
	r.refused(logical.UpdateOperation, "services/payments", "", map[string]any{"owner": "x"}, 500, "internal error")
	if owner := r.read("services/payments")["owner"]; owner != nil {
		t.Errorf("a change that was not recorded was made: %v", owner)
	}
	r.clock.advance(7e9)
	if health := r.read("health"); fmt.Sprint(health["ledger_waiting"], health["ledger_lag"]) != "3 7" {
		t.Errorf("health says %v", health)
	}
	flaky.broken = false
	if len(about(r.ledger(), held, ledger.Issue)) != 1 {
		t.Error("the entry is missing")
	}
}

type flakyLedger struct {
	ledgerStorage
	broken bool
}

func (f *flakyLedger) Write(ctx context.Context, key string, value []byte) error {
	if f.broken {
		return errors.New(faultWords)
	}
	return f.ledgerStorage.Write(ctx, key, value)
}

// Nothing that was minted or sent can be used by whoever reads the ledger.
func TestLedgerHoldsNoSecret(t *testing.T) {
	r := newRig(t)
	r.contract()
	var secrets []string
	for range 20 {
		resp := r.mint()
		token := resp.Data["token"].(string)
		secrets = append(secrets, token, token[strings.LastIndex(token, ".")+1:])
		r.write("revoke", map[string]any{"token": token})
		_, _ = r.renew(resp)
	}
	const thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	r.mintWith(map[string]any{"dpop_jkt": thumbprint})
	secrets = append(secrets, thumbprint)
	set, err := get[map[string]any](t.Context(), r.storage, keysPrefix+"default")
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range (*set)["versions"].([]any) {
		secrets = append(secrets, fmt.Sprint(version.(map[string]any)["private"]))
	}
	r.ledger()
	found := 0
	for _, key := range r.storage.keys(ledgerPrefix) {
		if key == "ledger/key" {
			continue // seal-wrapped, and in no path
		}
		entry, err := r.storage.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		found += bytes.Count(entry.Value, []byte(`"type":"issue"`))
		for _, secret := range secrets {
			if secret == "" || bytes.Contains(entry.Value, []byte(secret)) {
				t.Errorf("%s has %.12q…", key, secret)
			}
		}
	}
	if found != 21 {
		t.Errorf("looked at %d issues", found)
	}
}

// However many denials an outsider causes, few entries tell of them.
func TestDenialFloodIsAggregated(t *testing.T) {
	r := newRig(t)
	r.contract()
	before := len(r.ledger())
	for range 3000 {
		_, _ = r.ask(logical.ReadOperation, "creds/"+role, "e-other", nil)
	}
	r.clock.advance(60e9)
	list := r.ledger()[before:]
	if len(list) != 2 || list[1].Count != 2999 || list[0].Code != "caller_not_bound" || list[0].Caller != "e-other" {
		t.Errorf("%+v", list)
	}
}

// On the request path an issue costs the ledger nothing, and off it little.
func TestCostOfTheLedger(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.mint()
	r.ledger()
	const issues = 5000
	if ops := r.storage.countedLedger(func() {
		for range issues {
			r.mint()
		}
	}); ops != 0 {
		t.Errorf("%d issues cost %d operations", issues, ops)
	}
	if ops := r.storage.countedLedger(r.tick); ops > issues*6/256 {
		t.Errorf("writing %d entries took %d operations", issues, ops)
	}
	held := r.mint()
	r.tick()
	if ops := r.storage.countedLedger(func() { r.revoke(held) }); ops != 2 {
		t.Errorf("recording a revocation takes %d operations", ops)
	}
}

// The plugin dies when a revocation is recorded and not yet done. The next one
// does it, and the revocation is in the ledger once, however late it is repeated.
func TestRecordedRevocationsAreDone(t *testing.T) {
	r := newRig(t)
	r.contract()
	held, other := r.mint(), r.mint()
	r.ledger()
	r.storage.breakAt(3, before) // after the tail and the head of the ledger
	if err := r.tryRevoke(held); status(err) != 500 || !r.storage.mend() {
		t.Fatalf("revocation: %v", err)
	}
	if revoked := about(r.ledger(), held, ledger.Revoke); len(revoked) != 1 || !r.active(held.Data["token"]) {
		t.Fatalf("recorded are %+v", revoked)
	}
	r.start()
	r.tick() // nothing else has to happen
	r.dead(held, true)
	r.dead(other, false)
	for range 2 {
		for range 1100 {
			r.revoke(r.mint())
		}
		r.revoke(held)
		r.start()
	}
	if revoked := about(r.ledger(), held, ledger.Revoke); len(revoked) != 1 {
		t.Errorf("recorded are %+v", revoked)
	}
}
