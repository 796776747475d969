package attack

import (
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// Run sends all controls, all attacks, and the controls once more, and fails
// the test when one of them is not answered as it should be, or when an answer
// discloses a part of a token. send sends a shot, and returns why it was
// refused, "" when it was accepted, and all that the answer says.
func Run(t *testing.T, w *World, to Target, send func(*testing.T, Shot) (reason verify.Reason, says string)) {
	t.Helper()
	controls := func(when string) {
		for _, c := range Controls() {
			if reason, says := send(t, c.Make(w, to)); reason != "" {
				t.Errorf("control %s, %s: %s", c.Name, when, says)
			}
		}
	}
	controls("before the attacks")
	attacks := Attacks()
	for _, a := range attacks {
		shot := a.Make(w, to)
		if a.Again {
			if reason, says := send(t, shot); reason != "" {
				t.Errorf("%s: the first is refused: %s", a.Name, says)
			}
		}
		reason, says := send(t, shot)
		for deadline := time.Now().Add(30 * time.Second); a.Soon && reason == "" && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			reason, says = send(t, shot)
		}
		switch {
		case reason == "":
			t.Errorf("%s: ACCEPTED: %s", a.Name, says)
		case !a.Refused(reason):
			t.Errorf("%s: refused for %q, want one of %q: %s", a.Name, reason, a.Reasons, says)
		case shot.isIn(says):
			t.Errorf("%s: the answer discloses a part of a token: %s", a.Name, says)
		case len(says) > 4096:
			t.Errorf("%s: the answer has %d bytes", a.Name, len(says))
		}
	}
	controls("after the attacks")
	t.Logf("%d attacks", len(attacks))
}

// isIn reports whether a text has a payload or signature that was sent.
func (s *Shot) isIn(text string) bool {
	for _, values := range s.Header {
		for _, value := range values {
			for n, part := range strings.Split(value, ".") {
				if n > 0 && len(part) > 20 && strings.Contains(text, part[:20]) {
					return true
				}
			}
		}
	}
	return false
}
