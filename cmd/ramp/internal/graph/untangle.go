package graph

import "slices"

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
