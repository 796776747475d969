package graph

import (
	"io"
	"strings"
)

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Ramp contracts</title>
<style>
body { margin: 0; font: 14px ui-sans-serif, Helvetica, Arial, sans-serif; color: #202124 }
p { margin: 12px 24px 0; color: #5f6368 }
.dim .edge, .dim .node { opacity: .08 }
.dim .on { opacity: 1 }
.node { cursor: pointer }
</style>
<p>Point at a box to see whom it reaches and who reaches it; at an arrow for the contract.</p>
SVG
<script>
const svg = document.querySelector('svg');
for (const node of svg.querySelectorAll('.node')) {
  node.addEventListener('mouseenter', () => {
    const on = new Set([node.dataset.id]);
    for (const edge of svg.querySelectorAll('.edge')) {
      const touches = edge.dataset.from === node.dataset.id || edge.dataset.to === node.dataset.id;
      edge.classList.toggle('on', touches);
      if (touches) on.add(edge.dataset.from).add(edge.dataset.to);
    }
    for (const other of svg.querySelectorAll('.node')) other.classList.toggle('on', on.has(other.dataset.id));
    svg.classList.add('dim');
  });
  node.addEventListener('mouseleave', () => svg.classList.remove('dim'));
}
</script>
</html>
`

// HTML writes the graph as a page that needs nothing else.
func (g *Graph) HTML(w io.Writer) error {
	var svg strings.Builder
	if err := g.SVG(&svg); err != nil {
		return err
	}
	_, err := io.WriteString(w, strings.Replace(page, "SVG\n", svg.String(), 1))
	return err
}
