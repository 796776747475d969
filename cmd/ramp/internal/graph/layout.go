package graph

import (
	"math"
	"slices"
)

// spot is a place in a column: of a node, or of an arrow that passes by on its
// way to a column further on.
type spot struct {
	node  *Node // nil: an arrow passes
	layer int
	order int
	x, y  float64 // left edge, middle
	width float64

	before, after []*spot
}

// route is an arrow and the spots it goes through.
type route struct {
	edge *Edge
	via  []*spot // the first and last are nodes
}

// layout is a layered drawing: each arrow goes from a column to one further
// right, as far as the arrows form no circle.
type layout struct {
	columns       [][]*spot
	routes        []route
	width, height float64
}

const (
	boxHeight = 26
	boxGap    = 14
	passGap   = 7   // between arrows that pass
	columnGap = 150 // room for arrows to turn in
	margin    = 24
	charWidth = 6.6 // of the font, at its size
)

func arrange(g *Graph) *layout {
	layers := layersOf(g)
	l := &layout{}
	spots := map[*Node]*spot{}
	add := func(s *spot) *spot {
		for len(l.columns) <= s.layer {
			l.columns = append(l.columns, nil)
		}
		s.order = len(l.columns[s.layer])
		l.columns[s.layer] = append(l.columns[s.layer], s)
		return s
	}
	for _, n := range g.Nodes {
		spots[n] = add(&spot{node: n, layer: layers[n], width: 20 + charWidth*float64(len([]rune(n.Name)))})
	}
	for _, e := range g.Edges {
		from, to := spots[e.From], spots[e.To]
		r := route{edge: e, via: []*spot{from}}
		step := 1
		if to.layer < from.layer {
			step = -1 // part of a circle
		}
		for layer := from.layer + step; from.layer != to.layer && layer != to.layer; layer += step {
			r.via = append(r.via, add(&spot{layer: layer}))
		}
		r.via = append(r.via, to)
		for i := range len(r.via) - 1 {
			a, b := r.via[i], r.via[i+1]
			if a.layer > b.layer {
				a, b = b, a
			}
			a.after, b.before = append(a.after, b), append(b.before, a)
		}
		l.routes = append(l.routes, r)
	}
	l.untangle()
	l.place()
	return l
}

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

// untangle orders each column by where its neighbours are, to and fro, and
// keeps the order with the fewest crossings.
func (l *layout) untangle() {
	best, fewest := l.orders(), l.crossings()
	for sweep := range 24 {
		for i := range l.columns {
			at, side := i, func(s *spot) []*spot { return s.before }
			if sweep%2 == 1 {
				at, side = len(l.columns)-1-i, func(s *spot) []*spot { return s.after }
			}
			sortColumn(l.columns[at], side)
		}
		if n := l.crossings(); n < fewest {
			best, fewest = l.orders(), n
		}
	}
	for i, column := range best {
		copy(l.columns[i], column)
		number(l.columns[i])
	}
}

func (l *layout) orders() [][]*spot {
	var all [][]*spot
	for _, column := range l.columns {
		all = append(all, slices.Clone(column))
	}
	return all
}

func sortColumn(column []*spot, side func(*spot) []*spot) {
	weight := map[*spot]float64{}
	for _, s := range column {
		weight[s] = float64(s.order)
		if list := side(s); len(list) > 0 {
			sum := 0
			for _, other := range list {
				sum += other.order
			}
			weight[s] = float64(sum) / float64(len(list))
		}
	}
	slices.SortStableFunc(column, func(a, b *spot) int {
		switch {
		case weight[a] < weight[b]:
			return -1
		case weight[a] > weight[b]:
			return 1
		}
		return 0
	})
	number(column)
}

func number(column []*spot) {
	for i, s := range column {
		s.order = i
	}
}

func (l *layout) crossings() int {
	n := 0
	for _, column := range l.columns {
		var ends [][2]int
		for _, s := range column {
			for _, t := range s.after {
				ends = append(ends, [2]int{s.order, t.order})
			}
		}
		for i := range ends {
			for j := range i {
				if (ends[i][0]-ends[j][0])*(ends[i][1]-ends[j][1]) < 0 {
					n++
				}
			}
		}
	}
	return n
}

// place gives each spot its coordinates: as near to its neighbours as its
// column allows.
func (l *layout) place() {
	x := float64(margin)
	for _, column := range l.columns {
		widest, y := 0.0, float64(margin)
		for _, s := range column {
			widest = max(widest, s.width)
			s.x, s.y = x, y+s.size()/2
			y += s.size()
		}
		x += widest + columnGap
	}
	middle := 0.0
	for _, column := range l.columns {
		if n := len(column); n > 0 {
			middle = max(middle, column[n-1].y/2)
		}
	}
	for sweep := range 30 {
		for i := range l.columns {
			column := l.columns[i]
			if sweep%2 == 1 {
				column = l.columns[len(l.columns)-1-i]
			}
			settle(column, middle)
		}
	}
	top := math.Inf(1)
	for _, column := range l.columns {
		if len(column) > 0 {
			top = min(top, column[0].y-column[0].size()/2-margin)
		}
	}
	if math.IsInf(top, 1) {
		return // nothing to draw
	}
	for _, column := range l.columns {
		for _, s := range column {
			s.y -= top
			l.height = max(l.height, s.y+s.size()/2+margin)
			l.width = max(l.width, s.x+s.width+margin)
		}
	}
}

func (s *spot) size() float64 {
	if s.node == nil {
		return passGap
	}
	return boxHeight + boxGap
}

// settle moves the spots of a column as near to the middle of their neighbours
// as their order and size allow, with a slight pull to the middle of the
// picture: a least-squares fit, by pooling those that would overlap.
func settle(column []*spot, middle float64) {
	const pull = 0.15
	type pool struct {
		sum, n float64
		spots  int
	}
	var pools []pool
	var offset []float64 // of each spot in a column without gaps
	for i, s := range column {
		sum, n := middle*pull, pull
		for _, other := range slices.Concat(s.before, s.after) {
			sum, n = sum+other.y, n+1
		}
		at := 0.0
		if i > 0 {
			at = offset[i-1] + (column[i-1].size()+s.size())/2
		}
		offset = append(offset, at)
		pools = append(pools, pool{sum/n - at, 1, 1})
		for len(pools) > 1 {
			a, b := pools[len(pools)-2], pools[len(pools)-1]
			if a.sum/a.n <= b.sum/b.n {
				break
			}
			pools = append(pools[:len(pools)-2], pool{a.sum + b.sum, a.n + b.n, a.spots + b.spots})
		}
	}
	i := 0
	for _, p := range pools {
		for range p.spots {
			column[i].y = p.sum/p.n + offset[i]
			i++
		}
	}
}
