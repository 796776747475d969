package e2e_test

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/relay"
)

// Verifiers that follow through standbys, through several nodes and through a relay hear of every death, across a
// failover and when the relay is gone. No innocent token is refused meanwhile.
func TestFollowThroughACluster(t *testing.T) {
	t.Parallel()
	c := vaulttest.StartCluster(t, 3, vaulttest.WithMount("ramp"))
	old := c.Leader()
	r := rigOn(old)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	standbys := c.Standbys()
	issuer := old.Addr + issuerPath
	at := func(nodes ...*vaulttest.Server) (urls []string) {
		for _, n := range nodes {
			urls = append(urls, n.Addr+issuerPath)
		}
		return urls
	}
	relay := startRelay(t, "127.0.0.1:0", relay.Config{Issuer: issuer, Endpoints: at(old, standbys[0], standbys[1])})
	verifiers := map[string]*verify.Verifier{}
	for name, config := range map[string]verify.Config{
		"a standby":             {Endpoints: at(standbys[0])},
		"leader and standbys":   {Endpoints: at(old, standbys[1], standbys[0])},
		"the relay":             {Endpoints: []string{relay.url}},
		"the relay and standby": {Relays: []string{relay.url}, Endpoints: at(standbys[0])},
	} {
		config.Issuer, config.Audience = issuer, audience
		config.OnError = func(err error) { t.Logf("%s: %v", name, err) }
		v, err := verify.New(t.Context(), config)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		t.Cleanup(v.Close)
		verifiers[name] = v
	}
	var dead []creds
	innocent := r.mint(t, r.orders.Client, "orders-to-payments", fields{"ttl": "5m"})
	round := func(now *rig) {
		t.Helper()
		doomed := now.mint(t, now.orders.Client, "orders-to-payments", nil)
		if err := revokeNow(now.Client, doomed.Lease); err != nil {
			t.Fatal(err)
		}
		dead = append(dead, doomed)
		for name, v := range verifiers {
			eventually(t, name+" to hear of a revocation", func() bool {
				return reason(v.Verify(t.Context(), doomed.Token, verify.Requirements{})) == verify.Revoked
			})
			for _, d := range dead {
				if got := reason(v.Verify(t.Context(), d.Token, verify.Requirements{})); got != verify.Revoked {
					t.Errorf("%s: a dead token: %q", name, got)
				}
			}
			if _, err := v.Verify(t.Context(), innocent.Token, verify.Requirements{}); err != nil {
				t.Errorf("%s: an innocent token: %v", name, err)
			}
		}
	}
	round(r)
	round(r.through(standbys[0]))

	c.Kill(old)
	now := r.through(c.Leader())
	eventually(t, "the next leader to serve", func() bool {
		_, err := now.tryMint(now.orders.Client, "orders-to-payments", nil)
		return err == nil
	})
	round(now)
	round(now)

	relay.stop()
	behind := verifiers["the relay"]
	delete(verifiers, "the relay")
	round(now)
	if got := reason(behind.Verify(t.Context(), dead[len(dead)-1].Token, verify.Requirements{})); got == verify.Revoked {
		t.Error("somebody heard what nobody told")
	}
	startRelay(t, relay.address, relay.config)
	verifiers["the relay"] = behind
	round(now)
	if i := slices.IndexFunc(dead, func(d creds) bool {
		return reason(behind.Verify(t.Context(), d.Token, verify.Requirements{})) != verify.Revoked
	}); i >= 0 {
		t.Errorf("behind the relay revocation %d was missed", i)
	}
}

type runningRelay struct {
	config       relay.Config
	address, url string
	stop         func()
}

// startRelay runs a relay until the test ends.
func startRelay(t *testing.T, address string, c relay.Config) *runningRelay {
	t.Helper()
	c.OnError = func(err error) { t.Logf("relay: %v", err) }
	r, err := relay.New(c)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	server := r.Server()
	var work sync.WaitGroup
	work.Go(func() { r.Run(ctx) })
	work.Go(func() { _ = server.Serve(listener) })
	at := listener.Addr().String()
	stop := sync.OnceFunc(func() {
		cancel()
		_ = server.Close()
		work.Wait()
	})
	t.Cleanup(stop)
	eventually(t, "the relay to follow", func() bool {
		resp, err := http.Get("http://" + at + "/healthz")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	})
	return &runningRelay{config: c, address: at, url: "http://" + at + issuerPath, stop: stop}
}
