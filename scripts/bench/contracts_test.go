//go:build bench

package bench

import (
	"os"
	"strconv"
)

// contracts is how many contracts "many" are: BENCH_CONTRACTS, or 10,000.
func contracts() int {
	if n, err := strconv.Atoi(os.Getenv("BENCH_CONTRACTS")); err == nil && n > 10 {
		return n
	}
	return 10_000
}
