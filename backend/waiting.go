package backend

import (
	"fmt"
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// waiting says in words what a caller has yet to show.
func waiting(left *ramp.Advance) string {
	if left == nil {
		return ""
	}
	var missing []string
	if left.After > 0 {
		missing = append(missing, left.After.Duration().String())
	}
	if left.Issued > 0 {
		missing = append(missing, fmt.Sprintf("%d credentials", left.Issued))
	}
	if left.Accepted > 0 {
		missing = append(missing, fmt.Sprintf("%d accepted requests", left.Accepted))
	}
	if left.Approval {
		missing = append(missing, "approval")
	}
	return strings.Join(missing, ", ")
}
