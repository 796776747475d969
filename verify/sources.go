package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	neturl "net/url"
	"strings"
	"time"
)

const (
	requestTimeout = 10 * time.Second
	maxDocument    = 1 << 20  // bytes read of a JWKS or of conditions
	maxFeed        = 64 << 20 // bytes read of a feed message
)

// ErrNotFound is what the issuer says of a document that it does not have.
var ErrNotFound = errors.New("404 Not Found")

// sources are base URLs that serve the issuer's documents, in order of preference.
type sources struct {
	client *http.Client
	urls   []string
}

// get reads a document from the first source that has it.
func (s *sources) get(ctx context.Context, path string, limit int64) ([]byte, error) {
	var document []byte
	err := s.first(ctx, path, limit, func(body []byte) error { document = body; return nil })
	return document, err
}

// first reads a document from the first source that has one that take accepts.
func (s *sources) first(ctx context.Context, path string, limit int64, take func([]byte) error) error {
	var all []error
	for _, u := range s.urls {
		body, _, err := fetch(ctx, s.client, u+path, limit, requestTimeout)
		if err == nil {
			if err = take(body); err == nil {
				return nil
			}
			err = fmt.Errorf("GET %s: %w", u+path, err)
		}
		all = append(all, err)
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(all...)
}

// fetch reads a URL. Its errors are for whoever operates the verifier.
func fetch(ctx context.Context, client *http.Client, url string, limit int64, timeout time.Duration) ([]byte, http.Header, error) {
	within, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	body, header, err := read(within, client, url, limit)
	switch {
	case err == nil:
		return body, header, nil
	case ctx.Err() == nil && within.Err() != nil:
		err = fmt.Errorf("no complete answer within %s", timeout)
	case errors.Is(err, io.EOF):
		err = errors.New("the connection was closed without an answer")
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = errors.New("the answer breaks off")
	}
	var quoted *neturl.Error // says the URL again
	if errors.As(err, &quoted) {
		err = quoted.Err
	}
	return nil, nil, fmt.Errorf("GET %s: %w", url, err)
}

func read(ctx context.Context, client *http.Client, url string, limit int64) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, nil, ErrNotFound
	case http.StatusForbidden:
		return nil, nil, errors.New("403 Forbidden, which is what Vault says of a path where nothing is mounted")
	default:
		return nil, nil, errors.New(resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = fmt.Errorf("the answer has more than %d bytes", limit)
	}
	return body, resp.Header, err
}

func defaultClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: 3 * time.Second}).DialContext
	return &http.Client{Transport: transport}
}

// careful is the client, but it follows few redirects, and none that leaves https.
func careful(client *http.Client) *http.Client {
	if client.CheckRedirect != nil {
		return client
	}
	c := *client
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		if len(via) > 5 || via[0].URL.Scheme == "https" && req.URL.Scheme != "https" {
			return fmt.Errorf("redirected to %s, which is not followed: there are too many redirects, or they leave https", req.URL.Redacted())
		}
		return nil
	}
	return &c
}

// checkBase accepts the base URL of something that has to be believed: https,
// or a loopback address.
func checkBase(text string) error {
	if strings.HasSuffix(text, "/") {
		return fmt.Errorf("verify: %.200q must not end with /: issuers are compared byte for byte", text)
	}
	u, err := neturl.Parse(text)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return fmt.Errorf("verify: %.200q is not a URL such as https://vault.example.com:8200/v1/ramp", text)
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) {
		return nil
	}
	return fmt.Errorf("verify: %.200q must be https: whoever can change the keys on their way can make tokens", text)
}
