package egress

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// Handler sends requests to the upstream with the credential, whatever
// Authorization they came with, and streams the answers back. Upgrades pass.
// When there is no credential it answers 502 if the source denies it, and 503
// if the source cannot be asked.
func (t *Transport) Handler() http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(t.url)
			r.Out.URL.RawQuery = r.In.URL.RawQuery // as it came
		},
		Transport:      t,
		ModifyResponse: t.localize,
		ErrorHandler:   answer,
		ErrorLog:       log.New(io.Discard, "", 0), // callers that go away
	}
}

// localize makes redirects within the upstream relative, so that they lead
// back here.
func (t *Transport) localize(resp *http.Response) error {
	to, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || to.Host == "" || to.Scheme != t.url.Scheme || !strings.EqualFold(to.Host, t.url.Host) {
		return nil
	}
	path, inside := strings.CutPrefix(to.EscapedPath(), strings.TrimSuffix(t.url.EscapedPath(), "/"))
	if !inside {
		return nil
	}
	local := "/" + strings.TrimLeft(path, "/")
	if to.RawQuery != "" {
		local += "?" + to.RawQuery
	}
	if to.Fragment != "" {
		local += "#" + to.EscapedFragment()
	}
	resp.Header.Set("Location", local)
	return nil
}

func answer(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler) // nobody is there to hear it, or the time is over: no answer is better than half of one
	}
	status := http.StatusBadGateway
	if errors.As(err, new(*NoCredential)) && !errors.As(err, new(*Denied)) {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "1")
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "ramp: "+reason(err), status)
}

func reason(err error) string {
	if errors.As(err, new(*NoCredential)) {
		return err.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "the upstream did not answer in time"
	}
	return "the upstream cannot be reached: " + err.Error()
}

// Local lets requests through to next that name a local listener or the
// upstream. A web page in a browser of this host can make it send requests
// here, but they name the page's own host (DNS rebinding), or another origin.
// To read is refused to it, too: it would read with the workload's rights, of
// an upstream that lets every origin read, or by a WebSocket.
func (t *Transport) Local(next http.Handler) http.Handler {
	pages := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if !loopback(strings.Trim(host, "[]")) && !strings.EqualFold(r.Host, t.url.Host) && !strings.EqualFold(host, t.url.Hostname()) {
			http.Error(w, "ramp: this listener is localhost and leads to "+t.url.Host+", nowhere else", http.StatusMisdirectedRequest)
			return
		}
		changing := *r
		changing.Method = http.MethodPost // GET and HEAD would pass
		if err := pages.Check(&changing); err != nil {
			http.Error(w, "ramp: this listener is not for web pages: "+err.Error(), http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}
