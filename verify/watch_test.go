package verify_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// What is watched ends with the reason that the next request would be refused for.
func TestWatch(t *testing.T) {
	soon := time.Now().Add(time.Minute)
	until := []ramp.ConditionTerms{{Name: "window", Expression: `request.time < timestamp("` + soon.UTC().Format(time.RFC3339) + `")`}}
	type world struct {
		*verifytest.Issuer
		raw  string
		late atomic.Bool
	}
	later := func(w *world) { w.late.Store(true) }
	for name, c := range map[string]struct {
		token verifytest.Token
		end   func(*world)
		want  verify.Reason
	}{
		"revoked":    {verifytest.Token{}, func(w *world) { w.Revoke(w.raw) }, verify.Revoked},
		"suspended":  {verifytest.Token{}, func(w *world) { w.SuspendCaller("e-orders") }, verify.Revoked},
		"key":        {verifytest.Token{}, func(w *world) { w.RevokeKey() }, verify.Revoked},
		"cut off":    {verifytest.Token{}, func(w *world) { w.SetDown(true) }, verify.Stale},
		"expired":    {verifytest.Token{TTL: time.Minute}, later, verify.Expired},
		"conditions": {verifytest.Token{Expiry: true, Conditions: until}, later, verify.Conditions},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := verifytest.New(t)
			w := &world{Issuer: i}
			v := newVerifier(t, i, func(c *verify.Config) {
				c.Conditions = condition.NewUseCompiler().Compile
				if name == "cut off" {
					c.MaxStaleness = 5 * time.Second
				}
				c.Now = func() time.Time {
					if w.late.Load() {
						return time.Now().Add(30 * time.Minute)
					}
					return time.Now()
				}
			})
			raw, innocent := i.Issue(c.token), i.Issue(verifytest.Token{Caller: "e-other"})
			id, err := v.Verify(t.Context(), raw, verify.Requirements{})
			if err != nil {
				t.Fatal(err)
			}
			id.Expiry = time.Now().Add(time.Hour) // a copy: the watch does not look there
			ctx, stop := v.Watch(t.Context(), id)
			defer stop()
			other, err := v.Verify(t.Context(), innocent, verify.Requirements{})
			if err != nil {
				t.Fatal(err)
			}
			untouched, stop := v.Watch(t.Context(), other)
			defer stop()
			if err := ctx.Err(); err != nil {
				t.Fatal(context.Cause(ctx))
			}
			w.raw = raw
			c.end(w)
			select {
			case <-ctx.Done():
			case <-time.After(30 * time.Second):
				t.Fatal("nothing ended in 30 s")
			}
			if r := verify.RefusalOf(context.Cause(ctx)); r.Reason != c.want || r.Identity == nil || r.Identity.TokenID != id.TokenID {
				t.Errorf("ended with %v", r)
			}
			if c.want == verify.Revoked && name != "key" && untouched.Err() != nil {
				t.Errorf("an innocent one ended with %v", context.Cause(untouched))
			}
		})
	}
}

func TestWatchStops(t *testing.T) {
	i := verifytest.New(t)
	v := newVerifier(t, i, nil)
	id, err := v.Verify(t.Context(), i.Issue(verifytest.Token{}), verify.Requirements{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := v.Watch(t.Context(), id)
	stop()
	if <-ctx.Done(); context.Cause(ctx) != context.Canceled { //nolint:errorlint // it is not wrapped
		t.Error(context.Cause(ctx))
	}
	for _, made := range []*verify.Identity{nil, {Subject: id.Subject, Expiry: id.Expiry}} {
		ctx, stop := v.Watch(t.Context(), made)
		defer stop()
		if <-ctx.Done(); reason(context.Cause(ctx)) != verify.Missing {
			t.Error(context.Cause(ctx))
		}
	}
}
