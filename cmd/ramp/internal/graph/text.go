package graph

import (
	"fmt"
	"io"
	"strings"
)

// DOT writes the graph for Graphviz.
func (g *Graph) DOT(w io.Writer) error {
	var b strings.Builder
	b.WriteString("digraph ramp {\n  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\", fillcolor=\"#e8f0fe\"];\n  edge [fontname=\"sans-serif\", fontsize=9];\n")
	for _, n := range g.Nodes {
		color := ""
		if n.Service != nil {
			color = `, fillcolor="#e6f4ea"`
		}
		fmt.Fprintf(&b, "  %s [label=%s%s];\n", dot(n.Name), dot(n.Name), color)
	}
	for _, e := range g.Edges {
		style := ""
		if e.Stopped() {
			style = `, style=dashed, color="#c5221f"`
		}
		fmt.Fprintf(&b, "  %s -> %s [label=%s, tooltip=%s%s];\n", dot(e.From.Name), dot(e.To.Name), dot(e.Scopes.String()), dot(e.Contract+" ("+e.State+")"), style)
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func dot(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(s) + `"`
}

// Mermaid writes the graph as Mermaid, which GitHub and GitLab draw.
func (g *Graph) Mermaid(w io.Writer) error {
	var b strings.Builder
	b.WriteString("flowchart LR\n")
	ids := map[*Node]string{}
	for i, n := range g.Nodes {
		ids[n] = fmt.Sprintf("n%d", i)
		shape := `("%s")`
		if n.Service != nil {
			shape = `["%s"]`
		}
		fmt.Fprintf(&b, "  %s"+shape+"\n", ids[n], mermaid(n.Name))
	}
	for _, e := range g.Edges {
		arrow := "-->"
		if e.Stopped() {
			arrow = "-.->"
		}
		fmt.Fprintf(&b, "  %s %s|\"%s\"| %s\n", ids[e.From], arrow, mermaid(e.Scopes.String()), ids[e.To])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func mermaid(s string) string {
	return strings.NewReplacer(`"`, "#quot;", "<", "#lt;", ">", "#gt;", "\n", " ").Replace(s)
}
