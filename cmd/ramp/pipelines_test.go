package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"go.yaml.in/yaml/v3"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

const pipelines = "../../bootstrap/pipelines/"

// forge is a GitHub or GitLab as far as a pipeline's identity goes.
type forge struct {
	*httptest.Server
	t   *testing.T
	key *ecdsa.PrivateKey
}

func newForge(t *testing.T) *forge {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f := &forge{t: t, key: key}
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(v); err != nil {
			t.Error(err)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"issuer": f.URL, "jwks_uri": f.URL + "/jwks", "id_token_signing_alg_values_supported": []string{"ES256"}})
	})
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) { // as GitHub hands them out
		if r.Header.Get("Authorization") != "Bearer for-this-job" || r.URL.Query().Get("audience") != "vault" {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		answer(w, map[string]any{"value": f.identity(map[string]any{"repository": "team/contracts", "ref": "refs/heads/main", "ref_type": "branch"})})
	})
	f.Server = httptest.NewUnstartedServer(mux) // its handlers read f
	f.Start()
	t.Cleanup(f.Close)
	return f
}

func (f *forge) identity(claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: f.key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		f.t.Fatal(err)
	}
	now := time.Now()
	token, err := jwt.Signed(signer).Claims(claims).Claims(jwt.Claims{
		Issuer: f.URL, Subject: "pipeline", Audience: jwt.Audience{"vault"}, Expiry: jwt.NewNumericDate(now.Add(time.Hour)), IssuedAt: jwt.NewNumericDate(now),
	}).Serialize()
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

// job is what a pipeline runs: a script of ours, with the environment of a job.
type job struct {
	t    *testing.T
	s    *vaulttest.Server
	dir  string // with the command ramp
	work string
}

func (j *job) run(script string, env []string, args ...string) (stdout string, code int) {
	j.t.Helper()
	path, err := filepath.Abs(pipelines + script)
	if err != nil {
		j.t.Fatal(err)
	}
	var out, diag bytes.Buffer
	cmd := j.s.Command("")
	cmd.Path, cmd.Args, cmd.Err, cmd.Dir = path, append([]string{path}, args...), nil, j.work
	cmd.Env = append(append(cmd.Env, "PATH="+j.dir+":"+os.Getenv("PATH"), "VAULT_BIN="+j.s.Bin), env...)
	cmd.Stdout, cmd.Stderr = &out, &diag
	err = cmd.Run()
	if ended := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ended) {
		j.t.Fatal(err)
	}
	j.t.Logf("%s %v: %d %s", script, args, cmd.ProcessState.ExitCode(), diag.String())
	return strings.TrimSpace(out.String()), cmd.ProcessState.ExitCode()
}

