package graph

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
