package vaulttest

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
)

// Ports come in blocks of ten, below the range from which kernels pick ports for outgoing connections.
const (
	firstPort = 20000
	blockSize = 10
	blocks    = 1200
)

var nextBlock atomic.Int64

// FreeAddress is a loopback address that nobody listens on, and that no other
// test gets until this one ends.
func FreeAddress(t testing.TB) string {
	t.Helper()
	return fmt.Sprintf("127.0.0.1:%d", claimPorts(t, 1)[0])
}

// claimPorts returns n free loopback ports that stay ours until the test ends. The first port of a block is the
// claim on the others: it stays bound, so that test processes running side by side never share a block.
func claimPorts(t testing.TB, n int) []int {
	t.Helper()
	for range blocks {
		base := firstPort + blockSize*((os.Getpid()+int(nextBlock.Add(1)))%blocks)
		claim, err := listen(base)
		if err != nil {
			continue
		}
		var ports []int
		for port := base + 1; port < base+blockSize && len(ports) < n; port++ {
			if l, err := listen(port); err == nil {
				_ = l.Close()
				ports = append(ports, port)
			}
		}
		if len(ports) == n {
			t.Cleanup(func() { _ = claim.Close() })
			return ports
		}
		_ = claim.Close()
	}
	t.Fatal("no free ports")
	return nil
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
}
