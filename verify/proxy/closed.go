package proxy

import (
	"net/http"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// Closed refuses every request, whatever it asks for, and records it with the
// log and the metrics of the gate, which needs no verifier: it is the handler
// until there is one to decide with.
func Closed(g *gate.Gate, why gate.Refusal) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := newExchange(w, r, usualStall)
		d := gate.Refuse(&why)
		x.refuse(d.RequestID, d.Refusal)
		g.Done(r, d, x.answer(nil))
		x.end()
	})
}
