//go:build bench

package bench

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/relay"
)

const (
	revocations = 120
	audience    = "https://payments.internal"
)

// TestRevocation measures how long after the answer of `vault lease revoke`
// every one of many verifiers refuses the token, which all have in their
// caches. It is the largest of their times, not their average.
func TestRevocation(t *testing.T) {
	fmt.Printf("\nFrom the answer of vault lease revoke to refusal at all followers, %d revocations\n", revocations)
	t.Run("one Vault", func(t *testing.T) {
		s := vaulttest.Start(t, vaulttest.WithMount("ramp"))
		caller := set(t, s, 1)
		issuer := []string{s.Addr + "/v1/ramp"}
		row(t, "50 followers", s.Client, caller.Client, following(t, 50, issuer[0], issuer, nil))
		introspection(t, s.Client, caller.Client)
	})
	t.Run("failover", func(t *testing.T) {
		c := vaulttest.StartCluster(t, 3, vaulttest.WithMount("ramp"))
		old := c.Leader()
		caller := set(t, old, 1)
		var nodes []string
		for _, n := range c.Nodes {
			nodes = append(nodes, n.Addr+"/v1/ramp")
		}
		followers := following(t, 50, old.Addr+"/v1/ramp", nodes, nil)
		row(t, "50 followers of a cluster", old.Client, caller.Client, followers)
		killed := time.Now()
		c.Kill(old)
		now := c.Leader()
		mine := now.As(caller.Token)
		first, err := mint(mine)
		for ; err != nil; first, err = mint(mine) {
			time.Sleep(10 * time.Millisecond)
		}
		fmt.Printf("  %-34s a credential again after %s", "leader killed", time.Since(killed).Round(10*time.Millisecond))
		fmt.Printf(", its revocation took %.0f ms\n", revoke(t, now.Client, first, followers))
		row(t, "50 followers after a failover", now.Client, mine, followers)
	})
	t.Run("relay", func(t *testing.T) {
		s := vaulttest.Start(t, vaulttest.WithMount("ramp"))
		caller := set(t, s, 1)
		issuer := []string{s.Addr + "/v1/ramp"}
		at := []string{startRelay(t, issuer[0])}
		fifty := following(t, 50, issuer[0], issuer, at)
		row(t, "50 behind a relay", s.Client, caller.Client, fifty)
		bystanders(t, 950, at[0])
		row(t, "50 of 1,000 behind a relay", s.Client, caller.Client, fifty)
	})
	t.Run("large relay", func(t *testing.T) {
		s := vaulttest.Start(t, vaulttest.WithMount("ramp"))
		caller := set(t, s, 1)
		issuer := s.Addr + "/v1/ramp"
		at := []string{startRelay(t, issuer)}
		row(t, "1,000 of 1,000 behind a relay", s.Client, caller.Client, following(t, 1000, issuer, []string{issuer}, at))
	})
}

func startRelay(t *testing.T, issuer string) string {
	t.Helper()
	r, err := relay.New(relay.Config{Issuer: issuer, OnError: func(err error) { t.Log(err) }})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	server := r.Server()
	var work sync.WaitGroup
	work.Go(func() { r.Run(ctx) })
	work.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() { stop(); _ = server.Close(); work.Wait() })
	return "http://" + listener.Addr().String() + "/v1/ramp"
}

// following starts verifiers with a connection of their own each.
func following(t *testing.T, n int, issuer string, endpoints, relays []string) []*verify.Verifier {
	t.Helper()
	verifiers := make([]*verify.Verifier, n)
	var start sync.WaitGroup
	some := make(chan struct{}, 16)
	for i := range verifiers {
		start.Go(func() {
			some <- struct{}{}
			defer func() { <-some }()
			config := verify.Config{Issuer: issuer, Audience: audience, Endpoints: slices.Clone(endpoints), Relays: relays}
			rand.Shuffle(len(endpoints), func(a, b int) { e := config.Endpoints; e[a], e[b] = e[b], e[a] })
			config.Client = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
			v, err := verify.New(t.Context(), config)
			if err != nil {
				t.Error(err)
				return
			}
			verifiers[i] = v
		})
	}
	if start.Wait(); t.Failed() {
		t.FailNow()
	}
	t.Cleanup(func() {
		for _, v := range verifiers {
			v.Close()
		}
	})
	return verifiers
}

