package egress

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Proof is how a caller proves that a credential is its own.
type Proof string

const (
	None Proof = "none" // whoever has the token may use it
	DPoP Proof = "dpop" // a signature with each request, RFC 9449
	MTLS Proof = "mtls" // the client certificate of the connection, RFC 8705
)

const certificateCheck = 5 * time.Second // how often a client certificate is looked at

// binding is the key that a credential is bound to, and the connections that
// show it. A new client certificate is a new binding, used together with the
// credential bound to it and never with the one before.
type binding struct {
	key         Key
	signer      *signer          // nil without DPoP
	certificate *tls.Certificate // nil without a client certificate
	upstream    *http.Transport
}

func (t *Transport) bind() (*binding, error) {
	b := &binding{upstream: t.upstream}
	if t.config.Certificate != nil {
		cert, err := t.config.Certificate()
		if err != nil {
			return nil, fmt.Errorf("client certificate: %w", err)
		}
		b.certificate, b.upstream = cert, newUpstream(t.scheme, t.config.TLS, cert)
		if t.config.Proof == MTLS {
			b.key.Certificate = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}))
		}
	}
	if t.config.Proof == DPoP {
		var err error
		if b.signer, err = newSigner(); err != nil {
			return nil, err
		}
		b.key.Thumbprint = b.signer.thumbprint
	}
	return b, nil
}

// close lets go of connections that nobody else uses.
func (b *binding) close() {
	if b.certificate != nil {
		b.upstream.CloseIdleConnections()
	}
}

// newUpstream connects to an upstream, whose scheme says what is spoken there.
func newUpstream(scheme string, config *tls.Config, cert *tls.Certificate) *http.Transport {
	config = config.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if cert != nil {
		config.Certificates = []tls.Certificate{*cert}
	}
	t := &http.Transport{
		TLSClientConfig:        config,
		Protocols:              new(http.Protocols),
		DisableCompression:     true, // bodies pass as they are
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    1024,
		MaxResponseHeaderBytes: 1 << 20,
	}
	t.Protocols.SetHTTP1(scheme != "h2c")
	t.Protocols.SetHTTP2(scheme == "https")
	t.Protocols.SetUnencryptedHTTP2(scheme == "h2c")
	return t
}
