package graph

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// TestDrawings: whoever calls whom, also in circles and itself, and whatever
// the names: the picture is well-formed, has every box and arrow, no box lies
// on another, and all of them lie in the picture.
func TestDrawings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b Builder
		workloads := rapid.IntRange(0, 12).Draw(t, "workloads")
		name := func(i int) string { return strings.Repeat(`w<"&`, i%3) + fmt.Sprint(i) }
		for i := range workloads {
			if i%3 > 0 {
				b.Service(name(i), ramp.ServiceTerms{Audience: "a", Scopes: ramp.Scopes{"x"}})
			}
		}
		arrows := 0
		if workloads > 0 {
			arrows = rapid.IntRange(0, 30).Draw(t, "arrows")
		}
		for i := range arrows {
			from, to := rapid.IntRange(0, workloads-1).Draw(t, "from"), rapid.IntRange(0, workloads-1).Draw(t, "to")
			b.Contract(fmt.Sprint("c", i), &ramp.Terms{Service: name(to), Scopes: ramp.Scopes{"x"}, BoundEntityNames: []string{name(from)}}, rapid.SampledFrom([]string{"", "suspended"}).Draw(t, "state"))
		}
		g := b.Graph()
		var svg, rest strings.Builder
		if err := errors.Join(g.SVG(&svg), g.HTML(&rest), g.DOT(&rest), g.Mermaid(&rest)); err != nil {
			t.Fatal(err)
		}
		dec := xml.NewDecoder(strings.NewReader(svg.String()))
		for {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v\n%s", err, svg.String())
			}
		}
		if n := strings.Count(svg.String(), `class="node"`); n != len(g.Nodes) {
			t.Fatalf("%d boxes for %d", n, len(g.Nodes))
		}
		if n := strings.Count(svg.String(), `class="edge"`); n != arrows {
			t.Fatalf("%d arrows for %d", n, arrows)
		}
		l := arrange(g)
		for _, column := range l.columns {
			last := math.Inf(-1)
			for _, s := range column {
				if s.y-s.size()/2 < last-1e-6 || s.y < 0 || s.y > l.height || s.x+s.width > l.width {
					t.Fatalf("%+v lies badly in %v×%v", s, l.width, l.height)
				}
				last = s.y + s.size()/2
			}
		}
	})
}
