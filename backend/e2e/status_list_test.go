package e2e_test

import (
	"testing"
)

// The status list says of each serial what became of it, bit by bit, and nothing of serials that were never used.
func TestStatusListBitByBit(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	id := r.contract(t, "orders-to-payments", nil)

	const issued = 40
	var held []creds
	for serial := range uint64(issued) {
		c := r.mint(t, r.orders.Client, "orders-to-payments", nil)
		if c.Ramp.Serial != serial || c.Status.List.Index != serial || c.Status.List.URI != r.Addr+issuerPath+"/status/"+id+"/0" {
			t.Fatalf("credential %d: %+v %+v", serial, c.Ramp, c.Status)
		}
		held = append(held, c)
	}
	dead := map[uint64]bool{}
	want := func(when string) {
		t.Helper()
		differs := func(list []byte) (index uint64, found bool) {
			for i := range uint64(len(list)) * 8 {
				if bit(t, list, i) != dead[i] {
					return i, true
				}
			}
			return 0, false
		}
		var list []byte
		eventually(t, "the last revoked bit, "+when, func() bool { // a list is signed at most once a second
			list = r.statusList(t, held[0].Status.List.URI)
			_, found := differs(list)
			return !found
		})
		if len(list) < issued/8 {
			t.Errorf("%s: the list has %d bytes", when, len(list))
		}
	}
	want("nothing revoked")

	// The first and last bit of bytes, neighbours, and some in the middle.
	for _, serial := range []uint64{0, 3, 7, 8, 9, 15, 16, 31, 38} {
		if err := r.Client.Sys().Revoke(held[serial].Lease); err != nil {
			t.Fatal(err)
		}
		dead[serial] = true
	}
	want("nine leases revoked")

	r.write(t, "roles/orders-to-payments/revoke", nil)
	for serial := range uint64(issued) {
		dead[serial] = true
	}
	want("the floor raised")

	alive := r.mint(t, r.orders.Client, "orders-to-payments", nil)
	if alive.Status.List.Index != issued {
		t.Errorf("the next serial is %d, want %d", alive.Status.List.Index, issued)
	}
	want("one more issued")
}

func TestNoStatusList(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.service(t, "payments", nil)
	id := r.contract(t, "orders-to-payments", nil)
	for _, path := range []string{"ramp/status/" + id + "/1", "ramp/status/nosuchcontract00/0", "ramp/status/" + id + "/00"} {
		resp, err := r.As("").Logical().ReadRaw(path)
		wantRefused(t, err, 404)
		if resp != nil {
			resp.Body.Close()
		}
	}
}
