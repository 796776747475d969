package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

func (v *verdict) times() string {
	c := v.said.claims
	if c.Expiry == 0 {
		return "no exp"
	}
	until := func(t time.Time, ahead, past string) string {
		if d := t.Sub(v.now).Round(time.Second); d > 0 {
			return fmt.Sprintf(ahead, d)
		}
		return fmt.Sprintf(past, v.now.Sub(t).Round(time.Second))
	}
	return until(time.Unix(c.NotBefore, 0), "valid in %s", "valid for %s") + ", " + until(c.ExpiresAt(), "expires in %s", "expired %s ago")
}

func (v *verdict) revocation() string {
	if v.said.claims.Status == nil {
		return "not followed: nobody can end it before its time"
	}
	return "followed"
}

func (v *verdict) feed() string {
	if v.said.claims.Status == nil {
		return ""
	}
	return fmt.Sprintf("followed: the feed, read %s ago, has no word against it", v.feedAge.Round(time.Millisecond))
}

func (v *verdict) proof() string {
	switch c := v.said.claims.Confirmation; {
	case c == nil:
		return "not bound to a key: whoever has the token can use it"
	case c.JKT != "":
		return "bound to the key " + printable(c.JKT) + ": each request has a DPoP proof"
	default:
		return "bound to the client certificate " + printable(c.X5T)
	}
}

func (v *verdict) scopes() string {
	if len(v.need.Scopes) == 0 {
		return "has " + printable(v.said.claims.Scope) + " (ask for some with -scope=SCOPE)"
	}
	return "has " + printable(v.said.claims.Scope) + ", needs " + strings.Join(v.need.Scopes, " ")
}

func (v *verdict) conditions() string {
	if r := v.said.claims.Ramp; r != nil && r.Conditions != "" {
		return "the contract has some for each request"
	}
	return "none"
}

func (v *verdict) held() string {
	switch r := v.said.claims.Ramp; {
	case r == nil || r.Conditions == "":
		return ""
	case v.remoteAddress == "":
		return "all hold, for a request now from an unknown address (-remote-address=IP)"
	}
	return "all hold, for a request now from " + v.remoteAddress
}

// advice is what to do about a refusal.
func (v *verdict) advice() string {
	const again = "Fetch a new credential: vault read -field=token ramp/creds/CONTRACT."
	said := v.said.claims
	switch v.refusal.Reason {
	case verify.Missing, verify.Malformed:
		return "this is no ramp token, or it was cut or changed on its way. " + again
	case verify.UnknownKey, verify.WrongIssuer:
		if said.Issuer != "" && said.Issuer != v.config.Issuer {
			return fmt.Sprintf("the token says it is from %s, and -issuer is %s. If you know that issuer, say -issuer=%s; "+
				"otherwise somebody sent you a token that is not for you.", printable(said.Issuer), v.config.Issuer, printable(said.Issuer))
		}
		return "its key was retired or revoked, or it is a forgery. " + again
	case verify.Signature:
		return "it was changed after it was signed, or is a forgery. " + again
	case verify.Audience:
		return fmt.Sprintf("if you ask for that service, say -audience=%s. Otherwise the caller took the credential of another contract: "+
			"it needs one to %s.", printable(said.Audience), v.config.Audience)
	case verify.Expired:
		return "callers fetch or renew ahead of time, as Vault Agent and ramp proxy do. " + again
	case verify.NotYetValid:
		return "compare the clock of this machine with Vault's: tokens are back-dated by not_before_leeway of ramp/config."
	case verify.Revoked:
		return "find out why before the caller gets a new one: vault write ramp/explain/" + v.contract() + " caller=" + v.caller() + "."
	case verify.Stale:
		return "see whether this machine can reach the issuer: curl " + v.config.Issuer + "/feed. Nobody can tell for now whether the token is alive."
	case verify.Proof:
		return "a thief's token looks like this. To verify a request of the caller, give its proof: -dpop=PROOF -method=POST -url=URL, or -certificate=FILE."
	case verify.Scope:
		return "the caller can ask for no more than its contract and stage give: vault read ramp/roles/" + v.contract() + ", vault write ramp/explain/" + v.contract() + " caller=" + v.caller() + "."
	case verify.Conditions:
		return "the conditions with \"request\" in on: vault read ramp/roles/" + v.contract() + ". If they ask for the address: -remote-address=IP."
	}
	return again
}

func (v *verdict) contract() string {
	if v.identity != nil && v.identity.Contract != "" {
		return printable(v.identity.Contract)
	}
	return "CONTRACT"
}

func (v *verdict) caller() string {
	if v.identity != nil {
		return printable(v.identity.Caller)
	}
	return "ENTITY_ID"
}
