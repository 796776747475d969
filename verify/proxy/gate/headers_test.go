package gate

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

func TestStrip(t *testing.T) {
	h := http.Header{}
	spoofing := []string{
		"Ramp-Subject", "ramp-subject", "RAMP_SUBJECT", "Ramp_subject", "Ramp.Scopes", "Ramp-Anything", "ramp~caller",
		"X-HTTP-Method-Override", "x_http_method", "X-Original-URL", "X-Rewrite-Url", "X-Method-Override",
	}
	innocent := []string{"Rampart", "Ramp", "X-Ramp", "Range", "X-Request-Id", "Authorization", "Accept"}
	for _, name := range append(spoofing, innocent...) {
		h[name] = []string{"x"}
	}
	strip(h)
	for _, name := range innocent {
		if h[name] == nil {
			t.Errorf("%s was stripped", name)
		}
	}
	if len(h) != len(innocent) {
		t.Errorf("left: %v", h)
	}
}

// No name that a server could fold to one of the gate's gets through.
func TestStripProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching("[rR][aA][mM][pP][-_.!~|+][A-Za-z]{1,9}([-_.][A-Za-z]{1,5})?").Draw(t, "name")
		if !spoofs(name) {
			t.Fatalf("%s gets through", name)
		}
	})
}

func TestIdentityHeadersAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "value")
		h := make(http.Header)
		tell(h, "id", &verify.Identity{Subject: text, Generation: text})
		got := h.Get("Ramp-Generation")
		if back, err := url.PathUnescape(got); err != nil || back != text {
			t.Fatalf("%q became %q: %q %v", text, got, back, err)
		}
		if strings.ContainsFunc(got, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Fatalf("%q", got)
		}
	})
}
