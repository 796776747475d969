package relay

import (
	"path/filepath"
	"strings"
	"testing"
)

// Whatever path somebody asks for, a file for it is below the directory, and
// what is asked of the issuer has neither query nor detour.
func FuzzDocumentAt(f *testing.F) {
	for _, path := range []string{jwksPath, discoveryPath, bundlePath, "/status/abc/0", "/status/../0", "/status/abc/00", "/bundle\n", "/conditions/a/" + strings.Repeat("b", 43)} {
		f.Add(path)
	}
	w := &writer{Relay: &Relay{path: "/v1/ramp", config: Config{Files: Files{Dir: "/srv/tokens"}}}}
	f.Fuzz(func(t *testing.T, path string) {
		if documentAt(path) == nil {
			return
		}
		if file := w.file(path); !strings.HasPrefix(file, "/srv/tokens/v1/ramp/") || file != "/srv/tokens/v1/ramp"+path {
			t.Errorf("%q is written to %q", path, file)
		}
		if strings.ContainsAny(path, "?#%\\ \n") || filepath.Clean(path) != path {
			t.Errorf("%q is asked for", path)
		}
	})
}
