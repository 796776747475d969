package backend

import (
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// Overlapping deploys: a generation is issued exactly as long as what it holds
// is alive, also when a later deploy gives less time than an earlier one did.
func TestOverlappingDeploys(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.write("roles/"+role+"/deploy", map[string]any{"generation": "v1"})
	before := r.mint()
	r.write("roles/"+role+"/deploy", map[string]any{"generation": "v2", "overlap": "10m"})
	during, next := r.mintWith(map[string]any{"generation": "v1"}), r.mint()
	if during.Data["expires_at"] != "2027-03-01T12:10:00Z" || during.Data["generation"] != "v1" || next.Data["generation"] != "v2" {
		t.Errorf("%v and %v", during.Data, next.Data)
	}
	r.clock.advance(time.Minute)
	r.write("roles/"+role+"/deploy", map[string]any{"generation": "v3", "overlap": "30s"})
	r.clock.advance(29 * time.Second)
	for _, c := range []*logical.Response{before, during, next} {
		r.dead(c, false)
		if renewed, err := r.renew(c); err != nil || renewed.Secret.TTL != time.Second {
			t.Errorf("renewal within the overlap: %+v %v, want the second that is left", renewed, err)
		}
	}
	for _, generation := range []string{"v1", "v2", "v3", ""} {
		r.mintWith(map[string]any{"generation": generation})
	}
	r.clock.advance(time.Second)
	r.start() // what was planned is durable
	for _, c := range []*logical.Response{before, during, next} {
		r.dead(c, true)
	}
	for _, generation := range []string{"v1", "v2"} {
		r.refused(logical.ReadOperation, "creds/"+role, "e-orders", map[string]any{"generation": generation}, 403, "(generation_retired)")
	}
	r.dead(r.mint(), false)
}
