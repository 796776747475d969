package gate

import "github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"

// accepted counts for a caller, if there is one, and somebody to count.
func (g *Gate) accepted(id *verify.Identity, scopes []string) {
	if id != nil && g.config.Evidence != nil {
		g.config.Evidence.Accepted(id.Contract, id.Caller, scopes)
	}
}

// refused counts against a caller.
func (g *Gate) refused(id *verify.Identity) {
	if id != nil && g.config.Evidence != nil {
		g.config.Evidence.Refused(id.Contract, id.Caller)
	}
}

// asked reports whether a token is refused for what its caller asked for: more
// than its contract allows. Old, revoked and unproved tokens may be in
// anybody's hands, and doubt is no evidence.
func asked(r *verify.Refusal) bool {
	return r.Reason == verify.Scope || r.Reason == verify.Conditions && !r.Undecided()
}
