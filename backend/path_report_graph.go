package backend

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/account"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

type graphResponse struct {
	Nodes []node    `json:"nodes" doc:"Sorted by id: id, kind (caller, binding: what callers must be; contract, service), name, and state of contracts and services. A node may be on several pages."`
	Edges []edgeRow `json:"edges" doc:"Sorted: from, to, how (the binding of a caller, seen: it used the contract lately; grants: from contract to service), scopes that are granted, and last_seen."`
	Next  string    `json:"next" doc:"Ask again with after=<next>; empty on the last page. A page is that many contracts, with all they are connected to."`
}

type node struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	State string `json:"state,omitempty"`
}

type edgeRow struct {
	From     string      `json:"from"`
	To       string      `json:"to"`
	How      string      `json:"how"`
	Scopes   ramp.Scopes `json:"scopes,omitempty"`
	LastSeen string      `json:"last_seen,omitempty"`
}

// graph collects nodes and edges.
type graph struct {
	nodes map[string]node
	edges []edgeRow
}

func (b *backend) pathGraph() endpoint.Path {
	return endpoint.Path{
		Pattern: "report/graph", Suffix: "graph-report",
		Synopsis: "Who can reach whom.",
		Help:     "Callers, contracts and services as nodes, what leads from one to the other as edges. A contract's bindings are all to be met: who is at one edge alone may still be refused.",
		Read:     endpoint.Handle("Report who can reach whom.", b.reportGraph),
	}
}

func (b *backend) reportGraph(ctx context.Context, call *endpoint.Call, req *pageRequest) (*graphResponse, error) {
	if err := b.loadAccounts(ctx, call.Storage); err != nil {
		return nil, err
	}
	seen := b.callersSeen()
	g := graph{nodes: map[string]node{}}
	next, err := b.contractPage(ctx, call.Storage, req, func(c *contract, svc *service) error {
		g.contract(c, svc, b.status(c, svc).State)
		g.bindings(c)
		for caller, at := range seen[c.Name] {
			g.edge(c, node{"caller:" + caller, "caller", caller, ""}, "seen", at)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(g.edges, func(x, y edgeRow) int {
		return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To), cmp.Compare(x.How, y.How))
	})
	nodes := make([]node, 0, len(g.nodes))
	for _, id := range slices.Sorted(maps.Keys(g.nodes)) {
		nodes = append(nodes, g.nodes[id])
	}
	return &graphResponse{nodes, g.edges, next}, nil
}

// callersSeen are the callers that got or renewed something in the hours that
// are kept, by contract, with the last such hour.
func (b *backend) callersSeen() map[string]map[string]time.Time {
	seen := map[string]map[string]time.Time{}
	for _, u := range b.accounts.Uses(time.Time{}, time.Time{}) {
		if u.Caller == account.Others || u.Issued+u.Renewed == 0 {
			continue
		}
		if seen[u.Contract] == nil {
			seen[u.Contract] = map[string]time.Time{}
		}
		seen[u.Contract][u.Caller] = u.Hour
	}
	return seen
}

func (g *graph) contract(c *contract, svc *service, state string) {
	from, to := "contract:"+c.Name, "service:"+svc.Name
	g.nodes[from] = node{from, "contract", c.Name, state}
	g.nodes[to] = node{to, "service", svc.Name, svc.state()}
	g.edges = append(g.edges, edgeRow{From: from, To: to, How: "grants", Scopes: c.Scopes.Intersect(svc.Scopes)})
}

// bindings adds what callers of a contract must be.
func (g *graph) bindings(c *contract) {
	for _, id := range c.BoundEntityIDs {
		g.edge(c, node{"caller:" + id, "caller", id, ""}, "bound_entity_ids", time.Time{})
	}
	for how, values := range map[string][]string{
		"bound_entity_names": c.BoundEntityNames, "bound_groups": c.BoundGroups, "bound_auth_mounts": c.BoundAuthMounts,
		"bound_entity_metadata": pairs(c.BoundEntityMetadata), "bound_alias_metadata": pairs(c.BoundAliasMetadata),
	} {
		for _, value := range values {
			g.edge(c, node{how + ":" + value, "binding", value, ""}, how, time.Time{})
		}
	}
}

func (g *graph) edge(c *contract, from node, how string, seen time.Time) {
	g.nodes[from.ID] = from
	g.edges = append(g.edges, edgeRow{From: from.ID, To: "contract:" + c.Name, How: how, Scopes: c.Scopes, LastSeen: stamp(seen)})
}

func pairs(m map[string]string) (list []string) {
	for k, v := range m {
		list = append(list, k+"="+v)
	}
	return list
}
