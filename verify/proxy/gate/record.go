package gate

import (
	"net/http"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/accesslog"
)

// Answer is what came of a request after the decision.
type Answer struct {
	Status         int // sent to the caller; 0 for none
	Sent, Received int64
	Upgraded       bool
	// Failure is why an accepted request did not end well, nil if it did.
	Failure *Refusal
}

// Done records a request when its answer has ended: in the log and the
// metrics. It is called once for each decision.
func (g *Gate) Done(r *http.Request, d *Decision, a Answer) {
	took := time.Since(d.began)
	outcome, reason, message := accesslog.Accepted, "", ""
	switch {
	case d.Refusal != nil:
		outcome, reason, message = accesslog.Refused, d.Refusal.Reason, d.Refusal.Message
	case a.Failure != nil:
		outcome, reason, message = accesslog.Failed, a.Failure.Reason, a.Failure.Message
	}
	if g.config.Metrics != nil {
		g.config.Metrics.observe(d.Route, outcome, reason, a.Status, took)
	}
	if g.config.Log == nil {
		return
	}
	e := &accesslog.Entry{
		Time: d.began, ID: d.RequestID, RemoteAddr: r.RemoteAddr, Protocol: r.Proto, Method: clip(r.Method, 32), Host: clip(r.Host, 256),
		Path: clip(r.URL.EscapedPath(), 2048), Route: d.Route,
		Status: a.Status, Sent: a.Sent, Received: a.Received, Micros: took.Microseconds(), Upgraded: a.Upgraded,
		Outcome: outcome, Reason: reason, Message: clip(message, 512),
	}
	if g.config.LogQuery {
		e.Query = clip(r.URL.RawQuery, 2048)
	}
	if id := d.Identity; id != nil {
		e.Subject, e.Caller, e.Contract, e.ContractID = id.Subject, id.Caller, id.Contract, id.ContractID
		e.Stage, e.Generation, e.TokenID = id.Stage, id.Generation, id.TokenID
	}
	if reason == ReasonBusy { // those who wait for the log may be what keeps it busy
		g.config.Log.Offer(e)
	} else {
		g.config.Log.Add(e)
	}
}

// clip bounds what a waiting entry takes up.
func clip(text string, limit int) string {
	if len(text) > limit {
		return text[:limit] + "…"
	}
	return text
}
