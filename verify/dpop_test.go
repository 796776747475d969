package verify

import (
	"strings"
	"testing"
)

func TestSameResource(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		same bool
	}{
		{"https://h/x", "https://h/x", true},
		{"https://h/x", "HTTPS://H:443/x?a=b#c", true},
		{"http://h", "http://h:80/", true},
		{"https://[::1]:8443/x", "https://[::1]:8443/x", true},
		{"https://h/x", "https://h/X", false},
		{"https://h/x", "https://h:80/x", false},
		{"https://h/x", "http://h/x", false},
		{"https://h/x", "https://h/x/", false},
		{"https://h/x", "https://h//x", false},
		{"https://h/a/../x", "https://h/x", false},
		{"https://h/%78", "https://h/x", false},
		{"https://h/a%2fb", "https://h/a/b", false},
		{"https://h/x", "https://u@h/x", false},
		{"https://h/x", "https:h/x", false},
		{"https://h/x", "/x", false},
		{"", "", false},
		{"ftp://h/x", "ftp://h/x", false},
	} {
		if sameResource(tc.a, tc.b) != tc.same || sameResource(tc.b, tc.a) != tc.same {
			t.Errorf("%q and %q: want %t", tc.a, tc.b, tc.same)
		}
	}
}

// FuzzResource: what a URL is compared by names the same resource again.
func FuzzResource(f *testing.F) {
	for _, seed := range []string{"https://h/x?q#f", "HTTPS://H:443", "http://[::1]:80/", "https://u@h/", "//h/x", "https:opaque", "https://h/%2e%2e/%78", "https://h:/x", "https://é/x", "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		named, ok := resource(text)
		if !ok {
			return
		}
		if again, ok := resource(named); !ok || again != named {
			t.Fatalf("%q is compared as %q, and that as %q", text, named, again)
		}
		if !strings.HasPrefix(named, "http://") && !strings.HasPrefix(named, "https://") || strings.ContainsAny(named, "?#") {
			t.Fatalf("%q is compared as %q", text, named)
		}
	})
}
