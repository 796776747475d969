package plan

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/estate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// Effect is what a change does to the rights of callers.
type Effect string

const (
	Widens  Effect = "widens"
	Shrinks Effect = "shrinks"
	Changes Effect = "changes" // both, or it cannot be told
	Notes   Effect = "notes"   // neither
	Sets    Effect = "sets"    // a field of what is new
)

// Change is one difference between two versions of terms.
type Change struct {
	Effect Effect `json:"effect"`
	Field  string `json:"field"`
	Text   string `json:"text"` // such as +invoices:write
}

func (c Change) String() string {
	if c.Field == "scopes" {
		return fmt.Sprintf("%s: %s", c.Effect, c.Text)
	}
	return fmt.Sprintf("%s: %s %s", c.Effect, c.Field, c.Text)
}

type changes []Change

func (c *changes) add(effect Effect, field, format string, args ...any) {
	*c = append(*c, Change{effect, field, printable(fmt.Sprintf(format, args...))})
}

// printable writes what is no letter, sign or space as an escape: it could make
// a terminal hide another change, or look as if there was one.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
	}
	return b.String()
}

// compareContracts lists what an edit of a contract does.
func compareContracts(old, now *ramp.Terms) []Change {
	var c changes
	c.value(Changes, "service", old.Service, now.Service)
	c.value(Changes, "credential_type", old.CredentialType, now.CredentialType)
	c.pairs(Changes, "credential", old.Credential, now.Credential)
	c.set("scopes", old.Scopes, now.Scopes, Widens)
	c.oneOf("bound_entity_ids", old.BoundEntityIDs, now.BoundEntityIDs)
	c.oneOf("bound_entity_names", old.BoundEntityNames, now.BoundEntityNames)
	c.oneOf("bound_groups", old.BoundGroups, now.BoundGroups)
	c.allOf("bound_entity_metadata", old.BoundEntityMetadata, now.BoundEntityMetadata)
	c.allOf("bound_alias_metadata", old.BoundAliasMetadata, now.BoundAliasMetadata)
	c.oneOf("bound_auth_mounts", old.BoundAuthMounts, now.BoundAuthMounts)
	c.oneOf("bound_cidrs", old.BoundCIDRs, now.BoundCIDRs)
	c.value(Changes, "subject", old.Subject, now.Subject)
	c.usual("ttl", old.TTL, now.TTL)
	c.limit("max_ttl", uint64(old.MaxTTL), uint64(now.MaxTTL), seconds)
	c.time("not_before", old.NotBefore, now.NotBefore, now.NotBefore.Before(old.NotBefore))
	c.time("expires_at", old.ExpiresAt, now.ExpiresAt, now.ExpiresAt.IsZero() || !old.ExpiresAt.IsZero() && now.ExpiresAt.After(old.ExpiresAt))
	c.conditions("conditions", old.Conditions, now.Conditions)
	c.stages(old.Stages, now.Stages)
	c.whole("off_ramp", old.OffRamp, now.OffRamp, old.OffRamp == nil, now.OffRamp == nil)
	c.limit("max_active", old.MaxActive, now.MaxActive, number)
	c.value(Notes, "generation_overlap", estate.Duration(old.GenerationOverlap), estate.Duration(now.GenerationOverlap))
	c.pairs(Notes, "metadata", old.Metadata, now.Metadata)
	return c
}

// compareServices lists what an edit of a service does.
func compareServices(old, now ramp.ServiceTerms) []Change {
	var c changes
	c.value(Changes, "audience", old.Audience, now.Audience)
	c.set("scopes", old.Scopes, now.Scopes, Widens)
	c.limit("max_ttl", uint64(old.MaxTTL), uint64(now.MaxTTL), seconds)
	c.value(Changes, "revocation", old.Revocation, now.Revocation)
	c.demand("proof", old.Proof, now.Proof, ramp.ProofNone)
	c.demand("consent", old.Consent, now.Consent, ramp.ConsentOpen)
	c.conditions("conditions", old.Conditions, now.Conditions)
	c.value(Notes, "owner", old.Owner, now.Owner)
	c.pairs(Notes, "metadata", old.Metadata, now.Metadata)
	return c
}

// describe lists what something new has.
func describe(terms any, scopes ramp.Scopes) []Change {
	c := changes{{Widens, "scopes", "+" + strings.Join(scopes, " +")}}
	for _, a := range estate.Attributes(terms) {
		if a.Name != "scopes" {
			c.add(Sets, a.Name, "= %s", oneLine(a.Expression))
		}
	}
	return c
}
