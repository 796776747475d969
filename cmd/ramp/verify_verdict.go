package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// unverified is what a token says of itself. Anybody can write that: it is
// shown, and never believed.
type unverified struct {
	size   int
	header token.Header
	claims token.Claims
}

func readUnverified(raw string) unverified {
	said := unverified{size: len(raw)}
	said.header, _ = token.ParseHeader(raw)
	if parts := strings.Split(raw, "."); len(parts) == 3 && len(raw) <= token.MaxSize {
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		if claims, err := token.ParseClaims(payload); err == nil {
			said.claims = *claims
		}
	}
	return said
}

// suggestion is flags that fit what the token says.
func (u *unverified) suggestion() string {
	if u.claims.Issuer == "" || u.claims.Audience == "" {
		return ""
	}
	return fmt.Sprintf("\nThe token says -issuer=%s -audience=%s. Whoever made it wrote that: use it only if you know this issuer and this service.",
		printable(u.claims.Issuer), printable(u.claims.Audience))
}

// verdict is the answer to a verification.
type verdict struct {
	*verification
	said     unverified
	feedAge  time.Duration
	now      time.Time
	identity *verify.Identity // nil when the signature, issuer or audience is not good
	refusal  *verify.Refusal  // nil when accepted
}

// check is one question that a service asks. What it finds is in words of the
// token until all checks have passed.
type check struct {
	name    string
	finds   string
	refuses []verify.Reason
}

func (v *verdict) checks() []check {
	h, c := v.said.header, v.said.claims
	return []check{
		{"form", fmt.Sprintf("a compact JWS of %d bytes, typ %s", v.said.size, printable(h.Type)), []verify.Reason{verify.Missing, verify.Malformed}},
		{"key", "kid " + printable(h.KeyID), []verify.Reason{verify.UnknownKey}},
		{"signature", printable(h.Algorithm), []verify.Reason{verify.Signature}},
		{"issuer", printable(c.Issuer), []verify.Reason{verify.WrongIssuer}},
		{"audience", printable(c.Audience), []verify.Reason{verify.Audience}},
		{"times", v.times(), []verify.Reason{verify.Expired, verify.NotYetValid}},
		{"revocation", v.revocation(), []verify.Reason{verify.Revoked, verify.Stale}},
		{"proof", v.proof(), []verify.Reason{verify.Proof}},
		{"scopes", v.scopes(), []verify.Reason{verify.Scope}},
		{"conditions", v.conditions(), []verify.Reason{verify.Conditions}},
	}
}

// refusedAt is the place in checks where the token was refused.
func (v *verdict) refusedAt(checks []check) int {
	reason := v.refusal.Reason
	if reason == verify.Revoked && v.identity == nil {
		reason = verify.UnknownKey // the key is what died
	}
	return slices.IndexFunc(checks, func(c check) bool { return slices.Contains(c.refuses, reason) })
}

func (v *verdict) explain(w io.Writer) {
	checks := v.checks()
	passed := len(checks)
	if v.refusal != nil {
		passed = v.refusedAt(checks)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for n, c := range checks {
		switch {
		case n < passed:
			fmt.Fprintf(t, "ok\t%s\t%s\n", c.name, c.finds)
		case n == passed:
			fmt.Fprintf(t, "REFUSED\t%s\t%s\n", c.name, printable(v.refusal.Message))
		default:
			fmt.Fprintf(t, "not asked\t%s\t%s\n", c.name, c.finds)
		}
	}
	if v.identity != nil {
		fmt.Fprintln(t)
		for _, line := range v.who() {
			fmt.Fprintf(t, "%s\t%s\n", line[0], line[1])
		}
	}
	_ = t.Flush()
	if v.refusal != nil {
		fmt.Fprintf(w, "\nWhat to do: %s\n", v.advice())
	} else {
		fmt.Fprintf(w, "\nAccepted.\n")
	}
}

func (v *verdict) who() (lines [][2]string) {
	id := v.identity
	for _, line := range [][2]string{
		{"contract", id.Contract}, {"contract id", id.ContractID}, {"caller", id.Caller}, {"subject", id.Subject}, {"stage", id.Stage}, {"generation", id.Generation},
		{"scopes", strings.Join(id.Scopes, " ")}, {"serial", fmt.Sprint(id.Serial)}, {"issued", id.IssuedAt.Format(time.RFC3339)}, {"expires", id.Expiry.Format(time.RFC3339)},
	} {
		if line[1] != "" {
			lines = append(lines, [2]string{line[0], printable(line[1])})
		}
	}
	return lines
}

// printable keeps what a stranger wrote from steering the terminal.
func printable(text string) string {
	const most = 300
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strings.Map(func(c rune) rune {
		if c < 0x20 || c >= 0x7f && c < 0xa0 || c == '\u202e' {
			return '?'
		}
		return c
	}, text)
}
