package ramp_test

import (
	"maps"
	"net/netip"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// anyWorld draws worlds. What does not fit the contract is mended with a high
// probability each, so that many worlds grant and others fail in one place.
func anyWorld(t *rapid.T) world {
	w := world{Terms: anyTerms(t), Service: anyService(t), Facts: anyFacts(t)}
	w.State = ramp.State{ContractSuspended: rarely(t), ServiceSuspended: rarely(t), CallerSuspended: rarely(t)}
	for _, mend := range mends {
		if !rarely(t) {
			mend(&w)
		}
	}
	return w
}

var mends = []func(*world){
	func(w *world) {
		if len(w.Service.Scopes.Intersect(w.Terms.Scopes)) == 0 {
			w.Service.Scopes = w.Terms.Scopes
		}
	},
	func(w *world) { w.Facts.Request.Scopes = fitting(w, w.Facts.Request.Scopes) },
	func(w *world) { w.Facts.Held.Scopes = fitting(w, w.Facts.Held.Scopes) },
	func(w *world) {
		if end := w.Terms.ExpiresAt; !end.IsZero() && !w.Facts.Now.Before(end) {
			w.Facts.Now = end.Add(-time.Millisecond)
		}
	},
	func(w *world) { w.Facts.Now = later(w.Facts.Now, w.Terms.NotBefore) },
	func(w *world) {
		if w.Facts.Phase == ramp.PhaseRenew {
			w.Facts.Held.Expiry = later(w.Facts.Held.Expiry, w.Facts.Now.Add(time.Minute).Truncate(time.Second))
		}
	},
	func(w *world) { w.Facts.Request.Proof, w.Facts.Held.Proof = w.Service.Proof, w.Service.Proof },
	func(w *world) {
		if w.Terms.BoundCIDRs != nil {
			w.Facts.RemoteAddr = netip.MustParsePrefix(w.Terms.BoundCIDRs[0]).Addr()
		}
	},
	func(w *world) {
		if w.Facts.Caller == nil {
			w.Facts.Caller = &ramp.Caller{ID: "e1", Name: "n1"}
		}
		c := w.Facts.Caller
		c.Name = strings.TrimPrefix(c.Name, "evil/../")
		c.ID, c.Name = first(w.Terms.BoundEntityIDs, c.ID), first(w.Terms.BoundEntityNames, c.Name)
		c.Groups = append(c.Groups, ramp.Group{ID: "g2", Name: first(w.Terms.BoundGroups, "group-2")})
		c.Metadata = map[string]string{"team": "green"}
		maps.Copy(c.Metadata, w.Terms.BoundEntityMetadata)
	},
	func(w *world) {
		if w.Facts.Caller != nil && (w.Terms.BoundAuthMounts != nil || len(w.Terms.BoundAliasMetadata) > 0) {
			w.Facts.Caller.Aliases = []ramp.Alias{{Accessor: first(w.Terms.BoundAuthMounts, "m1"), CustomMetadata: maps.Clone(w.Terms.BoundAliasMetadata)}}
		}
	},
}

func fitting(w *world, scopes ramp.Scopes) ramp.Scopes {
	if scopes == nil {
		return nil
	}
	both := w.Terms.Scopes.Intersect(w.Service.Scopes)
	if fit := scopes.Intersect(both); len(fit) > 0 {
		return fit
	}
	return both
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func first(list []string, otherwise string) string {
	if len(list) == 0 {
		return otherwise
	}
	return list[0]
}
