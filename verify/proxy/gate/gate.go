// Package gate decides on requests to a service: route, token, condition. It
// forwards nothing; a proxy does, or whoever asked.
package gate

import (
	"crypto/rand"
	"net/http"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/accesslog"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/evidence"
)

// Config says what a gate decides by.
type Config struct {
	Verifier *verify.Verifier
	Routes   []Route
	// ForwardToken lets the service see Authorization and DPoP headers.
	ForwardToken bool
	// LogQuery has queries in the log. They may hold what is not for logs.
	LogQuery bool

	// Log, Evidence and Metrics outlive the gate. Nil does without.
	Log      *accesslog.Log
	Evidence *evidence.Counter
	Metrics  *Metrics
}

// Gate decides. It is safe for concurrent use.
type Gate struct {
	config Config
	routes *routes
	closed *Refusal // nil when it decides
}

// New compiles routes; an error names the one that is wrong.
func New(c Config) (*Gate, error) {
	r, err := compileRoutes(c.Routes)
	if err != nil {
		return nil, err
	}
	return &Gate{config: c, routes: r}, nil
}

// Closed makes a gate that refuses every request with why, and records that: it
// is for the time until there is a verifier to decide with.
func Closed(c Config, why Refusal) *Gate { return &Gate{config: c, closed: &why} }

// Verifier is the one that the gate was made with, nil for one that is closed.
func (g *Gate) Verifier() *verify.Verifier { return g.config.Verifier }

// Decide decides on a request. Of the request it reads Method, RequestURI (the
// target byte for byte), URL, Host, Header, RemoteAddr and TLS, and it may have
// no hop-by-hop headers but of an upgrade. It leaves in r.Header what the
// service is to see; what starts with [Prefix] there is the gate's word. Give
// the decision to Done, too.
func (g *Gate) Decide(r *http.Request) *Decision {
	d := &Decision{RequestID: rand.Text(), began: time.Now()}
	d.Refusal = g.decide(r, d)
	if d.Refusal != nil {
		return d
	}
	tell(r.Header, d.RequestID, d.Identity)
	return d
}

// Refuse is the decision on a request that is not looked at.
func Refuse(why *Refusal) *Decision {
	return &Decision{RequestID: rand.Text(), Refusal: why, began: time.Now()}
}

func (g *Gate) decide(r *http.Request, d *Decision) *Refusal {
	if g.closed != nil {
		return g.closed
	}
	strip(r.Header)
	host, err := checkTarget(r)
	if err != nil {
		return &Refusal{Status: http.StatusBadRequest, Reason: ReasonAmbiguous, Message: err.Error()}
	}
	route, refused := g.routes.match(r, host)
	if refused != nil {
		return refused
	}
	d.Route = route.Pattern
	if !route.Public {
		id, err := g.config.Verifier.VerifyRequest(r, route.Scopes...)
		if err != nil {
			refused := verify.RefusalOf(err)
			d.Identity = refused.Identity
			if asked(refused) {
				g.refused(d.Identity)
			}
			return refusal(refused)
		}
		d.Identity = id
	}
	if !g.config.ForwardToken {
		delete(r.Header, "Authorization")
		delete(r.Header, "Dpop")
	}
	if route.condition != nil {
		if refused := g.ask(route, r, host, d); refused != nil {
			return refused
		}
	}
	g.accepted(d.Identity, route.Scopes)
	return nil
}
