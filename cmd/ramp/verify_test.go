package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// command runs ramp as a process and returns what it printed, and its exit code.
func command(t *testing.T, stdin string, args ...string) (out, diag string, code int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Args[0] = "ramp" // see TestMain
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}

// lines without the columns.
func said(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestVerifyExplains(t *testing.T) {
	i := verifytest.New(t)
	ours := []string{"verify", "-issuer=" + i.URL, "-audience=" + verifytest.DefaultAudience}
	token := verifytest.Token{Scopes: []string{"invoices:read"}, Stage: "canary", Generation: "v7", TTL: 30 * time.Minute}
	good, revoked := i.Issue(token), i.Issue(token)
	i.Revoke(revoked)
	certificate := httptest.NewTLSServer(nil)
	defer certificate.Close()
	sum := sha256.Sum256(certificate.Certificate().Raw)
	file := filepath.Join(t.TempDir(), "caller.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	bound := i.Issue(verifytest.Token{X5T: base64.RawURLEncoding.EncodeToString(sum[:])})
	here := i.Issue(verifytest.Token{Conditions: []ramp.ConditionTerms{{Name: "here", Expression: `request.remote_address == "10.0.0.7"`}}})
	for name, c := range map[string]struct {
		token string
		flags []string
		code  int
		says  []string
	}{
		"accepted": {good, []string{"-scope=invoices:read"}, 0, []string{
			"ok form", "ok key kid", "ok signature ES256", "ok issuer " + i.URL, "ok audience https://payments.internal", "expires in ", "ok revocation followed",
			"ok proof not bound", "ok scopes has invoices:read, needs invoices:read", "ok conditions none", "contract orders", "caller e-orders", "stage canary", "generation v7", "Accepted.",
		}},
		"garbage":   {"garbage", nil, 1, []string{"REFUSED form the token is not", "not asked key", "What to do: this is no ramp token"}},
		"expired":   {i.Issue(verifytest.Token{TTL: -time.Minute}), nil, 1, []string{"ok audience", "REFUSED times the token expired at", "not asked revocation", "caller e-orders", "ahead of time"}},
		"audience":  {i.Issue(verifytest.Token{Audience: "https://other.internal"}), nil, 1, []string{"ok issuer", "REFUSED audience", "not asked times the token says: valid for", "say -audience=https://other.internal"}},
		"scope":     {good, []string{"-scope=invoices:write"}, 1, []string{"ok proof", "REFUSED scopes", "vault write ramp/explain/orders caller=e-orders"}},
		"revoked":   {revoked, nil, 1, []string{"ok times", "REFUSED revocation the token is dead", "contract orders", "find out why"}},
		"bound":     {bound, nil, 1, []string{"REFUSED proof the token is bound to a client certificate", "-certificate=FILE"}},
		"proved":    {bound, []string{"-certificate=" + file}, 0, []string{"ok proof bound to the client certificate"}},
		"elsewhere": {here, nil, 1, []string{"REFUSED conditions", "-remote-address=IP"}},
		"here":      {here, []string{"-remote-address=10.0.0.7"}, 0, []string{"ok conditions all hold, for a request now from 10.0.0.7"}},
		"expiry":    {i.Issue(verifytest.Token{Expiry: true}), nil, 0, []string{"nobody can end it before its time"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, diag, code := command(t, c.token+"\n", append(append([]string{}, ours...), c.flags...)...)
			for _, want := range c.says {
				if !strings.Contains(said(out), want) {
					t.Errorf("does not say %q:\n%s%s", want, out, diag)
				}
			}
			if code != c.code || (code == 1) != strings.Contains(diag, "ramp: refused: ") {
				t.Errorf("exit code %d: %s", code, diag)
			}
		})
	}
}

func TestVerifyForMachines(t *testing.T) {
	i := verifytest.New(t)
	ours := []string{"verify", "-format=json", "-issuer=" + i.URL, "-audience=" + verifytest.DefaultAudience, "-scope=invoices:read"}
	out, diag, code := command(t, i.Issue(verifytest.Token{Scopes: []string{"invoices:read"}}), append(ours, "-")...)
	var id verify.Identity
	if err := json.Unmarshal([]byte(out), &id); err != nil || code != 0 || id.Caller != "e-orders" {
		t.Errorf("exit code %d, %v: %s%s", code, err, out, diag)
	}
	out, diag, code = command(t, "", append(ours, i.Issue(verifytest.Token{}))...)
	var refusal verify.Refusal
	if err := json.Unmarshal([]byte(out), &refusal); err != nil || code != 1 || refusal.Reason != verify.Scope || refusal.Message == "" || refusal.Identity.Caller != "e-orders" {
		t.Errorf("exit code %d, %v: %s%s", code, err, out, diag)
	}
}

// What a token says of itself is suggested, not believed.
func TestVerifySuggests(t *testing.T) {
	i, other := verifytest.New(t), verifytest.New(t)
	raw := i.Issue(verifytest.Token{})
	_, diag, code := command(t, "", "verify", raw)
	if code != 2 || !strings.Contains(diag, "-issuer="+i.URL+" -audience="+verifytest.DefaultAudience) || !strings.Contains(diag, "only if you know") {
		t.Errorf("exit code %d: %s", code, diag)
	}
	out, diag, code := command(t, "", "verify", "-issuer="+other.URL, "-audience="+verifytest.DefaultAudience, raw)
	if code != 1 || !strings.Contains(said(out), "REFUSED key") || !strings.Contains(out, "say -issuer="+i.URL) {
		t.Errorf("exit code %d: %s%s", code, out, diag)
	}
	for name, args := range map[string][]string{
		"no token":       {"verify", "-issuer=" + i.URL, "-audience=x"},
		"nothing":        {"verify"},
		"bad format":     {"verify", "-format=xml", raw},
		"bad address":    {"verify", "-remote-address=here", raw},
		"no certificate": {"verify", "-certificate=/nowhere.pem", raw},
		"two tokens":     {"verify", raw, raw},
	} {
		if _, diag, code := command(t, "", args...); code != 2 || diag == "" {
			t.Errorf("%s: exit code %d: %s", name, code, diag)
		}
	}
	i.SetDown(true)
	if _, diag, code := command(t, "", "verify", "-issuer="+i.URL, "-audience=x", raw); code != 1 || !strings.Contains(diag, "cannot reach the issuer") {
		t.Errorf("exit code %d: %s", code, diag)
	}
}

// A token cannot steer the terminal of whoever looks at it, nor make it print without end.
func TestVerifyShowsNoControlCharacters(t *testing.T) {
	i := verifytest.New(t)
	for _, evil := range []string{"\x1b]0;owned\x07", "\u009b31m", "\u202e", "a\nok\tsignature", strings.Repeat("x", 9000)} {
		raw := i.Sign("at+jwt", map[string]any{"iss": i.URL + evil, "aud": evil, "sub": evil, "scope": evil, "client_id": evil, "jti": "a.1", "exp": time.Now().Unix() + 60})
		for _, issuer := range []string{i.URL, ""} {
			out, diag, _ := command(t, raw, "verify", "-issuer="+issuer, "-audience="+verifytest.DefaultAudience)
			if strings.Contains(out+diag, evil) || len(out+diag) > 4000 {
				t.Errorf("%q is in what was printed:\n%q\n%q", evil, out, diag)
			}
		}
	}
}

// Every reason belongs to one check and comes with advice.
func TestVerifyKnowsEveryReason(t *testing.T) {
	for _, reason := range verify.Reasons {
		v := verdict{verification: &verification{}, refusal: &verify.Refusal{Reason: reason}, identity: &verify.Identity{}}
		if v.refusedAt(v.checks()) < 0 {
			t.Errorf("no check refuses for %s", reason)
		}
		if v.advice() == (&verdict{verification: &verification{}, refusal: &verify.Refusal{Reason: "unheard of"}}).advice() {
			t.Errorf("no advice for %s", reason)
		}
	}
}

func FuzzReadUnverified(f *testing.F) {
	f.Add("e30.e30.e30")
	f.Add("a..")
	f.Fuzz(func(t *testing.T, raw string) {
		v := verdict{verification: &verification{format: "table"}, said: readUnverified(raw), refusal: &verify.Refusal{Reason: verify.Malformed}}
		var out bytes.Buffer
		v.explain(&out)
		if strings.ContainsAny(out.String(), "\x1b\x07\r") || out.Len() > 8000 {
			t.Errorf("%q", out.String())
		}
		_ = v.said.suggestion()
	})
}

// An issuer whose certificate is by a private CA is believed when that is named.
func TestVerifyPrivateCA(t *testing.T) {
	i := verifytest.New(t)
	target, err := url.Parse(i.URL)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }})
	defer front.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("VAULT_CACERT", "")
	ask := []string{"verify", "-issuer=" + front.URL, "-audience=" + verifytest.DefaultAudience, i.Issue(verifytest.Token{})}
	if _, diag, code := command(t, "", ask...); code != 1 || !strings.Contains(diag, "unknown authority") {
		t.Errorf("without: %d %s", code, diag)
	}
	believed := "it speaks for issuer" // another one: what it signed was read
	if _, diag, code := command(t, "", append(ask, "-ca-file="+file)...); code != 1 || !strings.Contains(diag, believed) {
		t.Errorf("with -ca-file: %d %s", code, diag)
	}
	t.Setenv("VAULT_CACERT", file)
	if _, diag, code := command(t, "", ask...); code != 1 || !strings.Contains(diag, believed) {
		t.Errorf("with VAULT_CACERT: %d %s", code, diag)
	}
}
