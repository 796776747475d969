package plan

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/estate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mount"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

const address = "https://vault.example.com/ramp"

func files(t *testing.T, text string) *estate.Estate {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.hcl")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	e, diags := estate.NewSources().Load(estate.Inputs{}, path)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	return e
}

// world is a mount that plans are carried out on, in memory.
type world struct {
	t    *testing.T
	snap *mount.Snapshot
}

func newWorld(t *testing.T) *world {
	return &world{t, &mount.Snapshot{Services: map[string]*mount.Service{}, Contracts: map[string]*mount.Contract{}}}
}

// plan plans, writes the steps down, and carries them out.
func (w *world) plan(text string, o Options) string {
	w.t.Helper()
	p, err := Make(files(w.t, text), w.snap, address, o)
	if err != nil {
		return err.Error()
	}
	var said []string
	for i := range p.Steps {
		s := &p.Steps[i]
		line := string(s.Action) + " " + s.Address()
		for _, c := range s.Changes {
			if c.Effect != Notes && c.Effect != Sets {
				line += " " + c.String()
			}
		}
		if s.Kills != nil {
			line += " kills " + strings.Join(s.Kills, ",")
		}
		if s.Consent != "" {
			line += " consent " + s.Consent
		}
		said = append(said, line)
		w.carryOut(s)
	}
	for _, l := range p.Left {
		said = append(said, "left "+l)
	}
	return strings.Join(said, "\n")
}

func (w *world) carryOut(s *Step) {
	w.t.Helper()
	switch {
	case s.Action == Delete && s.Kind == "service":
		delete(w.snap.Services, s.Name)
	case s.Action == Delete:
		delete(w.snap.Contracts, s.Name)
	case s.Service != nil:
		made, err := ramp.NewService(s.Name, *s.Service, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		w.snap.Services[s.Name] = &mount.Service{Service: made, Stored: made.Revision()}
	default:
		made, err := ramp.NewContract(s.Name, "id", *s.Contract, nil)
		if err != nil {
			w.t.Fatal(err)
		}
		w.snap.Contracts[s.Name] = &mount.Contract{Contract: made, Stored: made.Revision()}
	}
}

func declare(owner, service, contract string) string {
	return fmt.Sprintf(`
estate { owner = %q }
service "payments" {
  audience = "https://payments.internal"
  %s
}
contract "orders" {
  service            = "payments"
  bound_entity_names = ["orders"]
  %s
}`, owner, service, contract)
}

func TestPlanStory(t *testing.T) {
	w := newWorld(t)
	for i, step := range []struct {
		owner, service, contract string
		options                  Options
		want                     string
	}{
		{"a", `scopes = ["r", "w"]`, `scopes = ["r"]`, Options{}, "create service.payments widens: +r +w\ncreate contract.orders widens: +r"},
		{"a", `scopes = ["r", "w"]`, `scopes = ["r"]`, Options{}, ""},
		{"b", `scopes = ["r", "w"]`, `scopes = ["r"]`, Options{}, ""},
		{"b", `scopes = ["r", "w"]`, `scopes = ["w"]`, Options{}, `contract "orders" differs from these files, but "a" manages it, not "b"; -adopt takes it over`},
		{"a", `scopes = ["r", "w"]`, `scopes = ["r", "w"]`, Options{}, "update contract.orders widens: +w"},
		{"a", `scopes = ["r"]`, `scopes = ["r"]`, Options{Targets: []string{"contract.orders"}}, "update contract.orders shrinks: -w kills orders"},
		{"a", `scopes = ["r"]`, `scopes = ["r"]`, Options{}, "update service.payments shrinks: -w kills orders"},
		{"a", `scopes = ["r"]` + "\nconsent = \"required\"", `scopes = ["r"]` + "\nttl = \"1m\"", Options{}, "update service.payments shrinks: consent open → required kills orders\nupdate contract.orders changes: ttl the mount's default → 1m consent payments"},
		{"a", `scopes = ["r"]`, `scopes = ["r"]`, Options{Targets: []string{"contract.nix"}}, "-target=contract.nix: neither the files nor the mount have it; name it as service.NAME or contract.NAME"},
		{"a", `scopes = ["r"]`, `scopes = ["r"]` + "\nmetadata = { managed_by = \"x\" }", Options{}, `contract "orders": metadata.managed_by is written by apply; set the owner with estate { owner = … }`},
		{"b", `scopes = ["r"]` + "\nconsent = \"required\"", `scopes = ["r"]` + "\nttl = \"1m\"", Options{Adopt: true}, "update service.payments\nupdate contract.orders consent payments"},
	} {
		if got := w.plan(declare(step.owner, step.service, step.contract), step.options); got != step.want {
			t.Fatalf("step %d:\n%s\nwant\n%s", i, got, step.want)
		}
	}
	w.snap.Services["payments"].State = "narrowing" // since something failed half-way
	if got := w.plan(declare("b", `scopes = ["r"]`+"\nconsent = \"required\"", `scopes = ["r"]`+"\nttl = \"1m\""), Options{}); got != "update service.payments kills orders" {
		t.Errorf("a kill that failed half-way is not finished: %s", got)
	}
	if got := w.plan(`estate { owner = "a" }`, Options{Prune: true}); got != "" {
		t.Errorf("pruned what another owner has: %s", got)
	}
	if got := w.plan(`estate { owner = "b" }`, Options{}); got != "left contract.orders\nleft service.payments" {
		t.Error(got)
	}
	if got := w.plan(`estate { owner = "b" }`, Options{Prune: true}); got != "delete contract.orders shrinks: -r kills orders\ndelete service.payments" {
		t.Error(got)
	}
	if len(w.snap.Contracts)+len(w.snap.Services) != 0 {
		t.Error("something is left")
	}
}

func TestPhases(t *testing.T) {
	p := &Plan{Steps: []Step{
		{Action: Delete, Kind: "service", Name: "1"}, {Action: Delete, Kind: "contract", Name: "2"},
		{Action: Update, Kind: "contract", Name: "3"}, {Action: Create, Kind: "service", Name: "4"},
	}}
	var order []string
	for _, phase := range p.phases() {
		for _, s := range phase {
			order = append(order, s.Name)
		}
	}
	if !slices.Equal(order, []string{"4", "3", "2", "1"}) {
		t.Error(order)
	}
}
