package ramp_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

func TestRevisionIsStable(t *testing.T) {
	counted(t, 500, func(t *rapid.T) bool {
		w := anyWorld(t)
		w.Terms.Metadata = rapid.MapOfN(rapid.String(), rapid.String(), 0, 4).Draw(t, "metadata")
		w.Terms.NotBefore = w.Terms.NotBefore.In(time.FixedZone("", rapid.IntRange(-14, 14).Draw(t, "zone")*3600))
		c, _ := w.build(t)
		stored, err := json.Marshal(c.Terms)
		if err != nil {
			t.Fatal(err)
		}
		var again ramp.Terms
		if err := json.Unmarshal(stored, &again); err != nil {
			t.Fatal(err)
		}
		read := w
		read.Terms = again
		reordered := w
		reordered.Terms.Metadata = maps.Collect(maps.All(w.Terms.Metadata))
		reordered.Terms.Scopes = append(slices.Clone(w.Terms.Scopes), w.Terms.Scopes...)
		slices.Reverse(reordered.Terms.Scopes)
		for what, other := range map[string]world{"read back": read, "put another way": reordered} {
			if c2, _ := other.build(t); c2.Revision() != c.Revision() {
				t.Fatalf("%s, the same terms have another revision:\n%+v\n%+v", what, c.Terms, c2.Terms)
			}
		}
		return true
	})
}

// The revision is part of what people record: it may not change with the code.
func TestRevisionIsKnown(t *testing.T) {
	w := plain()
	w.Terms.Metadata = map[string]string{"purpose": "a <b> & \"c\"", "owner": "team-ä"}
	w.Terms.ExpiresAt = noon
	canonical := `{"bound_entity_ids":["e-orders"],"credential_type":"jwt","expires_at":"2027-03-01T12:00:00Z","max_ttl":3600,` +
		`"metadata":{"owner":"team-ä","purpose":"a <b> & \"c\""},"scopes":["invoices:read","invoices:write"],"service":"payments","ttl":300}`
	want := fmt.Sprintf("%x", sha256.Sum256([]byte(canonical)))
	if got := w.contract(t).Revision(); got != want {
		t.Errorf("revision %s, want %s", got, want)
	}
}

func TestEveryFieldChangesTheRevision(t *testing.T) {
	edits := map[string]func(*ramp.Terms){
		"Service":             func(t *ramp.Terms) { t.Service = "refunds" },
		"CredentialType":      func(t *ramp.Terms) { t.CredentialType = "x509" },
		"Credential":          func(t *ramp.Terms) { t.Credential = map[string]string{"profile": "jwt_svid"} },
		"Scopes":              func(t *ramp.Terms) { t.Scopes = t.Scopes[:1] },
		"BoundEntityIDs":      func(t *ramp.Terms) { t.BoundEntityIDs = []string{"e2"} },
		"BoundEntityNames":    func(t *ramp.Terms) { t.BoundEntityNames = []string{"n"} },
		"BoundGroups":         func(t *ramp.Terms) { t.BoundGroups = []string{"g"} },
		"BoundEntityMetadata": func(t *ramp.Terms) { t.BoundEntityMetadata = map[string]string{"k": "v"} },
		"BoundAliasMetadata":  func(t *ramp.Terms) { t.BoundAliasMetadata = map[string]string{"k": "v"} },
		"BoundAuthMounts":     func(t *ramp.Terms) { t.BoundAuthMounts = []string{"m"} },
		"BoundCIDRs":          func(t *ramp.Terms) { t.BoundCIDRs = []string{"10.0.0.0/8"} },
		"Subject":             func(t *ramp.Terms) { t.Subject = "s" },
		"TTL":                 func(t *ramp.Terms) { t.TTL++ },
		"MaxTTL":              func(t *ramp.Terms) { t.MaxTTL++ },
		"NotBefore":           func(t *ramp.Terms) { t.NotBefore = noon },
		"ExpiresAt":           func(t *ramp.Terms) { t.ExpiresAt = noon },
		"Conditions":          func(t *ramp.Terms) { t.Conditions = []ramp.ConditionTerms{{Name: "c", Expression: "yes"}} },
		"Stages":              func(t *ramp.Terms) { t.Stages = []ramp.StageTerms{{Name: "s", Scopes: t.Scopes}} },
		"OffRamp": func(t *ramp.Terms) {
			t.ExpiresAt, t.OffRamp = noon.Add(time.Hour), &ramp.OffRamp{Window: 60, TTL: 5}
		},
		"MaxActive":         func(t *ramp.Terms) { t.MaxActive = 3 },
		"GenerationOverlap": func(t *ramp.Terms) { t.GenerationOverlap = 60 },
		"Metadata":          func(t *ramp.Terms) { t.Metadata = map[string]string{"k": "v"} },
	}
	was := map[string]string{plain().contract(t).Revision(): "no edit"}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[ramp.Terms]()) {
		edit, ok := edits[field.Name]
		if !ok {
			t.Errorf("field %s has no edit here", field.Name)
			continue
		}
		w := plain()
		edit(&w.Terms)
		revision := w.contract(t).Revision()
		if same, ok := was[revision]; ok {
			t.Errorf("%s and %s give the same revision", field.Name, same)
		}
		was[revision] = field.Name
	}
}
