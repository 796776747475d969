package estate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
)

// helpNames says which locals or variables there are where one is mentioned
// that is not.
func helpNames(diags hcl.Diagnostics) {
	for _, d := range diags {
		if d.Summary != "Unsupported attribute" || d.EvalContext == nil || d.Expression == nil {
			continue
		}
		for _, t := range d.Expression.Variables() {
			values, ok := d.EvalContext.Variables[t.RootName()]
			if !ok || len(t) < 2 || !values.Type().IsObjectType() {
				continue
			}
			step, ok := t[1].(hcl.TraverseAttr)
			if !ok || values.Type().HasAttribute(step.Name) {
				continue
			}
			declared := slices.Sorted(maps.Keys(values.Type().AttributeTypes()))
			if declared == nil {
				declared = []string{"none"}
			}
			d.Detail = fmt.Sprintf("There is no %s.%s. Declared are: %s.", t.RootName(), step.Name, strings.Join(declared, ", "))
		}
	}
}
