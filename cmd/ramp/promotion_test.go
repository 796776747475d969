package main

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

const estateOfOrders = `
variable "env" { type = string }
variable "ttl" { type = string }
estate { owner = "team-orders" }
service "payments" {
  audience = "https://payments.${var.env}.internal"
  scopes   = ["invoices:read", "invoices:write"]
}
contract "orders-to-payments" {
  service            = "payments"
  scopes             = %s
  bound_entity_names = ["orders"]
  ttl                = var.ttl
}
`

// TestPromotion: dev and prod come from one set of files. A change goes to dev
// first, then to prod, while 30 clients of prod are minting; it is one that
// adds rights, then one that takes them away. No request is lost.
func TestPromotion(t *testing.T) {
	s := vaulttest.Start(t)
	s.MountConfigured("dev")
	s.MountConfigured("prod")
	orders := s.AppRole("orders", s.Policy("caller", `path "+/creds/*" { capabilities = ["read"] }`))
	dir := t.TempDir()
	files := filepath.Join(dir, "contracts")
	write(t, dir, "dev.vars", "env = \"dev\"\nttl = \"1m\"\n")
	write(t, dir, "prod.vars", "env = \"prod\"\nttl = \"5m\"\n")
	on := func(env, command string, more ...string) []string {
		return append([]string{command, "-mount=" + env, "-var-file=" + filepath.Join(dir, env+".vars"), files}, more...)
	}
	declare := func(scopes string) { write(t, files, "x.hcl", fmt.Sprintf(estateOfOrders, scopes)) }
	declare(`["invoices:read"]`)
	must(t, 0, s, on("dev", "apply", "-auto-approve")...)
	must(t, 0, s, on("prod", "apply", "-auto-approve")...)

	const clients = 30
	var minted, lost atomic.Int64
	var scopes sync.Map
	stop := make(chan struct{})
	var running sync.WaitGroup
	for range clients {
		client := s.As(orders.Token)
		running.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				secret, err := client.Logical().Read("prod/creds/orders-to-payments")
				if err != nil || secret == nil {
					lost.Add(1)
					t.Errorf("a request was lost: %v", err)
					return
				}
				scopes.Store(secret.Data["scope"], true)
				minted.Add(1)
			}
		})
	}
	more := func() {
		t.Helper()
		for until, from := time.Now().Add(time.Minute), minted.Load(); minted.Load() < from+2*clients; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(until) || lost.Load() > 0 {
				t.Fatalf("%d minted, %d lost", minted.Load(), lost.Load())
			}
		}
	}
	more()
	for _, change := range []string{`["invoices:read", "invoices:write"]`, `["invoices:write"]`} {
		declare(change)
		for _, env := range []string{"dev", "prod"} {
			must(t, 2, s, on(env, "plan")...)
			must(t, 0, s, on(env, "apply", "-auto-approve")...)
			must(t, 0, s, on(env, "plan")...)
			more()
		}
	}
	close(stop)
	running.Wait()
	for _, want := range []string{"invoices:read", "invoices:read invoices:write", "invoices:write"} {
		if _, ok := scopes.Load(want); !ok {
			t.Errorf("nobody got %q", want)
		}
	}
	t.Logf("%d requests of %d clients, %d lost", minted.Load(), clients, lost.Load())
	secret, err := s.Client.Logical().Read("dev/services/payments")
	if err != nil || secret == nil || secret.Data["audience"] != "https://payments.dev.internal" {
		t.Errorf("dev is not dev: %v %v", secret, err)
	}
}
