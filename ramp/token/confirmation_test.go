package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

func TestConfirmJKT(t *testing.T) {
	const good = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" // of RFC 7638 section 3.1
	if c, err := token.ConfirmJKT(good); err != nil || c.JKT != good || c.X5T != "" {
		t.Errorf("%+v %v", c, err)
	}
	for _, bad := range []string{
		"", "x", good + "=", good + "A", good[:42], good[:42] + "t", " " + good, good + "\n", good[:20] + "\n" + good[20:],
		strings.ReplaceAll(good, "-", "+"), strings.Repeat("A", 1<<20),
	} {
		if c, err := token.ConfirmJKT(bad); err == nil || !strings.Contains(err.Error(), "dpop_jkt") || len(err.Error()) > 200 {
			t.Errorf("%.60q: %+v %.300v", bad, c, err)
		}
	}
}

// The key of RFC 7638 section 3.1, with the thumbprint given there.
const rfc7638 = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`

func TestConfirmKey(t *testing.T) {
	i := newIssuer(t)
	der, err := x509.MarshalPKIXPublicKey(i.ec.Public())
	if err != nil {
		t.Fatal(err)
	}
	pkix := pemText("PUBLIC KEY", der)
	cert := certificate(t, i.ec)
	thumb := func(key any) string {
		sum, err := (&jose.JSONWebKey{Key: key}).Thumbprint(crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		return b64.EncodeToString(sum)
	}
	certSum := sha256.Sum256(cert)
	for name, tc := range map[string]struct {
		text string
		want token.Confirmation
	}{
		"JWK of RFC 7638":  {rfc7638, token.Confirmation{JKT: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"}},
		"JWK, EC":          {jwk(t, i.ec.Public()), token.Confirmation{JKT: thumb(i.ec.Public())}},
		"JWK, Ed25519":     {"\n " + jwk(t, i.ed.Public()) + "\n", token.Confirmation{JKT: thumb(i.ed.Public())}},
		"PEM key":          {pkix, token.Confirmation{JKT: thumb(i.ec.Public())}},
		"PEM key, indents": {"  \n" + pkix + "\n\n ", token.Confirmation{JKT: thumb(i.ec.Public())}},
		"PEM certificate":  {pemText("CERTIFICATE", cert), token.Confirmation{X5T: b64.EncodeToString(certSum[:])}},
	} {
		if c, err := token.ConfirmKey(tc.text); err != nil || *c != tc.want {
			t.Errorf("%s: %+v %v, want %+v", name, c, err, tc.want)
		}
	}
	sec1, err := x509.MarshalECPrivateKey(i.ec)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ text, says string }{
		"empty":               {"", "must be one JWK"},
		"junk":                {strings.Repeat("junk", 1<<18), "must be one JWK"},
		"private JWK, EC":     {jwk(t, i.ec), "private key"},
		"private JWK, RSA":    {jwk(t, i.rsa), "private key"},
		"private JWK, OKP":    {jwk(t, i.ed), "private key"},
		"symmetric JWK":       {`{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0"}`, ""},
		"JWK of no kind":      {`{"kty":"EC"}`, "not a valid JWK"},
		"JWK off the curve":   {`{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}`, "not a valid JWK"},
		"JWKS":                {`{"keys":[` + rfc7638 + `]}`, "not a valid JWK"},
		"two JWKs":            {rfc7638 + rfc7638, "not a valid JWK"},
		"private PEM":         {pemText("EC PRIVATE KEY", sec1), "PEM type EC PRIVATE KEY"},
		"two PEM keys":        {pkix + pkix, "must be one JWK"},
		"key, then text":      {pkix + "and more", "must be one JWK"},
		"damaged key":         {pemText("PUBLIC KEY", der[:40]), "not a valid PEM public key"},
		"damaged certificate": {pemText("CERTIFICATE", cert[:40]), "not a valid certificate"},
		"no PEM":              {base64.StdEncoding.EncodeToString(der), "must be one JWK"},
	} {
		c, err := token.ConfirmKey(tc.text)
		if err == nil || !strings.Contains(err.Error(), tc.says) || len(err.Error()) > 200 {
			t.Errorf("%s: %+v %.300v, want an error with %q", name, c, err, tc.says)
		}
		if err != nil && strings.Contains(tc.text, `"d":"`) && strings.Contains(err.Error(), secretPart(tc.text)) {
			t.Errorf("%s: the error quotes the private key", name)
		}
	}
}

func secretPart(jwk string) string {
	_, d, _ := strings.Cut(jwk, `"d":"`)
	d, _, _ = strings.Cut(d, `"`)
	return d
}

func jwk(t *testing.T, key any) string {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKey{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func pemText(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func certificate(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	if key.Curve != elliptic.P256() {
		t.Fatal("want P-256")
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)},
		&x509.Certificate{SerialNumber: big.NewInt(1)}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
