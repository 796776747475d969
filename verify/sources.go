package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	requestTimeout = 10 * time.Second
	maxDocument    = 1 << 20  // bytes read of a JWKS or of conditions
	maxFeed        = 64 << 20 // bytes read of a feed message
)

// sources are base URLs that serve the issuer's documents, in order of preference.
type sources struct {
	client *http.Client
	urls   []string
}

// get reads a document from the first source that has it.
func (s *sources) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	var all []error
	for _, u := range s.urls {
		body, _, err := fetch(ctx, s.client, u+path, limit, requestTimeout)
		if err == nil {
			return body, nil
		}
		all = append(all, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(all...)
}

func fetch(ctx context.Context, client *http.Client, url string, limit int64, timeout time.Duration) ([]byte, http.Header, error) {
	ctx, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return nil, nil, fmt.Errorf("GET %s: %w", url, err)
	}
	if int64(len(body)) > limit {
		return nil, nil, fmt.Errorf("GET %s: more than %d bytes", url, limit)
	}
	return body, resp.Header, nil
}

func defaultClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: 3 * time.Second}).DialContext
	return &http.Client{Transport: transport, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if len(via) > 5 || via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
			return fmt.Errorf("redirected to %s, which is not followed", req.URL.Redacted())
		}
		return nil
	}}
}

// checkBase accepts the base URL of something that has to be believed: https,
// or a loopback address.
func checkBase(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.HasSuffix(text, "/") {
		return fmt.Errorf("verify: %.200q is not a URL such as https://vault.example.com:8200/v1/ramp", text)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("verify: %.200q must be https: whoever can change the keys on their way can make tokens", text)
}
