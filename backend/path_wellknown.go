package backend

import (
	"context"
	"encoding/json"

	"github.com/go-jose/go-jose/v4"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

// jwksMaxAge is how long, in seconds, verifiers may cache the keys.
const jwksMaxAge = "60"

func (b *backend) pathDiscovery() endpoint.Path {
	return endpoint.Path{
		Pattern:  `\.well-known/openid-configuration`,
		Suffix:   "openid-configuration",
		Synopsis: "OpenID Connect discovery document.",
		Help:     "Verifiers that know the issuer find everything else from here. Needs no token.",
		Read:     endpoint.Handle("Read the OpenID Connect discovery document.", b.discovery),
	}
}

func (b *backend) discovery(context.Context, *endpoint.Call, *endpoint.None) (*endpoint.Raw, error) {
	issuer := b.config.Load().Issuer
	if issuer == "" {
		return nil, endpoint.NotFound("the mount is not configured: no issuer is set")
	}
	algorithms := map[string]bool{}
	for _, k := range b.keys.Published() {
		algorithms[k.Algorithm] = true
	}
	names := []string{}
	for _, a := range []string{"RS256", "ES256", "ES384", "EdDSA"} {
		if algorithms[a] {
			names = append(names, a)
		}
	}
	return document(map[string]any{
		"issuer":                                issuer,
		"jwks_uri":                              issuer + "/.well-known/jwks.json",
		"introspection_endpoint":                issuer + "/introspect",
		"revocation_endpoint":                   issuer + "/revoke",
		"response_types_supported":              []string{"id_token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": names,
	})
}

func (b *backend) pathJWKS() endpoint.Path {
	return endpoint.Path{
		Pattern:  `\.well-known/jwks\.json`,
		Suffix:   "jwks",
		Synopsis: "Public signing keys (RFC 7517).",
		Help:     "Every key that signs, is about to, or signed a token that may still be alive. Needs no token.",
		Read: endpoint.Handle("Read the public signing keys.", func(context.Context, *endpoint.Call, *endpoint.None) (*endpoint.Raw, error) {
			keys := b.keys.Published()
			if keys == nil {
				keys = []jose.JSONWebKey{}
			}
			return document(jose.JSONWebKeySet{Keys: keys})
		}),
	}
}

func document(v any) (*endpoint.Raw, error) {
	body, err := json.Marshal(v)
	return &endpoint.Raw{ContentType: "application/json", Body: body, MaxAge: jwksMaxAge}, err
}
