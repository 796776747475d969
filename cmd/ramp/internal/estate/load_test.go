package estate

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"pgregory.net/rapid"
)

// tree writes files below a directory and returns it.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestEnvironments(t *testing.T) {
	dir := tree(t, map[string]string{
		"main.hcl": `
variable "domain" { default = "internal" }
variable "writers" {
  type    = list(string)
  default = []
}
locals {
  audience = "https://${local.host}"
  host     = "payments.${var.domain}"
  scopes   = concat(["invoices:read"], length(var.writers) > 0 ? ["invoices:write"] : [])
}
service "payments" {
  audience = local.audience
  scopes   = ["invoices:read", "invoices:write"]
}
contract "orders" {
  service            = "payments"
  scopes             = local.scopes
  bound_entity_names = concat(["orders"], var.writers)
  conditions         = [{ name = "office", expression = file("office.cel") }]
}`,
		"more.hcl.json": `{"contract": {"billing": {"service": "payments", "scopes": ["invoices:read"], "bound_entity_names": ["billing-${var.domain}"]}}}`,
		"office.cel":    "request.time.getHours() > 8",
		"prod.vars":     "domain  = \"example.com\"\nwriters = [\"batch\"]\n",
		".hidden.hcl":   "nonsense {",
	})
	for name, tc := range map[string]struct {
		inputs                    Inputs
		audience, scopes, callers string
	}{
		"defaults":       {Inputs{}, "https://payments.internal", "invoices:read", "orders"},
		"file":           {Inputs{Files: []string{filepath.Join(dir, "prod.vars")}}, "https://payments.example.com", "invoices:read invoices:write", "orders batch"},
		"flag wins":      {Inputs{Files: []string{filepath.Join(dir, "prod.vars")}, Values: []string{"domain=test", `writers=["x"]`}}, "https://payments.test", "invoices:read invoices:write", "orders x"},
		"environment":    {Inputs{Environ: []string{"RAMP_VAR_domain=env", "RAMP_VAR_unknown=1", "HOME=/"}}, "https://payments.env", "invoices:read", "orders"},
		"file wins then": {Inputs{Environ: []string{"RAMP_VAR_domain=env"}, Files: []string{filepath.Join(dir, "prod.vars")}}, "https://payments.example.com", "invoices:read invoices:write", "orders batch"},
	} {
		t.Run(name, func(t *testing.T) {
			e, diags := NewSources().Load(tc.inputs, dir)
			if diags = append(diags, e.Check(e.Settings.Limits(), nil)...); diags.HasErrors() {
				t.Fatal(diags)
			}
			orders := e.Contract("orders")
			if e.Service("payments").Audience != tc.audience || orders.Scopes.String() != tc.scopes || strings.Join(orders.BoundEntityNames, " ") != tc.callers {
				t.Errorf("%+v %+v", e.Service("payments").ServiceTerms, orders.Terms)
			}
			if orders.Conditions[0].Expression != "request.time.getHours() > 8" || e.Contract("billing") == nil {
				t.Error("file() or the JSON file is missing")
			}
		})
	}
}

func TestModules(t *testing.T) {
	main := `
module "reports" {
  source = "./team"
  caller = "reports"
}
module "orders" {
  source = "./team"
  caller = "orders"
  scopes = ["a", "b"]
}`
	team := `
variable "caller" { type = string }
variable "scopes" { default = ["a"] }
contract "caller" {
  name               = "${var.caller}-to-ledger"
  service            = "ledger"
  scopes             = var.scopes
  bound_entity_names = [var.caller]
}`
	e, diags := NewSources().Load(Inputs{}, tree(t, map[string]string{"main.hcl": main, "team/team.hcl": team}))
	if diags.HasErrors() || len(e.Contracts) != 2 || e.Contract("orders-to-ledger").Scopes.String() != "a b" || e.Contract("reports-to-ledger").BoundEntityNames[0] != "reports" {
		t.Fatalf("%v %v", diags, e.Contracts)
	}
	for name, tc := range map[string]struct{ from, to, says string }{
		"name used twice":  {`caller = "reports"`, `caller = "orders"`, `contract "orders-to-ledger" is declared at`},
		"unknown variable": {`scopes =`, `scope =`, `There is no variable "scope". Declared are: caller, scopes.`},
		"missing value":    {`caller = "reports"`, ``, `Module "reports" has to set caller.`},
		"wrong type":       {`caller = "reports"`, `caller = ["x"]`, `Variable "caller": string required`},
		"no such place":    {`"./team"`, `"./teams"`, `teams: no such file`},
		"not a path":       {`"./team"`, `"/etc"`, `source must be a path relative to this file`},
		"same name":        {`module "orders"`, `module "reports"`, `module "reports" is declared at`},
		"no source":        {`source = "./team"`, ``, `A module needs source`},
	} {
		t.Run(name, func(t *testing.T) {
			_, diags := NewSources().Load(Inputs{}, tree(t, map[string]string{"main.hcl": strings.Replace(main, tc.from, tc.to, 1), "team/team.hcl": team}))
			if !strings.Contains(diags.Error(), tc.says) {
				t.Errorf("%v, want %q", diags, tc.says)
			}
		})
	}
}

