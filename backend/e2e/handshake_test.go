package e2e_test

import "testing"

func TestHandshake(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	r.contract(t, "orders-to-payments", nil)
	c := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	r.wantAlive(t, c)
	if _, err := r.orders.Client.Sys().Renew(c.Lease, 0); err != nil {
		t.Fatal(err)
	}
	r.wantAlive(t, c)
	if err := r.Client.Sys().Revoke(c.Lease); err != nil {
		t.Fatal(err)
	}
	r.wantDead(t, c)
}
