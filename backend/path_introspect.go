package backend

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

type tokenRequest struct {
	Token string `json:"token" doc:"The token. Required."`
	Hint  string `json:"token_type_hint" doc:"Ignored, as RFC 7662 and RFC 7009 allow."`
}

func (b *backend) pathIntrospect() endpoint.Path {
	return endpoint.Path{
		Pattern:  "introspect",
		Suffix:   "token",
		Verb:     "introspect",
		Synopsis: "Tell whether a token is alive (RFC 7662).",
		Help:     "The answer is RFC 7662's JSON, with a copy under data so that the vault CLI can read it too.",
		Write:    endpoint.Handle("Tell whether a token is alive.", b.introspect),
	}
}

func (b *backend) introspect(ctx context.Context, call *endpoint.Call, req *tokenRequest) (*endpoint.Raw, error) {
	if req.Token == "" {
		return nil, endpoint.BadRequest("token is required")
	}
	answer := map[string]any{"active": false}
	c, kid, err := b.open(req.Token)
	if err == nil && c.Issuer == b.config.Load().Issuer && c.Expiry > b.now().Unix() {
		alive, err := b.alive(ctx, call.Storage, c, kid)
		if err != nil {
			return nil, err
		}
		if alive {
			text, err := json.Marshal(c)
			if err != nil {
				return nil, err
			}
			if err := json.Unmarshal(text, &answer); err != nil {
				return nil, err
			}
			answer["active"] = true
			answer["token_type"] = "Bearer"
			if c.Confirmation != nil && c.Confirmation.JKT != "" {
				answer["token_type"] = "DPoP"
			}
		}
	}
	both := map[string]any{"data": answer}
	for k, v := range answer {
		both[k] = v
	}
	body, err := json.Marshal(both)
	return &endpoint.Raw{ContentType: "application/json", Body: body}, err
}

// open verifies a token of this mount and returns its claims and kid. Whether
// it is alive is another question, and so is its issuer: config may have named
// another one when it was minted.
func (b *backend) open(raw string) (*token.Claims, string, error) {
	h, payload, err := token.Open(raw, b.keys.Public, token.TypeAccessToken, token.TypeSVID)
	if err != nil {
		return nil, "", err
	}
	c, err := token.ParseClaims(payload)
	if err != nil {
		return nil, "", err
	}
	return c, h.KeyID, nil
}

func (b *backend) alive(ctx context.Context, s logical.Storage, c *token.Claims, kid string) (bool, error) {
	contract, serial, err := token.ParseID(c.ID)
	if err != nil {
		return false, nil
	}
	dead, err := b.kills.state(ctx, s)
	if err != nil {
		return false, err
	}
	if dead.Dead(revocation.Credential{Contract: contract, Serial: serial, Caller: token.CallerHash(c.ClientID), IssuedAt: c.IssuedAt, KeyID: kid}, b.now().Unix()) != "" {
		return false, nil
	}
	caller, err := b.caller(c.ClientID, false)
	return err == nil && caller != nil && !caller.Disabled, err
}
