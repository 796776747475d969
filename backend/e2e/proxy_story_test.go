package e2e_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

const reporterPolicy = `path "ramp/evidence/orders-to-payments" { capabilities = ["update"] }`

// storyStages: who behaves gets to write.
var storyStages = []any{
	fields{"name": "canary", "scopes": []string{"invoices:read"}, "advance": fields{"issued": 1, "accepted": 60}},
	fields{"name": "full", "scopes": []string{"invoices:read", "invoices:write"}},
}

// story is a service behind a proxy, and two workloads that call it through
// proxies of their own, none of which knows of a token.
type story struct {
	*rig
	billing         *vaulttest.Login
	agent           *agent
	ingress, egress *rampProxy // egress is that of billing
	address         string     // of the ingress
	routes          string
	config          func(routes string) string
	egressConfig    string
	trust           *http.Client
	cert, key, log  string
	authority       *authority
	reads, writes   *flow // of orders
	bills           *flow // of billing
	seen            sync.Map
}

// TestProxyStory is what the proxies promise: everything that ends rights ends
// them for those it is meant for, with the reason, and no request of anybody
// else fails.
func TestProxyStory(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	ctx, stop := context.WithCancel(t.Context())
	var flowing sync.WaitGroup
	for _, f := range []*flow{s.reads, s.writes, s.bills} {
		client := &http.Client{Timeout: patience}
		for range 2 {
			flowing.Go(func() { f.run(ctx, client, 25*time.Millisecond) })
		}
	}
	for _, chapter := range []struct {
		name string
		play func(*testing.T)
	}{
		{"a deploy", s.deploy}, {"lease revoke", s.leaseRevoke}, {"one caller revoked", s.revokeCaller}, {"a caller suspended", s.suspend},
		{"a retreat", s.retreat}, {"a key rotated", s.rotateKey}, {"a proxy reloaded", s.reloadProxy}, {"a certificate replaced", s.replaceCertificate},
		{"an agent restarted", s.restartAgent},
	} {
		began := time.Now()
		chapter.play(t)
		t.Logf("%s: %s", chapter.name, time.Since(began).Round(time.Millisecond))
	}
	stop()
	flowing.Wait()
	for _, f := range []*flow{s.reads, s.writes, s.bills} {
		f.report(t)
	}
	s.checkLog(t)
	if said := s.egress.metrics(t); !strings.Contains(said, `ramp_egress_fetched_total{egress="payments"}`) {
		t.Errorf("the metrics of the egress:\n%s", said)
	}
	// A proxy that ends takes its login with it, and so its credentials.
	if n := s.logins(t, s.billing); n != 2 {
		t.Errorf("billing has %d login tokens, want the one of the test and that of the proxy", n)
	}
	s.egress.stop(t)
	if n := s.logins(t, s.billing); n != 1 {
		t.Errorf("billing has %d login tokens after its proxy ended", n)
	}
}

// logins is how many login tokens a workload has.
func (s *story) logins(t *testing.T, of *vaulttest.Login) (n int) {
	t.Helper()
	listed, err := s.Client.Logical().List("auth/token/accessors")
	if err != nil {
		t.Fatal(err)
	}
	for _, accessor := range listed.Data["keys"].([]any) {
		token, err := s.Client.Auth().Token().LookupAccessor(accessor.(string))
		if err == nil && token.Data["entity_id"] == of.EntityID {
			n++
		}
	}
	return n
}

