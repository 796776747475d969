package proxy_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/evidence"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// reports adds up evidence by caller.
type reports map[string]evidence.Count

func (r reports) Report(_ context.Context, _ string, counts []evidence.Count) error {
	for _, c := range counts {
		r[c.Contract+"/"+c.Caller] = c
	}
	return nil
}

// Only what a caller asked for with a live token of its own counts against it.
func TestEvidence(t *testing.T) {
	r := newRig(t, echo, nil)
	own := r.reader()
	for range 5 {
		r.do("GET", "/invoices/7", own)
	}
	r.do("GET", "/tenants/e-orders/x", own)
	r.do("POST", "/invoices/7", own)       // scope
	r.do("GET", "/tenants/e-other/x", own) // the route's condition
	never := []ramp.ConditionTerms{{Name: "never", Expression: "false"}}
	r.do("GET", "/invoices/7", r.issuer.Issue(verifytest.Token{Scopes: []string{"invoices:read"}, Conditions: never}))

	for _, innocent := range []verifytest.Token{{TTL: -time.Minute}, {NotBefore: time.Now().Add(time.Hour)}, {Audience: "https://other.internal"}, {JKT: "x"}, {X5T: "x"}} {
		innocent.Scopes = []string{"invoices:read"}
		r.do("GET", "/invoices/7", r.issuer.Issue(innocent))
	}
	foggy := []ramp.ConditionTerms{{Name: "foggy", Expression: "1 / 0 == 1"}}
	r.do("GET", "/invoices/7", r.issuer.Issue(verifytest.Token{Scopes: []string{"invoices:read"}, Conditions: foggy}))
	signed := own[:strings.LastIndexByte(own, '.')]
	r.do("GET", "/invoices/7", signed+".AAAA")
	r.do("GET", "/nowhere", own)
	r.do("GET", "//", own)
	r.do("GET", "/open/x", own)
	dead := r.reader()
	r.issuer.Revoke(dead)
	before := 0
	eventually(t, "the refusal", func() bool {
		resp, _ := r.do("GET", "/invoices/7", dead)
		if resp.StatusCode == 200 {
			before++
		}
		return resp.StatusCode == 401
	})
	got := reports{}
	if err := r.evidence.Flush(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	c := got["orders/e-orders"]
	if len(got) != 1 || c.Accepted != int64(6+before) || c.Refused != 3 || c.Scopes["invoices:read"] != c.Accepted {
		t.Errorf("%+v, and %d before the revocation was heard of", got, before)
	}
}

// selfSigned is a certificate that nobody vouches for.
func selfSigned(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, made, made, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Over TLS, HTTP/1 and HTTP/2 alike: a token bound to a certificate or a key
// is good with it, and with nothing else.
func TestBoundTokens(t *testing.T) {
	r := newRig(t, echo, nil)
	addr := r.listen(proxy.Listener{TLS: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{selfSigned(t)}, ClientAuth: tls.RequestClientCert, NextProtos: []string{"h2", "http/1.1"}}})
	url := "https://" + addr.String() + "/invoices/7"
	own, other := selfSigned(t), selfSigned(t)
	sum := sha256.Sum256(own.Certificate[0])
	key := own.PrivateKey.(*ecdsa.PrivateKey)
	jkt, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	scopes := []string{"invoices:read"}
	toCert := r.issuer.Issue(verifytest.Token{Scopes: scopes, X5T: base64.RawURLEncoding.EncodeToString(sum[:])})
	toKey := r.issuer.Issue(verifytest.Token{Scopes: scopes, JKT: base64.RawURLEncoding.EncodeToString(jkt)})
	proof := dpop(t, key, "GET", url, toKey)
	for _, c := range []struct {
		name          string
		cert          *tls.Certificate
		authorization string
		proof         string
		status        int
	}{
		{"its certificate", &own, "Bearer " + toCert, "", 200},
		{"another certificate", &other, "Bearer " + toCert, "", 401},
		{"no certificate", nil, "Bearer " + toCert, "", 401},
		{"its proof", nil, "DPoP " + toKey, proof, 200},
		{"its proof again", nil, "DPoP " + toKey, proof, 401},
		{"no proof", nil, "Bearer " + toKey, "", 401},
		{"a proof for another path", nil, "DPoP " + toKey, dpop(t, key, "GET", url+"8", toKey), 401},
		{"a proof by another key", nil, "DPoP " + toKey, dpop(t, other.PrivateKey.(*ecdsa.PrivateKey), "GET", url, toKey), 401},
	} {
		for _, h2 := range []bool{false, true} {
			if h2 && c.proof != "" {
				continue // proofs are good once
			}
			config := &tls.Config{InsecureSkipVerify: true}
			if c.cert != nil {
				config.Certificates = []tls.Certificate{*c.cert}
			}
			transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: h2}
			req, _ := http.NewRequestWithContext(t.Context(), "GET", url, nil)
			req.Header.Set("Authorization", c.authorization)
			if c.proof != "" {
				req.Header.Set("DPoP", c.proof)
			}
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			transport.CloseIdleConnections()
			if resp.StatusCode != c.status || (resp.ProtoMajor == 2) != h2 {
				t.Errorf("%s: %s %s %s", c.name, resp.Proto, resp.Status, body)
			}
			if resp.StatusCode == 200 {
				if h := parse(t, string(body)).Header; h.Get("Dpop") != "" || h.Get("Authorization") != "" || h.Get("X-Forwarded-Proto") != "https" {
					t.Errorf("%s: the service saw %v", c.name, h)
				}
			}
		}
	}
}

func dpop(t testing.TB, key *ecdsa.PrivateKey, method, url, token string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	ath := sha256.Sum256([]byte(token))
	payload, _ := json.Marshal(map[string]any{"jti": rand.Text(), "htm": method, "htu": url, "iat": time.Now().Unix(), "ath": base64.RawURLEncoding.EncodeToString(ath[:])})
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// A service that asks for it sees the token, and nobody else's headers.
func TestForwardToken(t *testing.T) {
	r := newRig(t, echo, func(c *proxy.Config) {
		c.Gate.ForwardToken, c.Gate.LogQuery, c.Upstream.Host = true, true, "service.internal"
	})
	token := r.reader()
	resp, body := r.do("GET", "/invoices/7?q=1", token)
	got := parse(t, body)
	if got.Header.Get("Authorization") != "Bearer "+token || got.Host != "service.internal" || got.Header.Get("X-Forwarded-Host") == got.Host {
		t.Errorf("%+v", got)
	}
	if e := r.entry(resp); e.Query != "q=1" {
		t.Errorf("%+v", e)
	}
	if strings.Contains(r.lines.String(), token) {
		t.Error("the log has the token")
	}
}
