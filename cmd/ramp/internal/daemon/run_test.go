package daemon

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// run runs a daemon until the test ends.
func run(t *testing.T, config string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "proxy.hcl")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- Run(ctx, path, nil, slog.New(slog.NewTextHandler(t.Output(), nil))) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// Metrics tell of the process, and of the verifier when Envoy alone asks, too.
func TestMetrics(t *testing.T) {
	t.Setenv("GOGC", "")
	i := verifytest.New(t)
	admin := vaulttest.FreeAddress(t)
	run(t, fmt.Sprintf("issuer = %q\naudience = \"https://payments.internal\"\ningress {\n%s}\next_authz {\n  listen = \"unix:%s/s\"\n}\nadmin {\n  listen = %q\n}\n",
		i.URL, route, t.TempDir(), admin))
	said := ""
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get("http://" + admin + "/metrics")
		if err != nil {
			continue
		}
		text, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if said = string(text); strings.Contains(said, "\nramp_verifier_feed_age_seconds ") && strings.Contains(said, "\ngo_gc_gogc_percent 400\n") {
			return
		}
	}
	t.Errorf("the metrics are\n%s", said)
}