// TestPipelines: what the examples do, each with no more than its own policy.
func TestPipelines(t *testing.T) {
	s := vaulttest.Start(t, vaulttest.WithMount("ramp"))
	f := newForge(t)
	j := &job{t, s, t.TempDir(), t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(j.dir, "ramp")); err != nil {
		t.Fatal(err)
	}
	for kind, mount := range map[string]string{"gitlab": "gitlab", "github": "github"} {
		if out, code := j.run("setup", []string{"VAULT_TOKEN=" + s.RootToken, "ISSUER=" + f.URL, "MOUNT=" + mount}, kind, "team/contracts"); code != 0 {
			t.Fatal(out)
		}
	}
	login := func(role string, claims map[string]any) (string, int) {
		t.Helper()
		return j.run("login", []string{"MOUNT=gitlab", "VAULT_ID_TOKEN=" + f.identity(claims)}, role)
	}
	project := func(ref, kind, protected string) map[string]any {
		return map[string]any{"project_path": "team/contracts", "ref": ref, "ref_type": kind, "ref_protected": protected}
	}
	main, feature, tag := project("main", "branch", "true"), project("feature", "branch", "false"), project("v1", "tag", "true")
	for _, tc := range []struct {
		role   string
		claims map[string]any
	}{{"ramp-apply", feature}, {"ramp-apply", tag}, {"ramp-deploy", main}, {"ramp-plan", map[string]any{"project_path": "others/contracts"}}} {
		if out, code := login(tc.role, tc.claims); code == 0 || out != "" {
			t.Errorf("%s for %v: %d %q", tc.role, tc.claims, code, out)
		}
	}
	as := func(role string, claims map[string]any) func(code int, args ...string) {
		token, code := login(role, claims)
		if code != 0 || token == "" {
			t.Fatalf("%s: %d", role, code)
		}
		return func(want int, args ...string) {
			t.Helper()
			cmd := process(t, s, args...)
			cmd.Env = append(cmd.Env, "VAULT_TOKEN="+token)
			out, _ := cmd.CombinedOutput() // the exit code says all
			if got := cmd.ProcessState.ExitCode(); got != want {
				t.Errorf("%s: ramp %v: exit code %d, want %d\n%s", role, args, got, want, out)
			}
		}
	}
	files := filepath.Join(j.work, "contracts")
	write(t, files, "x.hcl", strings.NewReplacer(`var.env`, `"x"`, `${"x"}`, "x", "var.ttl", `"5m"`, "%s", `["invoices:read"]`, `variable "env" { type = string }`, "", `variable "ttl" { type = string }`, "").Replace(estateOfOrders))
	planner, applier := as("ramp-plan", feature), as("ramp-apply", main)
	planner(2, "plan", "-prune", files)
	planner(1, "apply", "-auto-approve", files)
	applier(0, "apply", "-auto-approve", "-prune", files)
	planner(0, "plan", files)
	applier(1, "suspend", "orders-to-payments")
	applier(1, "deploy", "orders-to-payments", "-generation=v1")
	planner(1, "deploy", "orders-to-payments", "-generation=v1")
	as("ramp-deploy", tag)(0, "deploy", "orders-to-payments", "-generation=v1", "-overlap=10m")

	// A token is committed, and found.
	orders := s.AppRole("orders", s.Policy("caller", `path "ramp/creds/*" { capabilities = ["read"] }`))
	secret, err := orders.Client.Logical().Read("ramp/creds/orders-to-payments")
	if err != nil {
		t.Fatal(err)
	}
	leaked := secret.Data["token"].(string)
	verify := func(code int) {
		t.Helper()
		must(t, code, s, "verify", "-issuer="+s.Addr+"/v1/ramp", "-audience=https://payments.x.internal", leaked)
	}
	verify(0)
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", j.work, "-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v %s", args, err, out)
		}
	}
	git("init", "-q")
	git("add", "contracts")
	git("commit", "-qm", "contracts")
	write(t, j.work, "notes", "it works with "+leaked+"\n")
	git("add", "notes")
	git("commit", "-qm", "oops")
	token, _ := j.run("login", []string{"MOUNT=github", "ACTIONS_ID_TOKEN_REQUEST_URL=" + f.URL + "/token?x=1", "ACTIONS_ID_TOKEN_REQUEST_TOKEN=for-this-job"}, "ramp-revoke")
	if _, code := j.run("revoke-leaked", []string{"VAULT_TOKEN=" + token}, "HEAD~1"); code != 0 {
		t.Error("something was found where there is nothing")
	}
	verify(0)
	if _, code := j.run("revoke-leaked", []string{"VAULT_TOKEN=" + token}, "HEAD~1..HEAD"); code != 1 {
		t.Error("nothing was found")
	}
	verify(1)
}

// TestPipelineCommands: each command line of the examples is one that ramp has.
func TestPipelineCommands(t *testing.T) {
	for _, file := range []string{"github.yml", "gitlab.yml"} {
		text, err := os.ReadFile(pipelines + file)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(text, new(map[string]any)); err != nil {
			t.Error(err)
		}
		var seen []string
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "- "))
			args, ok := strings.CutPrefix(line, "ramp ")
			if !ok {
				continue
			}
			args, _, _ = strings.Cut(args, " |")
			cmd, flags, err := rootCommand().Find(vaultStyle(strings.Fields(args)))
			if err != nil || cmd.ParseFlags(flags) != nil {
				t.Errorf("%s: %s: %v", file, line, err)
				continue
			}
			seen = append(seen, cmd.Name())
		}
		for _, want := range []string{"fmt", "test", "plan", "apply", "deploy"} {
			if !slices.Contains(seen, want) {
				t.Errorf("%s does not use %s", file, want)
			}
		}
	}
}
