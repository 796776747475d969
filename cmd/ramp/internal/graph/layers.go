package graph

import "slices"

// layersOf puts each node one column after the last of those that call it.
// Arrows that close a circle do not count.
func layersOf(g *Graph) map[*Node]int {
	calls := map[*Node][]*Node{}
	for _, e := range g.Edges {
		calls[e.From] = append(calls[e.From], e.To)
	}
	const open, closed = 1, 2
	state := map[*Node]int{}
	var order []*Node
	forward := map[*Node][]*Node{}
	var visit func(n *Node)
	visit = func(n *Node) {
		state[n] = open
		for _, to := range calls[n] {
			if state[to] == open {
				continue // closes a circle
			}
			forward[n] = append(forward[n], to)
			if state[to] == 0 {
				visit(to)
			}
		}
		state[n] = closed
		order = append(order, n)
	}
	for _, n := range g.Nodes {
		if state[n] == 0 {
			visit(n)
		}
	}
	layers := map[*Node]int{}
	for _, n := range slices.Backward(order) {
		for _, to := range forward[n] {
			layers[to] = max(layers[to], layers[n]+1)
		}
	}
	return layers
}