func newStory(t *testing.T) *story {
	t.Helper()
	s := &story{rig: newRig(t), authority: newAuthority(t), address: vaulttest.FreeAddress(t)}
	s.billing = s.AppRole("billing", "caller")
	payments := s.AppRole("payments", s.Policy("reporter", reporterPolicy))
	s.service(t, "payments", nil)
	s.contract(t, "orders-to-payments", fields{
		"ttl": "6s", "max_ttl": "25s", "scopes": "invoices:read,invoices:write", "bound_entity_ids": []string{s.orders.EntityID, s.billing.EntityID}, "stages": storyStages,
	})
	for _, caller := range []*vaulttest.Login{s.orders, s.billing} {
		s.mint(t, caller.Client, "orders-to-payments", nil)
		s.write(t, "roles/orders-to-payments/advance", fields{"caller": caller.EntityID})
	}
	s.agent = newAgent(t, "approle.hcl")
	s.agent.provide(t, "role-id", s.orders.RoleID)
	s.agent.provide(t, "secret-id", s.orders.SecretID)
	s.agent.start(t, s.Server, "approle.hcl")

	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.seen.Store(r.Header.Get("Ramp-Caller"), true)
		if r.Header.Get("Authorization") != "" {
			http.Error(w, "the service is shown the token", http.StatusInternalServerError)
			return
		}
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, body)
	}))
	t.Cleanup(upstream.Close)
	s.cert, s.key, s.log = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "access.log")
	s.authority.issue(t, 100, s.cert, s.key)
	s.routes = `
  route "GET /invoices/{id}" {
    scopes = ["invoices:read"]
  }
  route "POST /invoices/{id}" {
    scopes = ["invoices:write"]
  }`
	roleID, secretID := file("role-id", payments.RoleID), file("secret-id", payments.SecretID)
	s.config = func(routes string) string {
		return fmt.Sprintf(`
issuer   = %q
audience = "https://payments.internal"
vault {
  address = %q
  auth "approle" {
    role_id_file   = %q
    secret_id_file = %q
  }
}
ingress {
  listen       = %q
  upstream     = %q
  report_every = "500ms"
  tls {
    cert_file = %q
    key_file  = %q
  }
  access_log {
    path      = %q
    when_full = "wait"
  }
  %s
}`, s.Addr+issuerPath, s.Addr, roleID, secretID, s.address, upstream.URL, s.cert, s.key, s.log, routes)
	}
	s.ingress = startProxy(t, s.config(s.routes))
	listen := func(vault string) (string, *rampProxy) {
		address := vaulttest.FreeAddress(t)
		s.egressConfig = fmt.Sprintf(`
vault {
  address = %q
  %s
}
egress "payments" {
  listen           = %q
  upstream         = "https://%s"
  upstream_ca_file = %q
  role             = "orders-to-payments"
}`, s.Addr, vault, address, s.address, s.authority.file)
		return address, startProxy(t, s.egressConfig)
	}
	orders, ordersProxy := listen(fmt.Sprintf("token_file = %q", filepath.Join(s.agent.run, "vault-token")))
	billing, billingProxy := listen(fmt.Sprintf("auth \"approle\" {\n role_id_file = %q\n secret_id_file = %q\n}", file("b-role-id", s.billing.RoleID), file("b-secret-id", s.billing.SecretID)))
	s.egress = billingProxy
	for _, p := range []*rampProxy{s.ingress, ordersProxy, billingProxy} {
		eventually(t, "a proxy to be ready", p.ready)
	}
	pool := x509.NewCertPool()
	pool.AddCert(s.authority.cert)
	s.trust = &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}}}
	s.reads = newFlow("orders reads", http.MethodGet, "http://"+orders+"/invoices/7", "")
	s.writes = newFlow("orders writes", http.MethodPost, "http://"+orders+"/invoices/7", `{"amount": 7}`)
	s.bills = newFlow("billing", http.MethodPost, "http://"+billing+"/invoices/8", `{"amount": 8}`)
	return s
}

func newFlow(name, method, url, body string) *flow {
	return &flow{name: name, method: method, url: url, body: body, refused: map[string]int{}}
}

// steal mints a credential for a thief, who uses it without any proxy.
func (s *story) steal(t *testing.T, from *vaulttest.Login) creds {
	t.Helper()
	c := s.mint(t, from.Client, "orders-to-payments", nil)
	if status, said := s.present(t, c); status != http.StatusOK {
		t.Fatalf("a credential that is alive: %d %s", status, said)
	}
	return c
}

// present shows a credential to the service's proxy.
func (s *story) present(t *testing.T, c creds) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "https://"+s.address+"/invoices/9", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Token)
	resp, err := s.trust.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(said)
}

