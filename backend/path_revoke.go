package backend

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

func (b *backend) pathRevoke() endpoint.Path {
	return endpoint.Path{
		Pattern:  "revoke",
		Suffix:   "token",
		Verb:     "revoke",
		Synopsis: "Kill the token presented (RFC 7009).",
		Help:     "For pipelines that find a leaked token: no lease, role or caller has to be known. A token that is not ours, or is dead already, is a success.",
		Write:    endpoint.Handle("Kill the token presented.", b.revokeToken),
	}
}

// emptyOK is the answer of RFC 7009 section 2.2: 200 and nothing to say.
type emptyOK struct{}

// Response implements endpoint.Responder.
func (emptyOK) Response() *logical.Response {
	return (&endpoint.Raw{ContentType: "application/json", Body: []byte{}}).Response()
}

func (b *backend) revokeToken(ctx context.Context, call *endpoint.Call, req *tokenRequest) (*emptyOK, error) {
	if req.Token == "" {
		return nil, endpoint.BadRequest("token is required")
	}
	c, kid, err := b.open(req.Token)
	if err != nil {
		return &emptyOK{}, nil
	}
	contract, serial, err := token.ParseID(c.ID)
	if err != nil {
		return &emptyOK{}, nil
	}
	state, err := get[contractState](ctx, call.Storage, statePrefix+contract)
	if err != nil {
		return nil, err
	}
	if state == nil {
		state = &contractState{} // it was deleted
	}
	return &emptyOK{}, b.killSerial(ctx, call.Storage, revocation.Credential{
		Contract: contract, Serial: serial, Caller: token.CallerHash(c.ClientID), IssuedAt: c.IssuedAt, KeyID: kid,
	}, c.Expiry, &event{
		kind: kindRevoke, contract: state.Name, contractID: contract, caller: c.ClientID,
		jti: c.ID, serial: serial, keyID: kid, issued: time.Unix(c.IssuedAt, 0),
		detail: "token presented",
	})
}
