package extauthz

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"golang.org/x/net/http/httpguts"
)

// read makes of Envoy's attributes the request that they describe. Attributes
// that contradict each other, or that Envoy does not send, are an error.
func read(r *http.Request, from *authv3.AttributeContext) error {
	asked := from.GetRequest().GetHttp()
	if asked == nil {
		return errors.New("there is no HTTP request to decide on: is ext_authz among the HTTP filters?")
	}
	r.Method, r.RequestURI, r.Host, r.Proto = asked.Method, asked.Path, asked.Host, asked.Protocol
	r.URL = &url.URL{} // for the log
	if asked.Query != "" || asked.Fragment != "" {
		return errors.New("query and fragment are apart from the path")
	}
	var err error
	if r.Header, err = header(asked); err != nil {
		return err
	}
	if target, err := url.ParseRequestURI(asked.Path); err == nil {
		r.URL = target
	} else {
		return errors.New("the request target is not a path")
	}
	return connection(r, from.GetSource(), asked.Scheme)
}

// connection takes over what Envoy says of the caller's connection, by which
// alone an address or a certificate is known: not by headers.
func connection(r *http.Request, source *authv3.AttributeContext_Peer, scheme string) error {
	if address := source.GetAddress().GetSocketAddress(); address != nil {
		r.RemoteAddr = net.JoinHostPort(address.GetAddress(), strconv.FormatUint(uint64(address.GetPortValue()), 10))
	}
	if scheme == "https" {
		r.TLS = &tls.ConnectionState{}
	}
	text := source.GetCertificate()
	if text == "" {
		return nil
	}
	decoded, err := url.PathUnescape(text)
	if err != nil {
		return errors.New("the client certificate is not URL-encoded PEM")
	}
	block, rest := pem.Decode([]byte(decoded))
	if block == nil || block.Type != "CERTIFICATE" || strings.TrimSpace(string(rest)) != "" {
		return errors.New("the client certificate is not one PEM certificate")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return errors.New("the client certificate cannot be read")
	}
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{certificate}}
	return nil
}

// header reads the headers, which Envoy sends in one of two forms: as a list
// (encode_raw_headers), or by name with the values of one name joined by
// commas. Either way two Authorization headers do not pass for one.
func header(asked *authv3.AttributeContext_HttpRequest) (http.Header, error) {
	list := asked.GetHeaderMap().GetHeaders()
	h := make(http.Header, len(list)+len(asked.Headers))
	if len(list) > 0 && len(asked.Headers) > 0 {
		return nil, errors.New("the headers came twice")
	}
	add := func(name, value string) error {
		if pseudo, ok := strings.CutPrefix(name, ":"); ok {
			return sameAs(asked, pseudo, value)
		}
		if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
			return fmt.Errorf("the header %.40q is not one", name)
		}
		h.Add(name, value)
		return nil
	}
	for _, one := range list {
		value, err := valueOf(one)
		if err == nil {
			err = add(one.GetKey(), value)
		}
		if err != nil {
			return nil, err
		}
	}
	for name, value := range asked.Headers {
		if err := add(name, value); err != nil {
			return nil, err
		}
	}
	return h, hopByHop(h)
}

func valueOf(one *corev3.HeaderValue) (string, error) {
	if one.GetValue() != "" && len(one.GetRawValue()) > 0 {
		return "", fmt.Errorf("the header %.40q has two values", one.GetKey())
	}
	return one.GetValue() + string(one.GetRawValue()), nil
}

// sameAs checks a pseudo header against what Envoy says beside the headers.
// There it replaces bytes that are not UTF-8, in raw headers not.
func sameAs(asked *authv3.AttributeContext_HttpRequest, pseudo, value string) error {
	same := true
	switch pseudo {
	case "method":
		same = value == asked.Method
	case "path":
		same = value == asked.Path
	case "authority":
		same = value == asked.Host
	case "scheme":
		same = value == asked.Scheme
	}
	if !same {
		return fmt.Errorf("the request has two values for %s", pseudo)
	}
	return nil
}

// hopByHop drops headers of the connection, which Envoy does not forward. It
// refuses a Connection header that names others: whoever obeys it would drop
// them after the decision.
func hopByHop(h http.Header) error {
	for _, list := range h["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			if !slices.Contains(connectionOptions, strings.ToLower(strings.Trim(name, " \t"))) {
				return errors.New("the Connection header names a header that is not the connection's")
			}
		}
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Transfer-Encoding", "Upgrade", "Http2-Settings"} {
		delete(h, name)
	}
	return nil
}

var connectionOptions = []string{"", "close", "keep-alive", "upgrade", "te", "http2-settings"}
