package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// unverified is what a token says of itself. Anybody can write that: it is
// shown, and never believed.
type unverified struct {
	size     int
	header   token.Header
	readable bool // has claims
	claims   token.Claims
}

func readUnverified(raw string) unverified {
	said := unverified{size: len(raw)}
	said.header, _ = token.ParseHeader(raw)
	if parts := strings.Split(raw, "."); len(parts) == 3 && len(raw) <= token.MaxSize {
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		if claims, err := token.ParseClaims(payload); err == nil {
			said.readable, said.claims = true, *claims
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

// check is one question that a service asks.
type check struct {
	name    string
	refuses []verify.Reason
	says    string // the token; to be believed when the signature is
	found   string // by the service, if that is more
}

func (v *verdict) checks() []check {
	h, c := v.said.header, v.said.claims
	return []check{
		{"form", []verify.Reason{verify.Missing, verify.Malformed}, fmt.Sprintf("%d bytes, typ %s", v.said.size, printable(h.Type)), ""},
		{"key", []verify.Reason{verify.UnknownKey}, "kid " + printable(h.KeyID), "kid " + printable(h.KeyID) + ", which the issuer publishes"},
		{"signature", []verify.Reason{verify.Signature}, printable(h.Algorithm), ""},
		{"issuer", []verify.Reason{verify.WrongIssuer}, printable(c.Issuer), ""},
		{"audience", []verify.Reason{verify.Audience}, printable(c.Audience), ""},
		{"times", []verify.Reason{verify.Expired, verify.NotYetValid}, v.times(), ""},
		{"revocation", []verify.Reason{verify.Revoked, verify.Stale}, v.revocation(), v.feed()},
		{"proof", []verify.Reason{verify.Proof}, v.proof(), ""},
		{"scopes", []verify.Reason{verify.Scope}, v.scopes(), ""},
		{"conditions", []verify.Reason{verify.Conditions}, v.conditions(), v.held()},
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
		case n < passed && c.found != "":
			fmt.Fprintf(t, "ok\t%s\t%s\n", c.name, c.found)
		case n < passed:
			fmt.Fprintf(t, "ok\t%s\t%s\n", c.name, c.says)
		case n == passed:
			fmt.Fprintf(t, "REFUSED\t%s\t%s\n", c.name, printable(v.refusal.Message))
		case v.said.readable:
			fmt.Fprintf(t, "not asked\t%s\tthe token says: %s\n", c.name, c.says)
		default:
			fmt.Fprintf(t, "not asked\t%s\t\n", c.name)
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
		if unicode.IsPrint(c) {
			return c
		}
		return '?' // controls, and what turns the direction of the text
	}, text)
}
