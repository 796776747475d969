package backend

import (
	"context"

	"github.com/go-jose/go-jose/v4"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

// spiffeBundle is a SPIFFE trust bundle (SPIFFE Trust Domain and Bundle section 4).
type spiffeBundle struct {
	Sequence    int64             `json:"spiffe_sequence"`
	RefreshHint int               `json:"spiffe_refresh_hint"` // seconds
	Keys        []jose.JSONWebKey `json:"keys"`
}

func (b *backend) pathBundle() endpoint.Path {
	return endpoint.Path{
		Pattern:  "bundle",
		Suffix:   "bundle",
		Synopsis: "SPIFFE trust bundle of the mount's trust domain.",
		Help:     "The keys that verify JWT-SVIDs. The sequence number grows with every change of the keys.",
		Read:     endpoint.Handle("Read the SPIFFE trust bundle.", b.readBundle),
	}
}

func (b *backend) readBundle(ctx context.Context, call *endpoint.Call, _ *endpoint.None) (*endpoint.Raw, error) {
	counted, err := get[bundle](ctx, call.Storage, bundleKey)
	if err != nil {
		return nil, err
	}
	doc := spiffeBundle{RefreshHint: 60, Keys: []jose.JSONWebKey{}}
	if counted != nil {
		doc.Sequence = counted.Sequence
	}
	for _, k := range b.keys.Published() {
		if k.Algorithm != string(jose.EdDSA) { // JWT-SVIDs may not use it
			k.Use = "jwt-svid"
			doc.Keys = append(doc.Keys, k)
		}
	}
	return document(doc)
}
