package ramp_test

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// allowed reads the contract word by word, without a thought for speed or
// explanation: what [ramp.Decide] has to agree with.
func allowed(w *world) bool {
	f := &w.Facts
	st := &w.State
	return !st.ContractSuspended && !st.ServiceSuspended && !st.CallerSuspended && inTime(w) && bindsCaller(&w.Terms, f.Caller) && bindsAddress(w.Terms.BoundCIDRs, f.RemoteAddr) && proves(w) && covers(w)
}

func inTime(w *world) bool {
	now, t := w.Facts.Now, &w.Terms
	if w.Facts.Phase == ramp.PhaseRenew && (w.Facts.Held.Dead || !now.Truncate(time.Second).Before(w.Facts.Held.Expiry)) {
		return false
	}
	return !now.Before(t.NotBefore) && (t.ExpiresAt.IsZero() || now.Before(t.ExpiresAt))
}

func bindsCaller(t *ramp.Terms, c *ramp.Caller) bool {
	if c == nil || c.Disabled {
		return false
	}
	member := t.BoundGroups == nil
	for _, g := range c.Groups {
		member = member || slices.Contains(t.BoundGroups, g.ID) || slices.Contains(t.BoundGroups, g.Name)
	}
	known := t.BoundAuthMounts == nil && len(t.BoundAliasMetadata) == 0 || len(c.Aliases) > 0
	for _, a := range c.Aliases {
		known = known && (t.BoundAuthMounts == nil || slices.Contains(t.BoundAuthMounts, a.Accessor))
		for k, v := range t.BoundAliasMetadata {
			known = known && (a.Metadata[k] == v || a.CustomMetadata[k] == v)
		}
	}
	for k, v := range t.BoundEntityMetadata {
		known = known && c.Metadata[k] == v
	}
	return member && known && subjectFits(t.Subject, c) &&
		(t.BoundEntityIDs == nil || slices.Contains(t.BoundEntityIDs, c.ID)) &&
		(t.BoundEntityNames == nil || slices.Contains(t.BoundEntityNames, c.Name))
}

// subjectFits knows the templates that anyTerms draws.
func subjectFits(template string, c *ramp.Caller) bool {
	return (!strings.Contains(template, "entity.name") || !strings.Contains(c.Name, "/")) &&
		(!strings.Contains(template, "metadata.team") || c.Metadata["team"] != "")
}

func bindsAddress(cidrs []string, addr netip.Addr) bool {
	if cidrs == nil {
		return true
	}
	return slices.ContainsFunc(cidrs, func(s string) bool {
		return netip.MustParsePrefix(s).Contains(addr.Unmap().WithZone(""))
	})
}

func proves(w *world) bool {
	proof := w.Facts.Request.Proof
	if w.Facts.Phase == ramp.PhaseRenew {
		proof = w.Facts.Held.Proof
	}
	return w.Service.Proof == ramp.ProofNone || w.Service.Proof == proof
}

// covers reports whether every scope that is asked for, at least one, is
// offered by both sides.
func covers(w *world) bool {
	asked := w.Facts.Request.Scopes
	if w.Facts.Phase == ramp.PhaseRenew {
		asked = w.Facts.Held.Scopes
	}
	offered := func(s string) bool { return slices.Contains(w.Terms.Scopes, s) && slices.Contains(w.Service.Scopes, s) }
	if asked == nil {
		return slices.ContainsFunc(w.Terms.Scopes, offered)
	}
	return len(asked) > 0 && !slices.ContainsFunc(asked, func(s string) bool { return !offered(s) })
}
