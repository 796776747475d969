package verify

import (
	"context"
	"net/http"
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// Handler lets requests through to next that have a valid token with all of
// these scopes, and puts its [Identity] into their context. Others are
// answered as RFC 6750 section 3 says: see [Refusal.WriteHTTP].
func (v *Verifier) Handler(next http.Handler, scopes ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, err := v.VerifyRequest(r, scopes...)
		if err != nil {
			RefusalOf(err).WriteHTTP(w)
			return
		}
		next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), id)))
	})
}

// VerifyRequest is Verify with what the request shows.
func (v *Verifier) VerifyRequest(r *http.Request, scopes ...string) (*Identity, error) {
	raw, need, err := FromRequest(r, v.config.Origin)
	if err != nil {
		v.counts.add(err)
		return nil, err
	}
	need.Scopes = scopes
	return v.Verify(r.Context(), raw, need)
}

type contextKey struct{}

// NewContext returns a context that carries an identity.
func NewContext(ctx context.Context, id *Identity) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// FromContext returns the identity that a handler or interceptor put there.
func FromContext(ctx context.Context) (*Identity, bool) {
	id, ok := ctx.Value(contextKey{}).(*Identity)
	return id, ok
}

// Status is the HTTP status of a refusal: 401 when another token might do, 403
// when this caller may not, 503 when nobody can tell.
func (r *Refusal) Status() int {
	switch r.Reason {
	case Scope, Conditions:
		return http.StatusForbidden
	case Stale:
		return http.StatusServiceUnavailable
	}
	return http.StatusUnauthorized
}

// Challenge is the WWW-Authenticate header of a refusal (RFC 6750 section 3,
// RFC 9449 section 7.1), "" when there is none. Its error_description starts
// with the reason.
func (r *Refusal) Challenge() string {
	if r.Reason == Stale {
		return ""
	}
	if r.Reason == Missing {
		return "Bearer"
	}
	scheme, code := "Bearer", "invalid_token"
	switch {
	case r.dpop:
		scheme, code = `DPoP algs="`+token.ProofAlgorithms+`",`, "invalid_dpop_proof"
	case r.Status() == http.StatusForbidden:
		code = "insufficient_scope"
	}
	return scheme + ` error="` + code + `", error_description="` + quotable(string(r.Reason)+": "+r.Message) + `"`
}

// quotable keeps what an error_description may have (RFC 6750 section 3).
func quotable(text string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c == '"' || c == '\\':
			return '\''
		case c < 0x20 || c > 0x7e:
			return '?'
		}
		return c
	}, text)
}

// WriteHTTP answers a request that is refused.
func (r *Refusal) WriteHTTP(w http.ResponseWriter) {
	h := w.Header()
	if c := r.Challenge(); c != "" {
		h.Set("WWW-Authenticate", c)
	}
	if r.Reason == Stale {
		h.Set("Retry-After", "1")
	}
	h.Set("Cache-Control", "no-store")
	http.Error(w, r.Error(), r.Status())
}
