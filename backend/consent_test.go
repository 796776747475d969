package backend

import "testing"

// An edit voids a consent for good: the same terms written again are not
// accepted because they once were, nor is a way round by another service.
func TestEditVoidsConsentForGood(t *testing.T) {
	r := newRig(t)
	r.contract()
	r.write("services/payments", map[string]any{"consent": "required"})
	r.write("services/other", map[string]any{"audience": "https://other.internal", "scopes": "invoices:read", "consent": "required"})
	for _, edit := range []map[string]any{{"ttl": "4m"}, {"service": "other"}, {"metadata": "ticket=1"}} {
		before := r.read("roles/" + role)
		r.write("services/payments/consents/"+role, map[string]any{"revision": before["revision"]})
		if state := r.read("roles/" + role)["state"]; state != "active" {
			t.Fatalf("accepted, and the contract is %v", state)
		}
		r.write("roles/"+role, edit)
		back := map[string]any{}
		for field := range edit {
			back[field] = map[string]any{"ttl": "5m", "service": "payments", "metadata": ""}[field]
		}
		r.write("roles/"+role, back)
		after := r.read("roles/" + role)
		if after["revision"] != before["revision"] || after["state"] != "awaiting_consent" {
			t.Errorf("edited by %v and back: revision as before %t, state %v", edit, after["revision"] == before["revision"], after["state"])
		}
	}
}
