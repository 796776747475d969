package gate

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
)

// ask asks the condition of a route, of what the service is to see.
func (g *Gate) ask(route *route, r *http.Request, host string, d *Decision) *Refusal {
	a := &condition.Access{
		Method: r.Method, Path: r.URL.Path, Host: host, Header: r.Header, Query: r.URL.RawQuery, Time: d.began, PathValue: r.PathValue,
	}
	if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		a.RemoteAddr = addr.Addr().Unmap()
	}
	if id := d.Identity; id != nil {
		a.Identity = condition.Identity{
			Subject: id.Subject, Caller: id.Caller, Contract: id.Contract, ContractID: id.ContractID, Revision: id.Revision,
			Scopes: id.Scopes, Stage: id.Stage, Generation: id.Generation,
		}
	}
	holds, err := route.condition.Holds(a)
	switch {
	case err != nil:
		return &Refusal{Status: http.StatusForbidden, Reason: ReasonRouteError, Message: fmt.Sprintf("the condition of route %q cannot be decided: %v", route.Pattern, err)}
	case !holds:
		g.refused(d.Identity)
		return &Refusal{Status: http.StatusForbidden, Reason: ReasonRouteCondition, Message: fmt.Sprintf("the condition of route %q is false", route.Pattern)}
	}
	return nil
}