func TestModuleOfItself(t *testing.T) {
	_, diags := NewSources().Load(Inputs{}, tree(t, map[string]string{"main.hcl": `module "self" { source = "." }`}))
	if !strings.Contains(diags.Error(), "Modules may be nested 8 deep") {
		t.Error(diags)
	}
}

// file() reads what is below the directory of the contracts and nothing else:
// a pipeline plans what strangers propose.
func TestFileStaysBelow(t *testing.T) {
	dir := tree(t, map[string]string{
		"secret": "hunter2", "below/text": "fine",
		"below/x.hcl": "variable \"path\" {}\nservice \"s\" {\n audience = \"https://s\"\n scopes = [\"a\"]\n owner = file(var.path)\n}",
	})
	if err := os.Symlink("../secret", filepath.Join(dir, "below", "link")); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{"text": "", "../secret": "not a path below", "link": "escapes", "/etc/hostname": "not a path below"} {
		e, diags := NewSources().Load(Inputs{Values: []string{"path=" + path}}, filepath.Join(dir, "below"))
		if says == "" && (diags.HasErrors() || e.Services[0].Owner != "fine") {
			t.Errorf("%s: %v", path, diags)
		}
		if says != "" && !strings.Contains(diags.Error(), says) || strings.Contains(diags.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", path, diags, says)
		}
	}
}

// What is printed is what was meant, whatever it is.
func TestPrintRoundTrip(t *testing.T) {
	read := 0
	rapid.Check(t, func(t *rapid.T) {
		for range 10 {
			e, diags := loadText("x.hcl", asHCL(anyService(t), anyContract(t)))
			if diags.HasErrors() {
				continue
			}
			read++
			var b bytes.Buffer
			svc, c := e.Service("payments"), e.Contract("orders")
			if err := errors.Join(PrintService(&b, svc.Name, svc.ServiceTerms), PrintContract(&b, c.Name, c.Terms)); err != nil {
				t.Fatal(err)
			}
			again, diags := loadText("y.hcl", b.String())
			if diags.HasErrors() || again.Service("payments").Revision() != svc.Revision() || again.Contract("orders").Revision() != c.Revision() {
				t.Fatalf("%v\n%s", diags, b.String())
			}
			formatted, err := Format("y.hcl", b.Bytes())
			if err != nil || !bytes.Equal(formatted, b.Bytes()) {
				t.Fatalf("not as fmt writes it: %v\n%s", err, b.String())
			}
		}
	})
	if read < 20 {
		t.Errorf("%d were read", read)
	}
}

// loadText loads one file that is not on disk.
func loadText(name, text string) (*Estate, hcl.Diagnostics) {
	s := NewSources()
	if _, diags := s.parse(name, []byte(text)); diags.HasErrors() {
		return nil, diags
	}
	return s.load(Inputs{}, []string{name})
}

// The file must be read without harm whatever is in it, and each error has a
// place in it.
func FuzzLoad(f *testing.F) {
	for _, text := range []string{
		`contract "x" { scopes = ["a", "${var.b}"] }`, `{"service": {"x": {"audience": "y"}}}`, `variable "b" { type = list(string) }`,
		`locals { a = local.b, b = [for x in ["a"] : upper(x)] }`, `test "t" { contract = "x"` + "\n" + ` expect = { code = "x" } }`, `module "m" { source = "." }`, `estate { max_ttl = "1h" }`,
		asHCL(object{"audience": "a", "scopes": "x"}, object{"service": "payments", "scopes": []any{"x"}, "bound_groups": "g", "stages": stages[0], "conditions": conditions[0]}),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range []string{"fuzz.hcl", "fuzz.hcl.json"} {
			e, diags := loadText(name, text)
			if e != nil && !diags.HasErrors() {
				diags = e.Check(e.Settings.Limits(), nil)
			}
			for _, d := range diags {
				if d.Subject == nil && !strings.Contains(d.Summary, "is not read") {
					t.Errorf("%v has no place", d)
				}
			}
			_, _ = Format(name, []byte(text))
		}
	})
}
