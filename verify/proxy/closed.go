package proxy

import (
	"net/http"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// Closed is the handler of a closed gate, which needs no service: it answers
// until there is a [Proxy].
func Closed(g *gate.Gate) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := newExchange(w, r, usualStall)
		d := g.Decide(r)
		x.refuse(d.RequestID, d.Refusal)
		g.Done(r, d, x.answer(nil))
		x.end()
	})
}
