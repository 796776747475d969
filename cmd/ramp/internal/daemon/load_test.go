package daemon

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func load(t *testing.T, text string) (*Config, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "proxy.hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil && !strings.Contains(err.Error(), path) {
		t.Errorf("no position in %q", err)
	}
	return c, err
}

const (
	top   = "issuer = \"https://vault.example.com/v1/ramp\"\naudience = \"https://payments.internal\"\n"
	login = "vault {\n  token_file = \"/run/ramp/token\"\n}\n"
	route = "  route \"GET /x\" {\n    scopes = [\"read\"]\n  }\n"
)

func ingress(more string) string {
	return "ingress {\n  listen = \"127.0.0.1:8443\"\n  upstream = \"http://127.0.0.1:8080\"\n" + more + "}\n"
}

func exit(more string) string {
	return "egress \"payments\" {\n  listen = \"127.0.0.1:9001\"\n  upstream = \"https://payments.internal\"\n  role = \"orders-to-payments\"\n" + more + "}\n"
}

func TestGoodConfigs(t *testing.T) {
	for name, text := range map[string]string{
		"ingress":        top + ingress(route),
		"egress":         login + exit(""),
		"unix":           login + strings.Replace(exit(""), "127.0.0.1:9001", "unix:/run/ramp/payments.sock", 1),
		"exposed":        login + strings.Replace(exit("exposed = true\n"), "127.0.0.1", "0.0.0.0", 1),
		"envoy alone":    top + "ingress {\n" + route + "}\next_authz {\n  listen = \"unix:/run/ramp/authz.sock\"\n}\n",
		"Envoy and all":  top + login + ingress(route) + exit("proof = \"dpop\"\nttl = \"5m\"\n") + "ext_authz {\n listen = \"127.0.0.1:9191\"\n}\nadmin {\n listen = \"0.0.0.0:9100\"\n}\n",
		"log and limits": top + ingress(route+"access_log {\n path = \"-\"\n when_full = \"wait\"\n}\nlimits {\n stall = \"10s\"\n requests = 5\n}\n"),
		"two ways":       login + exit("") + strings.NewReplacer("\"payments\" {", "\"others\" {", "9001", "9002").Replace(exit("")),
		"jwt":            "vault {\n auth \"jwt\" {\n role = \"orders\"\n jwt_file = \"/x\"\n}\n}\n" + exit(""),
		"condition":      top + ingress("route \"GET /t/{tenant}\" {\n condition = \"path.tenant == identity.caller\"\n}\n"),
	} {
		if _, err := load(t, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBadConfigs(t *testing.T) {
	for name, tc := range map[string]struct{ text, says string }{
		"nothing":          {"", "nothing to do"},
		"not HCL":          {"issuer = 7 +", ":1,"},
		"unknown":          {top + ingress(route+"max_stalenes = \"3s\"\n"), "max_stalenes"},
		"unknown block":    {top + ingress(route) + "engress \"x\" {\n}\n", "engress"},
		"no issuer":        {ingress(route), "issuer and audience"},
		"plain issuer":     {strings.Replace(top, "https://v", "http://v", 1) + ingress(route), "must be https"},
		"no vault":         {exit(""), "vault block"},
		"no routes":        {top + ingress(""), "there are no routes"},
		"open route":       {top + ingress("route \"GET /x\" {\n}\n"), "say what it needs"},
		"route twice":      {top + ingress(route+route), "conflicts"},
		"condition":        {top + ingress("route \"GET /x\" {\n condition = \"identity.nobody == 7\"\n}\n"), "nobody"},
		"upstream":         {top + strings.Replace(ingress(route), "http://127", "127", 1), "upstream"},
		"shutdown_delay":   {"shutdown_delay = \"5\"\n" + top + ingress(route), "shutdown_delay is \"5\""},
		"duration":         {top + ingress(route+"max_staleness = \"30\"\n"), "max_staleness"},
		"negative":         {top + ingress(route+"limits {\n stall = \"-1s\"\n}\n"), "stall"},
		"no upstream":      {top + "ingress {\n listen = \"127.0.0.1:1\"\n" + route + "}\n", "listen and upstream"},
		"tls":              {top + ingress(route+"tls {\n cert_file = \"/nonexistent\"\n key_file = \"/nonexistent\"\n}\n"), "/nonexistent"},
		"exposed":          {login + strings.Replace(exit(""), "127.0.0.1", "0.0.0.0", 1), "exposed"},
		"plaintext":        {login + strings.Replace(exit(""), "https", "http", 1), "in the clear"},
		"proof":            {login + exit("proof = \"pgp\"\n"), "dpop"},
		"mtls":             {login + exit("proof = \"mtls\"\n"), "client certificate"},
		"half a key":       {login + exit("cert_file = \"x\"\n"), "go together"},
		"role":             {login + strings.Replace(exit(""), "\"orders-to-payments\"", "\"../x\"", 1), "role"},
		"same name":        {login + exit("") + exit(""), "two egress blocks"},
		"same address":     {top + login + exit("") + strings.Replace(ingress(route), "8443", "9001", 1), "two blocks listen"},
		"same socket":      {top + login + strings.Replace(exit(""), "127.0.0.1:9001", "unix:/run/x", 1) + ingress(route) + "ext_authz {\n listen = \"unix:/run/x\"\n}\n", "two blocks listen"},
		"two logins":       {"vault {\n token_file = \"x\"\n auth \"jwt\" {\n}\n}\n" + exit(""), "not both"},
		"method":           {"vault {\n auth \"ldap\" {\n}\n}\n" + exit(""), "approle, jwt or kubernetes"},
		"Envoy alone":      {login + exit("") + "ext_authz {\n listen = \"127.0.0.1:1\"\n}\n", "ingress block"},
		"Envoy afar":       {top + ingress(route) + "ext_authz {\n listen = \"0.0.0.0:1\"\n}\n", "has tokens in it"},
		"when_full":        {top + ingress(route+"access_log {\n path = \"-\"\n when_full = \"block\"\n}\n"), "drop or wait"},
		"admin":            {top + ingress(route) + "admin {\n listen = \"9100\"\n}\n", "listen is \"9100\""},
		"port":             {top + strings.Replace(ingress(route), "8443", "84430", 1), "listen is \"127.0.0.1:84430\""},
		"socket":           {top + strings.Replace(ingress(route), "127.0.0.1:8443", "unix:/run/x", 1), "listen is \"unix:/run/x\""},
		"other router":     {top + ingress("route \"GET /api/*\" {\n public = true\n}\n"), "no meaning in patterns"},
		"any certificates": {top + ingress(route+"tls {\n cert_file = \"x\"\n key_file = \"x\"\n client_ca_file = \"x\"\n request_any_client_certificate = true\n}\n"), "request_any_client_certificate"},
	} {
		if _, err := load(t, tc.text); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: %v, want %q", name, err, tc.says)
		}
	}
}

// Everything that is wrong is said at once.
func TestAllProblems(t *testing.T) {
	_, err := load(t, ingress("max_staleness = \"x\"\nroute \"GET\" {\n}\n")+exit("proof = \"x\"\n"))
	if err == nil || len(strings.Split(err.Error(), "\n")) != 5 {
		t.Errorf("%v", err)
	}
}

// A file that cannot be read is named, with the reason; nothing is said twice.
func TestProblemsAreSaidOnce(t *testing.T) {
	for path, says := range map[string]string{"nowhere.hcl": "open nowhere.hcl: no such file", t.TempDir(): "is a directory"} {
		if _, err := Load(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if _, err := load(t, top+ingress(route+route)); err == nil || strings.Count(err.Error(), "conflicts") != 1 {
		t.Error(err)
	}
}

// FuzzLoad: a file is good, or an error says where it is not; nothing panics.
func FuzzLoad(f *testing.F) {
	f.Add(top + login + ingress(route) + exit(""))
	f.Add("vault \"x\" {}")
	f.Add("egress {}")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "file") && strings.Contains(text, "/dev") {
			t.Skip("reads for ever") // nobody but the operator writes the file
		}
		_, _ = load(t, text)
	})
}

// A reload takes over a CA file that was replaced.
func TestChangedCAFilesChangeTheConfig(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	text := top + "vault {\n token_file = \"/x\"\n ca_cert = \"" + file("vault") + "\"\n}\n" +
		ingress(route+"issuer_ca_file = \""+file("issuer")+"\"\n") + exit("upstream_ca_file = \""+file("upstream")+"\"\n")
	for _, name := range []string{"vault", "issuer", "upstream"} {
		certificate(t, file(name), file("key"))
	}
	loaded := func() *Config {
		c, err := load(t, text)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := loaded()
	if after := loaded(); !same(before, after) || !sameIssuer(before, after) {
		t.Error("the same files make another configuration")
	}
	for name, same := range map[string]func(a, b *Config) bool{
		"vault":    func(a, b *Config) bool { return same(a.Vault, b.Vault) },
		"issuer":   sameIssuer,
		"upstream": func(a, b *Config) bool { return same(a.Egress, b.Egress) },
	} {
		certificate(t, file(name), file("key"))
		if same(before, loaded()) {
			t.Errorf("another CA of %s makes no difference", name)
		}
	}
}
