// Package graph draws who may act on whom: callers and services as boxes,
// contracts as arrows.
package graph

import (
	"maps"
	"slices"
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// Graph is what there is to draw. Nodes are sorted by name, edges by contract.
type Graph struct {
	Nodes []*Node
	Edges []*Edge
}

// Node is a caller, a service, or a workload that is both: callers are known
// by the name of their entity, and one that a service has too is the same box.
type Node struct {
	Name    string
	Service *ramp.ServiceTerms // nil: only a caller
	Calls   bool
}

// Edge is a contract for one of its callers.
type Edge struct {
	From, To *Node
	Contract string
	Scopes   ramp.Scopes
	State    string // active when it is not known
}

// Stopped reports whether the contract issues nothing now.
func (e *Edge) Stopped() bool {
	return e.State == "suspended" || e.State == "expired" || e.State == "awaiting_consent" || e.State == "not_started"
}

// Builder collects services and contracts.
type Builder struct {
	nodes map[string]*Node
	edges []*Edge
}

func (b *Builder) node(name string) *Node {
	if b.nodes == nil {
		b.nodes = map[string]*Node{}
	}
	if b.nodes[name] == nil {
		b.nodes[name] = &Node{Name: name}
	}
	return b.nodes[name]
}

// Service adds a service.
func (b *Builder) Service(name string, terms ramp.ServiceTerms) { b.node(name).Service = &terms }

// Contract adds a contract in a state, "" when it is not known.
func (b *Builder) Contract(name string, terms *ramp.Terms, state string) {
	if state == "" {
		state = "active"
	}
	to := b.node(terms.Service)
	for _, caller := range callers(terms) {
		from := b.node(caller)
		from.Calls = true
		b.edges = append(b.edges, &Edge{From: from, To: to, Contract: name, Scopes: terms.Scopes, State: state})
	}
}

// Graph returns what was collected.
func (b *Builder) Graph() *Graph {
	g := &Graph{Edges: b.edges}
	for _, name := range slices.Sorted(maps.Keys(b.nodes)) {
		g.Nodes = append(g.Nodes, b.nodes[name])
	}
	slices.SortStableFunc(g.Edges, func(x, y *Edge) int { return strings.Compare(x.Contract, y.Contract) })
	return g
}

// callers names whom a contract is for, by the most telling of its bindings.
func callers(t *ramp.Terms) []string {
	prefixed := func(prefix string, list []string) []string {
		var names []string
		for _, v := range list {
			names = append(names, prefix+v)
		}
		return names
	}
	switch {
	case len(t.BoundEntityNames) > 0:
		return t.BoundEntityNames
	case len(t.BoundEntityIDs) > 0:
		return prefixed("entity ", t.BoundEntityIDs)
	case len(t.BoundGroups) > 0:
		return prefixed("group ", t.BoundGroups)
	case len(t.BoundAuthMounts) > 0:
		return prefixed("auth ", t.BoundAuthMounts)
	}
	pairs := maps.Clone(t.BoundEntityMetadata)
	if len(pairs) == 0 {
		pairs = t.BoundAliasMetadata
	}
	var list []string
	for _, k := range slices.Sorted(maps.Keys(pairs)) {
		list = append(list, k+"="+pairs[k])
	}
	return []string{strings.Join(list, ", ")}
}
