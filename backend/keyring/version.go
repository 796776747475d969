package keyring

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Version is one key of a set.
type Version struct {
	KeyID       string    `json:"kid"` // RFC 7638 thumbprint
	Algorithm   string    `json:"algorithm"`
	Private     []byte    `json:"private"` // PKCS #8
	PublishedAt time.Time `json:"published_at"`
	// ActivatesAt is when it starts to sign; zero for the next key, which
	// waits for a rotation.
	ActivatesAt time.Time `json:"activates_at,omitzero"`
	// Prompt says that the key was published together with the first key of
	// its set, so whoever knows one knows both, and it may sign at once.
	Prompt bool `json:"prompt,omitempty"`

	private crypto.Signer
	public  jose.JSONWebKey
	signers sync.Map // typ → jose.Signer
}

// Algorithms a key may have, in the words of the API.
var Algorithms = []string{"ES256", "RS256", "ES384", "Ed25519"}

func generate(algorithm string, now time.Time) (*Version, error) {
	var key crypto.Signer
	var err error
	switch algorithm {
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "RS256":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "Ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		return nil, fmt.Errorf("algorithm %q is unknown", algorithm)
	}
	if err != nil {
		return nil, err
	}
	v := &Version{Algorithm: algorithm, PublishedAt: now.UTC()}
	if v.Private, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
		return nil, err
	}
	return v, v.open()
}

// open makes a stored version ready for use.
func (v *Version) open() error {
	key, err := x509.ParsePKCS8PrivateKey(v.Private)
	if err != nil {
		return fmt.Errorf("private key %s is damaged", v.KeyID)
	}
	v.private = key.(crypto.Signer) // every PKCS #8 key is one
	v.public = jose.JSONWebKey{Key: v.private.Public(), Use: "sig", Algorithm: string(v.jose())}
	sum, err := v.public.Thumbprint(crypto.SHA256)
	if err != nil {
		return err
	}
	v.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	v.public.KeyID = v.KeyID
	return nil
}

// jose is the algorithm in the words of JOSE: Ed25519 keys sign with EdDSA (RFC 8037).
func (v *Version) jose() jose.SignatureAlgorithm {
	if v.Algorithm == "Ed25519" {
		return jose.EdDSA
	}
	return jose.SignatureAlgorithm(v.Algorithm)
}

func (v *Version) sign(typ string, payload []byte) (string, error) {
	signer, ok := v.signers.Load(typ)
	if !ok {
		made, err := jose.NewSigner(
			jose.SigningKey{Algorithm: v.jose(), Key: jose.JSONWebKey{Key: v.private, KeyID: v.KeyID}},
			(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
		if err != nil {
			return "", err
		}
		signer, _ = v.signers.LoadOrStore(typ, made)
	}
	jws, err := signer.(jose.Signer).Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}
