package graph

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// palette colours arrows by the service they lead to, so that the eye can
// follow one among many.
var palette = []string{"#1a73e8", "#188038", "#b06000", "#a142f4", "#007b83", "#d01884", "#5f6368", "#8d6e00"}

// SVG writes the graph as a picture that needs nothing else.
func (g *Graph) SVG(w io.Writer) error {
	var b strings.Builder
	l := arrange(g)
	const legend = 34
	height := l.height + legend
	width := max(l.width, 620)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" font-family="ui-sans-serif, Helvetica, Arial, sans-serif" font-size="12">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, "<rect width=\"%.0f\" height=\"%.0f\" fill=\"#ffffff\"/>\n", width, height)
	colors := map[*Node]string{}
	for _, n := range g.Nodes {
		if n.Service != nil {
			colors[n] = palette[len(colors)%len(palette)]
		}
	}
	index := map[*Node]int{}
	for i, n := range g.Nodes {
		index[n] = i
	}
	for _, r := range l.routes {
		color, dash := colors[r.edge.To], ""
		if color == "" {
			color = "#5f6368"
		}
		if r.edge.Stopped() {
			color, dash = "#c5221f", ` stroke-dasharray="5 4"`
		}
		fmt.Fprintf(&b, `<g class="edge" data-from="%d" data-to="%d" fill="none" stroke="%s" stroke-width="1.3" stroke-opacity="0.75"%s><title>%s</title><path d="%s"/>%s</g>`+"\n",
			index[r.edge.From], index[r.edge.To], color, dash, html.EscapeString(r.edge.title()), curve(r.via), head(r.via, color))
	}
	for _, column := range l.columns {
		for _, s := range column {
			if s.node != nil {
				box(&b, s, index[s.node], colors[s.node])
			}
		}
	}
	fmt.Fprintf(&b, `<g transform="translate(%d %.0f)" fill="#5f6368" font-size="11"><rect y="-9" width="14" height="11" rx="5" fill="#e8f0fe" stroke="#8ab4f8"/><text x="20">caller</text><rect x="70" y="-9" width="14" height="11" rx="2" fill="#e6f4ea" stroke="#188038"/><text x="90">service</text><path d="M150 -4h26" stroke="#5f6368"/><text x="182">contract, in the colour of its service</text><path d="M400 -4h26" stroke="#c5221f" stroke-dasharray="5 4"/><text x="432">contract that issues nothing now</text></g>`+"\n</svg>\n", margin, height-14)
	_, err := io.WriteString(w, b.String())
	return err
}

func (e *Edge) title() string {
	return fmt.Sprintf("%s → %s: %s (%s, %s)", e.From.Name, e.To.Name, e.Scopes, e.Contract, e.State)
}

func box(b *strings.Builder, s *spot, id int, color string) {
	fill, stroke, radius, title := "#e8f0fe", "#8ab4f8", 12, s.node.Name
	if s.node.Service != nil {
		fill, stroke, radius = "#e6f4ea", color, 4
		title = fmt.Sprintf("%s: %s; %s", s.node.Name, s.node.Service.Audience, s.node.Service.Scopes)
	}
	fmt.Fprintf(b, `<g class="node" data-id="%d"><title>%s</title><rect x="%.1f" y="%.1f" width="%.1f" height="%d" rx="%d" fill="%s" stroke="%s" stroke-width="1.4"/><text x="%.1f" y="%.1f" text-anchor="middle" fill="#202124">%s</text></g>`+"\n",
		id, html.EscapeString(title), s.x, s.y-boxHeight/2, s.width, boxHeight, radius, fill, stroke, s.x+s.width/2, s.y+4, html.EscapeString(s.node.Name))
}

// curve goes through the spots of a route, level at each of them.
func curve(via []*spot) string {
	first, last := via[0], via[len(via)-1]
	if first == last { // it calls itself
		x, y := first.x+first.width, first.y
		return fmt.Sprintf("M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f", x, y-5, x+34, y-22, x+34, y+22, x+7, y+5)
	}
	forward := first.layer < last.layer
	x, y := first.x, first.y
	if forward || first.layer == last.layer {
		x += first.width
	}
	var b strings.Builder
	fmt.Fprintf(&b, "M%.1f %.1f", x, y)
	for i, s := range via[1:] {
		tx, ty := s.x, s.y
		if i == len(via)-2 {
			if forward {
				tx -= 6
			} else {
				tx += s.width + 6
			}
		}
		half := (tx - x) / 2
		if first.layer == last.layer {
			half = 60
		}
		fmt.Fprintf(&b, "C%.1f %.1f %.1f %.1f %.1f %.1f", x+half, y, tx-half, ty, tx, ty)
		x, y = tx, ty
		if s.node == nil && i < len(via)-2 && forward {
			const level = 60 // past the boxes of the column
			x += level
			fmt.Fprintf(&b, "L%.1f %.1f", x, y)
		}
	}
	return b.String()
}

// head is the arrow's point, at the box it leads to.
func head(via []*spot, color string) string {
	first, last := via[0], via[len(via)-1]
	x, y, back := last.x, last.y, -7.0
	if first.layer >= last.layer {
		x, back = last.x+last.width, 7.0
	}
	if first == last {
		y += 5
	}
	return fmt.Sprintf(`<path d="M%.1f %.1fl%.1f -3.5v7z" fill="%s" stroke="none"/>`, x, y, back, color)
}
