package graph

import (
	"math"
	"slices"
)

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