// bystanders follow without verifying anything: what they cost beside the
// relay would be paid by other machines.
func bystanders(t *testing.T, n int, relay string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var work sync.WaitGroup
	t.Cleanup(func() { stop(); work.Wait() })
	var began sync.WaitGroup
	for range n {
		began.Add(1)
		work.Go(func() {
			first := sync.OnceFunc(began.Done)
			client := &http.Client{Transport: &http.Transport{}}
			var m revocation.Feed
			for ctx.Err() == nil {
				url := relay + "/feed"
				if m.Cursor != 0 {
					url += fmt.Sprintf("?wait=20s&after=%d", m.Cursor)
				}
				err := bystand(ctx, client, url, &m)
				if err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
				first()
			}
		})
	}
	began.Wait()
}

func bystand(ctx context.Context, client *http.Client, url string, m *revocation.Feed) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	parts := strings.Split(string(body), ".")
	if len(parts) != 3 {
		return fmt.Errorf("%s: %s", resp.Status, body)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return err
	}
	return json.Unmarshal(payload, m)
}

func row(t *testing.T, name string, vault, caller *api.Client, followers []*verify.Verifier) {
	t.Helper()
	var took []float64
	for range revocations {
		secret, err := mint(caller)
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, revoke(t, vault, secret, followers))
		time.Sleep(rand.N(300 * time.Millisecond)) // at any time of their waits
	}
	slices.Sort(took)
	fmt.Printf("  %-34s p50 %6.1f ms  p99 %6.1f ms  max %6.1f ms\n", name, took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
}

func mint(caller *api.Client) (*api.Secret, error) {
	secret, err := caller.Logical().Read("ramp/creds/bench-0")
	if err == nil && secret == nil {
		err = errors.New("no credential")
	}
	return secret, err
}

// revoke revokes as the vault command does, and returns how many milliseconds
// after the answer the last of the followers refuses the token.
func revoke(t *testing.T, vault *api.Client, secret *api.Secret, followers []*verify.Verifier) float64 {
	t.Helper()
	raw := secret.Data["token"].(string)
	refuses := func(v *verify.Verifier) bool {
		_, err := v.Verify(t.Context(), raw, verify.Requirements{})
		if err != nil && verify.RefusalOf(err).Reason != verify.Revoked {
			t.Fatal(err)
		}
		return err != nil
	}
	for _, v := range followers {
		if refuses(v) {
			t.Fatal("the token is dead before its time")
		}
	}
	if err := vault.Sys().Revoke(secret.LeaseID); err != nil {
		t.Fatal(err)
	}
	answered := time.Now()
	for _, v := range followers { // one after the other: to ask all of them all the time would take the time that they need
		for !refuses(v) {
			if time.Since(answered) > time.Minute {
				t.Fatal("a follower still accepts the token")
			}
			time.Sleep(200 * time.Microsecond)
		}
	}
	return float64(time.Since(answered).Microseconds()) / 1000
}

// introspection is what a request costs that asks the issuer about its token.
func introspection(t *testing.T, vault, caller *api.Client) {
	t.Helper()
	secret, err := mint(caller)
	if err != nil {
		t.Fatal(err)
	}
	var took []float64
	for range 500 {
		start := time.Now()
		if _, err := vault.Logical().Write("ramp/introspect", map[string]any{"token": secret.Data["token"]}); err != nil {
			t.Fatal(err)
		}
		took = append(took, float64(time.Since(start).Microseconds())/1000)
	}
	slices.Sort(took)
	fmt.Printf("  %-34s p50 %6.1f ms  p99 %6.1f ms  per request\n", "(asking ramp/introspect instead)", took[len(took)/2], took[len(took)*99/100])
}