// thiefOut waits until a stolen credential is refused because it is revoked,
// and says how long that took.
func (s *story) thiefOut(t *testing.T, c creds, since time.Time) {
	t.Helper()
	eventually(t, "the thief to be refused", func() bool {
		status, said := s.present(t, c)
		if status == http.StatusOK {
			return false
		}
		if status != http.StatusUnauthorized || !strings.Contains(said, "(revoked)") {
			t.Errorf("the thief is refused by: %d %s", status, said)
		}
		return true
	})
	t.Logf("  the stolen credential was refused after %s", time.Since(since).Round(time.Millisecond))
}

// all waits until every flow has gone on for a while.
func (s *story) all(t *testing.T, n int) {
	t.Helper()
	for _, f := range []*flow{s.reads, s.writes, s.bills} {
		f.passes(t, n)
	}
}

// deploy: what the old generation holds dies with the overlap, and by then the
// proxies have what belongs to the new one.
func (s *story) deploy(t *testing.T) {
	s.all(t, 200) // past the first lease
	stolen := s.steal(t, s.orders)
	const overlap = 8 * time.Second
	s.write(t, "roles/orders-to-payments/deploy", fields{"generation": "b81d004", "overlap": "8s"})
	end := time.Now().Add(overlap)
	time.Sleep(4 * time.Second)
	if _, err := s.Client.Sys().Renew(stolen.Lease, 0); err == nil { // it would have run out, on a slow machine
		if status, said := s.present(t, stolen); status != http.StatusOK && time.Now().Before(end) {
			t.Errorf("inside the overlap: %d %s", status, said)
		}
	}
	time.Sleep(time.Until(end))
	s.thiefOut(t, stolen, end)
	s.all(t, 50)
}

// leaseRevoke: one lease of a thief, and then every lease there is. Those who
// still have the right to get another, and no request fails.
func (s *story) leaseRevoke(t *testing.T) {
	stolen := s.steal(t, s.orders)
	wantDone(t, revokeNow(s.Client, stolen.Lease))
	s.thiefOut(t, stolen, time.Now())
	for _, lease := range s.leases(t, "orders-to-payments") {
		_ = revokeNow(s.Client, lease) // one that was replaced meanwhile may be gone
	}
	s.all(t, 50)
}

func (s *story) revokeCaller(t *testing.T) {
	orders, billing := s.steal(t, s.orders), s.steal(t, s.billing)
	s.write(t, "roles/orders-to-payments/revoke", fields{"caller": s.billing.EntityID})
	s.thiefOut(t, billing, time.Now())
	s.all(t, 50)
	if status, said := s.present(t, orders); status != http.StatusOK {
		t.Errorf("another caller's credential: %d %s", status, said)
	}
}

func (s *story) suspend(t *testing.T) {
	stolen := s.steal(t, s.billing)
	s.bills.guilty.Store(true)
	s.write(t, "callers/"+s.billing.EntityID+"/suspend", nil)
	s.thiefOut(t, stolen, time.Now())
	s.bills.hears(t, "(caller_suspended)")
	s.reads.passes(t, 50)
	s.writes.passes(t, 50)
	s.write(t, "callers/"+s.billing.EntityID+"/resume", nil)
	s.bills.recovers(t)
	if status, said := s.present(t, stolen); status == http.StatusOK {
		t.Errorf("resuming revived a credential: %s", said)
	}
}

// retreat: orders may not write any more, until enough of its requests have
// been accepted, as the proxy reports.
func (s *story) retreat(t *testing.T) {
	stolen := s.steal(t, s.orders)
	s.writes.guilty.Store(true)
	s.write(t, "roles/orders-to-payments/retreat", fields{"caller": s.orders.EntityID, "stage": "canary"})
	s.thiefOut(t, stolen, time.Now())
	s.writes.hears(t, "(scope)")
	s.reads.passes(t, 50)
	eventually(t, "evidence to lead orders up again", func() bool {
		return s.read(t, "roles/orders-to-payments/callers/"+s.orders.EntityID)["stage"] == "full"
	})
	s.writes.recovers(t)
}

func (s *story) rotateKey(t *testing.T) {
	before := s.steal(t, s.orders)
	s.write(t, "keys/default/rotate", nil)
	after := s.steal(t, s.orders)
	if after.KeyID == before.KeyID {
		t.Error("the key is the same")
	}
	if status, said := s.present(t, before); status != http.StatusOK {
		t.Errorf("a token of the key before: %d %s", status, said)
	}
	s.all(t, 50)
}

