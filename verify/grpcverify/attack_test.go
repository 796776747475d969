package grpcverify_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/internal/attack"
)

func TestAttacks(t *testing.T) {
	w := attack.NewWorld(t, "https://payments.internal")
	r := newRigOf(t, w.Issuer, func(c *verify.Config) { c.Origin = w.Origin })
	to := attack.Target{Method: http.MethodPost, URL: w.Origin + testgrpc.TestService_CacheableUnaryCall_FullMethodName}
	clients := map[*tls.Certificate]testgrpc.TestServiceClient{}
	shoot := func(shot attack.Shot) error {
		client, ok := clients[shot.Certificate]
		if !ok {
			var certificates []tls.Certificate
			if shot.Certificate != nil {
				certificates = []tls.Certificate{*shot.Certificate}
			}
			client = r.dial(t, certificates)
			clients[shot.Certificate] = client
		}
		md := metadata.MD{}
		for name, values := range shot.Header {
			md.Append(strings.ToLower(name), values...)
		}
		_, err := client.CacheableUnaryCall(metadata.NewOutgoingContext(t.Context(), md), &testgrpc.SimpleRequest{})
		return err
	}
	controls := func() {
		for _, c := range attack.Controls() {
			if err := shoot(c.Make(w, to)); err != nil {
				t.Errorf("control %s: %v", c.Name, err)
			}
		}
	}
	controls()
	unsendable := 0
	for _, a := range attack.Attacks() {
		shot := a.Make(w, to)
		if a.Again {
			if err := shoot(shot); err != nil {
				t.Errorf("%s: the first: %v", a.Name, err)
			}
		}
		err := shoot(shot)
		if a.Soon {
			eventually(t, a.Name, func() bool { err = shoot(shot); return err != nil })
		}
		switch {
		case err == nil:
			t.Errorf("%s: ACCEPTED", a.Name)
		case reason(err) == "" && status.Code(err) == codes.Internal: // no value of a header
			unsendable++
		case !a.Refused(reason(err)):
			t.Errorf("%s: refused for %s, want %v: %v", a.Name, reason(err), a.Reasons, err)
		}
	}
	controls()
	if all := len(attack.Attacks()); unsendable > all/20 {
		t.Errorf("%d of %d attacks could not be sent", unsendable, all)
	}
}
