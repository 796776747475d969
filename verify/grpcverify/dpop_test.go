package grpcverify_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

type proofKey struct{ *ecdsa.PrivateKey }

func (k proofKey) thumbprint(t *testing.T) string {
	t.Helper()
	sum, err := (&jose.JSONWebKey{Key: k.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sum)
}

func (k proofKey) prove(t *testing.T, method, url, raw string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.PrivateKey}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	ath := sha256.Sum256([]byte(raw))
	claims, err := json.Marshal(map[string]any{
		"jti": rand.Text(), "htm": method, "htu": url, "iat": time.Now().Unix(), "ath": base64.RawURLEncoding.EncodeToString(ath[:]),
	})
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// A proof is for POST and the URL of the method, and good for one call.
func TestDPoP(t *testing.T) {
	r := newRig(t, nil)
	client := r.dial(t, nil)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := proofKey{private}
	raw := r.Issue(verifytest.Token{Scopes: []string{"invoices:read"}, JKT: key.thumbprint(t)})
	url := "https://" + r.addr + testgrpc.TestService_UnaryCall_FullMethodName
	call := func(scheme string, proofs ...string) error {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", scheme+" "+raw)
		for _, p := range proofs {
			ctx = metadata.AppendToOutgoingContext(ctx, "dpop", p)
		}
		_, err := client.UnaryCall(ctx, &testgrpc.SimpleRequest{})
		return err
	}
	proof := key.prove(t, "POST", url, raw)
	if err := call("DPoP", proof); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"replayed":       call("DPoP", proof),
		"none":           call("DPoP"),
		"two":            call("DPoP", key.prove(t, "POST", url, raw), key.prove(t, "POST", url, raw)),
		"as bearer":      call("Bearer", key.prove(t, "POST", url, raw)),
		"another method": call("DPoP", key.prove(t, "POST", "https://"+r.addr+testgrpc.TestService_EmptyCall_FullMethodName, raw)),
		"in the clear":   call("DPoP", key.prove(t, "POST", "http://"+r.addr+testgrpc.TestService_UnaryCall_FullMethodName, raw)),
		"GET":            call("DPoP", key.prove(t, "GET", url, raw)),
		"another token":  call("DPoP", key.prove(t, "POST", url, "e30.e30.e30")),
	} {
		if status.Code(err) != codes.Unauthenticated || reason(err) != verify.Proof {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := call("DPoP", key.prove(t, "POST", url, raw)); err != nil {
		t.Error(err)
	}
}

// A stream proves at its start alone: it is not cut for lack of a second proof.
func TestDPoPStream(t *testing.T) {
	r := newRig(t, nil)
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := proofKey{private}
	raw := r.Issue(verifytest.Token{Scopes: []string{"invoices:read", "invoices:write"}, JKT: key.thumbprint(t)})
	proof := key.prove(t, "POST", "https://"+r.addr+testgrpc.TestService_FullDuplexCall_FullMethodName, raw)
	ctx, stop := context.WithCancel(metadata.AppendToOutgoingContext(t.Context(), "authorization", "DPoP "+raw, "dpop", proof))
	defer stop()
	stream, err := r.dial(t, nil).FullDuplexCall(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // the watch looks again about once a second
		echo(t, stream)
		time.Sleep(500 * time.Millisecond)
	}
	r.Revoke(raw)
	if _, err := stream.Recv(); reason(err) != verify.Revoked {
		t.Errorf("%v", err)
	}
}