func (s *story) reloadProxy(t *testing.T) {
	s.ingress.write(t, "issuer = 7 +")
	s.ingress.reload(t, "not reloaded")
	c := s.steal(t, s.orders)
	path := "https://" + s.address + "/health"
	status := func() int {
		req, _ := http.NewRequest(http.MethodGet, path, nil)
		req.Header.Set("Authorization", "Bearer "+c.Token)
		resp, err := s.trust.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	if got := status(); got != http.StatusNotFound {
		t.Errorf("a route that is not there yet: %d", got)
	}
	s.ingress.write(t, s.config(s.routes+"\n  route \"GET /health\" {\n    public = true\n  }\n  limits {\n    header_bytes = 16384\n  }"))
	if err := os.Rename(s.log, s.log+".1"); err != nil {
		t.Fatal(err)
	}
	s.ingress.reload(t, "msg=reloaded")
	if got := status(); got != http.StatusOK {
		t.Errorf("the new route: %d", got)
	}
	// Billing asks for less from now on: another credential, on the same listener.
	s.egress.write(t, strings.Replace(s.egressConfig, "role  ", "scopes = [\"invoices:write\"]\n  role  ", 1))
	s.egress.reload(t, "msg=reloaded")
	s.all(t, 50)
	eventually(t, "the access log to be where it belongs", func() bool { _, err := os.Stat(s.log); return err == nil })
}

func (s *story) replaceCertificate(t *testing.T) {
	s.authority.issue(t, 101, s.cert, s.key)
	pool := s.trust.Transport.(*http.Transport).TLSClientConfig.RootCAs
	eventually(t, "the new certificate", func() bool {
		c, err := tls.Dial("tcp", s.address, &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64() == 101
	})
	s.all(t, 50)
}

// restartAgent: the new agent logs in anew, and the proxy goes over to the new
// token before what belongs to the old one ends.
func (s *story) restartAgent(t *testing.T) {
	sink := filepath.Join(s.agent.run, "vault-token")
	old, err := os.ReadFile(sink)
	if err != nil {
		t.Fatal(err)
	}
	_ = s.agent.Process.Kill()
	_ = s.agent.Wait()
	s.agent.start(t, s.Server, "approle.hcl")
	eventually(t, "another login token", func() bool {
		now, err := os.ReadFile(sink)
		return err == nil && string(now) != string(old)
	})
	s.all(t, 100)
	if err := s.Client.Auth().Token().RevokeTree(string(old)); err != nil {
		t.Error(err)
	}
	s.all(t, 100)
}

// checkLog reads what the ingress logged: nothing else was refused than for
// the reasons of the story, and no line holds a token.
func (s *story) checkLog(t *testing.T) {
	t.Helper()
	s.ingress.stop(t)
	count := map[string]int{}
	for _, name := range []string{s.log + ".1", s.log} {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			var e struct{ Outcome, Reason, Caller string }
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Fatalf("%v: %s", err, lines.Text())
			}
			if strings.Contains(lines.Text(), "eyJ") {
				t.Errorf("a token in the log: %s", lines.Text())
			}
			if e.Caller != s.orders.EntityID && e.Caller != s.billing.EntityID && e.Outcome != "accepted" && e.Reason != "no_route" {
				t.Errorf("a stranger: %s", lines.Text())
			}
			count[strings.TrimSpace(e.Outcome+" "+e.Reason)]++
		}
	}
	t.Logf("the access log: %v", count)
	for _, want := range []string{"accepted", "refused revoked", "refused scope", "refused no_route"} {
		if count[want] == 0 {
			t.Errorf("the access log has nothing %s", want)
		}
		delete(count, want)
	}
	if len(count) > 0 {
		t.Errorf("the access log has also: %v", count)
	}
	for _, caller := range []string{s.orders.EntityID, s.billing.EntityID} {
		if _, ok := s.seen.Load(caller); !ok {
			t.Errorf("the service never heard that %s calls", caller)
		}
	}
}
