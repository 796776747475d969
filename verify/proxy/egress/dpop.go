package egress

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// signer has a key of its own, in memory only, and signs DPoP proofs with it.
type signer struct {
	jose.Signer
	thumbprint string // of the key, RFC 7638
}

func newSigner() (*signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	sum, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, err
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	return &signer{s, base64.RawURLEncoding.EncodeToString(sum)}, err
}

// prove signs a proof for one request with one token, RFC 9449 section 4.2.
func (s *signer) prove(req *http.Request, token string) (string, error) {
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	sum := sha256.Sum256([]byte(token))
	claims, err := json.Marshal(map[string]any{
		"jti": rand.Text(),
		"htm": req.Method,
		"htu": req.URL.Scheme + "://" + host + req.URL.EscapedPath(),
		"iat": time.Now().Unix(),
		"ath": base64.RawURLEncoding.EncodeToString(sum[:]),
	})
	if err != nil {
		return "", err
	}
	jws, err := s.Sign(claims)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}
