package verify_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// front stands between a verifier and the issuer, counts, and changes what
// the issuer answers.
type front struct {
	url string

	mu     sync.Mutex
	asked  map[string]int // by the first part of the path, "conditions"
	change map[string]func(body string) (status int, changed string)
}

func newFront(t testing.TB, i *verifytest.Issuer) *front {
	t.Helper()
	target, err := url.Parse(i.URL)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{asked: map[string]int{}, change: map[string]func(string) (int, string){}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, ModifyResponse: f.modify}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

func document(r *http.Request) string {
	path := strings.TrimPrefix(r.URL.Path, "/v1/ramp/")
	name, _, _ := strings.Cut(path, "/")
	return name
}

func (f *front) modify(r *http.Response) error {
	name := document(r.Request)
	f.mu.Lock()
	f.asked[name]++
	change := f.change[name]
	f.mu.Unlock()
	if change == nil {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	status, changed := change(string(body))
	r.StatusCode, r.ContentLength = status, int64(len(changed))
	r.Header.Del("Content-Length")
	r.Body = io.NopCloser(strings.NewReader(changed))
	return nil
}

func (f *front) set(name string, change func(body string) (int, string)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.change[name] = change
}

func (f *front) count(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[name]
}

// behind makes a verifier fetch through the front.
func (f *front) behind(change func(*verify.Config)) func(*verify.Config) {
	return func(c *verify.Config) {
		c.Endpoints = []string{f.url}
		if change != nil {
			change(c)
		}
	}
}
