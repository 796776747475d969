package daemon

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is refused before the issuer was reached is in the log and in the
// metrics, like all else.
func TestRefusedBeforeTheIssuerIsReached(t *testing.T) {
	in, admin, accesses := freeAddress(t), freeAddress(t), filepath.Join(t.TempDir(), "access.log")
	run(t, fmt.Sprintf("issuer = \"http://%s/v1/ramp\"\naudience = \"https://payments.internal\"\n%sadmin {\n  listen = %q\n}\n",
		freeAddress(t), strings.Replace(ingress(route+fmt.Sprintf("access_log {\n path = %q\n}\n", accesses)), "127.0.0.1:8443", in, 1), admin))
	resp := get(t, "http://"+in+"/x?token=secret", "")
	if resp.code != http.StatusServiceUnavailable || resp.header.Get("Retry-After") == "" || resp.header.Get("Ramp-Request-Id") == "" {
		t.Errorf("answered %+v", resp)
	}
	eventually(t, func() error {
		text, _ := os.ReadFile(accesses)
		for _, want := range []string{resp.header.Get("Ramp-Request-Id"), `"path":"/x","status":503`, `"outcome":"refused","reason":"stale","message":"the issuer has not been reached yet"`} {
			if !strings.Contains(string(text), want) || strings.Contains(string(text), "secret") {
				return fmt.Errorf("the log has %q, want %s", text, want)
			}
		}
		return nil
	})
	want := `ramp_requests_total{code="5xx",outcome="refused",reason="stale",route="none"} 1`
	if said := get(t, "http://"+admin+"/metrics", ""); !strings.Contains(said.body, want) {
		t.Errorf("the metrics lack %s:\n%s", want, said.body)
	}
}

type answer struct {
	code   int
	header http.Header
	body   string
}

// get asks until something answers.
func get(t *testing.T, url, token string) (a answer) {
	t.Helper()
	eventually(t, func() error {
		r, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		a = answer{resp.StatusCode, resp.Header, string(text)}
		return err
	})
	return a
}

func eventually(t *testing.T, try func() error) {
	t.Helper()
	err := try()
	for deadline := time.Now().Add(time.Minute); err != nil && time.Now().Before(deadline); err = try() {
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
}
