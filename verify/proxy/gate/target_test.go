package gate

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPaths(t *testing.T) {
	for _, p := range []string{
		"/", "/invoices/7", "/invoices/", "/a.b/..c/d..", "/a%20b", "/%E2%82%AC", "/%61dmin", "/v1:batch", "/a@b,c=(d)*!$&'+~_-", "/100%25", "/x%25y", "/.well-known/jwks.json",
	} {
		if err := checkPath(p); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	for _, p := range []string{
		"", "*", "invoices", "//", "//admin", "/a//b", "/a/./b", "/a/../b", "/..", "/.", "/a/..", "/%2e%2e/a", "/a/%2E", "/a/.%2e/b",
		"/a%2fb", "/a%2Fb", "/a%5cb", `/a\b`, "/a;x=1", "/..;/admin", "/a%3bb", "/a%00", "/a%0d%0aHost:", "/a%7f", "/a%1f",
		"/a%252fb", "/%252e%252e/", "/%25252e", "/%c0%af", "/%c0%ae%c0%ae/", "/%ff", "/a%", "/a%2", "/a%zz", "/a b", "/a\tb", "/é", "/a|b", "/a#b", "/a\"b", "/<a>", "/{a}", "/[a]", "/a^b", "/a`b", "/a?b",
	} {
		if checkPath(p) == nil {
			t.Errorf("%q is accepted", p)
		}
	}
}

func TestHosts(t *testing.T) {
	for host, want := range map[string]string{
		"payments.internal": "payments.internal", "Payments.INTERNAL:8443": "payments.internal", "10.1.2.3:80": "10.1.2.3", "[::1]:80": "[::1]", "[FE80::1]": "[fe80::1]", "my_svc": "my_svc",
	} {
		if got, err := hostname(host); err != nil || got != want {
			t.Errorf("%s: %q %v", host, got, err)
		}
	}
	for _, host := range []string{"", ":80", "a.", "a.internal.:80", ".a", "a..b", "a:b", "a:", "a:123456", "u@a", "a/b", "a b", "é", "[::1", "::1", "a,b", "[a]", "[::1%25eth0]"} {
		if got, err := hostname(host); err == nil {
			t.Errorf("%q is accepted as %q", host, got)
		}
	}
}

func TestTargets(t *testing.T) {
	accepted := func(method, target string, change func(*http.Request)) error {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return err
		}
		r := &http.Request{Method: method, RequestURI: target, URL: u, Host: "a", Header: http.Header{}}
		if change != nil {
			change(r)
		}
		_, err = checkTarget(r)
		return err
	}
	for _, target := range []string{"/?", "/a?b=c&d=%2f..%00//;x", "/a??b", "/a?b=[1]|{2}"} {
		if err := accepted("GET", target, nil); err != nil {
			t.Errorf("%s: %v", target, err)
		}
	}
	for _, target := range []string{"*", "http://a/b", "a", "/a?b#c", `/a?b\c`, "/a?é", "/a#?b"} {
		if accepted("GET", target, nil) == nil {
			t.Errorf("%q is accepted", target)
		}
	}
	for name, change := range map[string]func(*http.Request){
		"a host header beside the authority": func(r *http.Request) { r.Header.Set("Host", "b") },
		"another path than the target's":     func(r *http.Request) { r.URL.Path = "/b" },
		"another query than the target's":    func(r *http.Request) { r.URL.RawQuery = "b" },
		"a host in the URL":                  func(r *http.Request) { r.URL.Host = "b" },
		"a line":                             func(r *http.Request) { r.Method = "GET /admin HTTP/1.1" },
		"no method":                          func(r *http.Request) { r.Method = "" },
		"CONNECT":                            func(r *http.Request) { r.Method = "CONNECT" },
		"TRACE":                              func(r *http.Request) { r.Method = "TRACE" },
	} {
		if accepted("GET", "/a", change) == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// oneMeaning fails when a path that is accepted could be read in another way.
func oneMeaning(t interface{ Fatalf(string, ...any) }, p string) {
	if checkPath(p) != nil {
		return
	}
	u, err := url.ParseRequestURI(p)
	if err != nil || u.EscapedPath() != p || u.RawQuery != "" || u.Host != "" {
		t.Fatalf("%q is %+v, %v", p, u, err)
	}
	if clean := path.Clean(u.Path); clean != u.Path && clean+"/" != u.Path {
		t.Fatalf("%q is cleaned to %q", p, clean)
	}
	if again, err := url.PathUnescape(u.Path); err == nil && again != u.Path {
		t.Fatalf("%q is decoded twice to %q", p, again)
	}
	if strings.Count(p, "/") != strings.Count(u.Path, "/") || strings.ContainsAny(u.Path, "\\;\x00\r\n") {
		t.Fatalf("%q is decoded to %q", p, u.Path)
	}
	raw, decoded := strings.Split(p, "/"), strings.Split(u.Path, "/")
	for i := range raw { // segment by segment, or as a whole: the same
		if s, err := url.PathUnescape(raw[i]); err != nil || s != decoded[i] {
			t.Fatalf("%q: segment %d is %q and %q", p, i, s, decoded[i])
		}
	}
}

func TestPathsHaveOneMeaning(t *testing.T) {
	piece := rapid.SampledFrom([]string{"/", ".", "..", "%2e", "%2f", "%25", "2e", "2f", "a", "admin", ";", "\\", "%5c", "%00", "%c3%a9", "%c3", "é", "?", "#", " ", "%", "+", "%3b", ":", "@"})
	rapid.Check(t, func(t *rapid.T) {
		oneMeaning(t, "/"+strings.Join(rapid.SliceOfN(piece, 0, 8).Draw(t, "pieces"), ""))
	})
}

func FuzzPath(f *testing.F) {
	for _, p := range []string{"/", "/a/../b", "/%2e%2e/", "/a%252fb", "/a;b", "/%c3%a9", "//"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) { oneMeaning(t, p) })
}

func FuzzHost(f *testing.F) {
	for _, h := range []string{"a:80", "[::1]:80", "A.b", "a."} {
		f.Add(h)
	}
	f.Fuzz(func(t *testing.T, h string) {
		name, err := hostname(h)
		if err != nil {
			return
		}
		u, err := url.Parse("http://" + h + "/")
		if err != nil || u.Host != h || !strings.EqualFold(u.Hostname(), strings.Trim(name, "[]")) || u.User != nil {
			t.Fatalf("%q is %q, and %+v, %v", h, name, u, err)
		}
	})
}
