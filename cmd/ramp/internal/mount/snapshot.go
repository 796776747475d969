package mount

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"sync"

	"github.com/hashicorp/vault/api"
	"golang.org/x/sync/errgroup"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// Parallel is how many requests are under way at a time.
const Parallel = 16

// Service is a service on the mount.
type Service struct {
	*ramp.Service
	Stored string // revision that the mount says it has
	State  string
}

// Contract is a contract on the mount.
type Contract struct {
	*ramp.Contract
	Stored     string // revision that the mount says it has
	State      string
	Generation string
}

// Snapshot is what a mount has, read without stopping the mount: others may
// write at the same time.
type Snapshot struct {
	Limits    *ramp.Limits // nil when the token may not read the config
	Services  map[string]*Service
	Contracts map[string]*Contract
}

// Progress is told how much of a long work is done.
type Progress func(done, all int)

// Snapshot reads all services and contracts.
func (m *Mount) Snapshot(ctx context.Context, progress Progress) (*Snapshot, error) {
	snap := &Snapshot{Services: map[string]*Service{}, Contracts: map[string]*Contract{}}
	var err error
	if snap.Limits, err = m.Limits(ctx); err != nil {
		return nil, err
	}
	services, err := m.List(ctx, "services/")
	if err != nil {
		return nil, err
	}
	contracts, err := m.List(ctx, "roles/")
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	done, all := 0, len(services)+len(contracts)
	tell := func(store func()) {
		mu.Lock()
		defer mu.Unlock()
		store()
		done++
		progress(done, all)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(Parallel)
	for _, name := range services {
		g.Go(func() error {
			s, err := m.Service(ctx, name)
			tell(func() {
				if s != nil {
					snap.Services[name] = s
				}
			})
			return err
		})
	}
	for _, name := range contracts {
		g.Go(func() error {
			c, err := m.Contract(ctx, name)
			tell(func() {
				if c != nil {
					snap.Contracts[name] = c
				}
			})
			return err
		})
	}
	return snap, g.Wait()
}

// Limits is what the mount's config imposes, nil when the token may not read it.
func (m *Mount) Limits(ctx context.Context) (*ramp.Limits, error) {
	data, err := m.Read(ctx, "config")
	var answer *api.ResponseError
	if errors.As(err, &answer) && answer.StatusCode == http.StatusForbidden {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if data == nil {
		return nil, m.absent("config")
	}
	var config struct {
		TrustDomain string       `json:"trust_domain"`
		DefaultTTL  ramp.Seconds `json:"default_ttl"`
		MaxTTL      ramp.Seconds `json:"max_ttl"`
	}
	if err := known(data, &config); err != nil {
		return nil, fmt.Errorf("%s/config: %w", m.Path, err)
	}
	limits := &ramp.Limits{TrustDomain: config.TrustDomain, DefaultTTL: config.DefaultTTL, MaxTTL: config.MaxTTL}
	if longest := m.maxLease(ctx); longest > 0 {
		limits.DefaultTTL, limits.MaxTTL = min(limits.DefaultTTL, longest), min(limits.MaxTTL, longest)
	}
	return limits, nil
}

// maxLease is the max_lease_ttl that the mount was tuned to, 0 when it was not,
// or cannot be known. Vault tells it to whoever may use the mount.
func (m *Mount) maxLease(ctx context.Context) ramp.Seconds {
	var mounted struct {
		Config struct {
			MaxLeaseTTL ramp.Seconds `json:"max_lease_ttl"`
		} `json:"config"`
	}
	secret, err := m.client.Logical().ReadWithContext(ctx, "sys/internal/ui/mounts/"+m.Path)
	if err != nil || secret == nil {
		return 0
	}
	text, err := json.Marshal(secret.Data)
	if err != nil || json.Unmarshal(text, &mounted) != nil {
		return 0
	}
	return mounted.Config.MaxLeaseTTL
}

// Service reads a service, nil when there is none.
func (m *Mount) Service(ctx context.Context, name string) (*Service, error) {
	data, err := m.Read(ctx, "services/"+name)
	if err != nil || data == nil {
		return nil, err
	}
	var terms ramp.ServiceTerms
	if err := known(data, &terms); err != nil {
		return nil, fmt.Errorf("service %q: %w", name, err)
	}
	svc, err := ramp.NewService(name, terms, m.conditions.Compile)
	if err != nil {
		return nil, fmt.Errorf("service %q: %w", name, err)
	}
	return &Service{svc, text(data["revision"]), text(data["state"])}, nil
}

// Contract reads a contract, nil when there is none.
func (m *Mount) Contract(ctx context.Context, name string) (*Contract, error) {
	data, err := m.Read(ctx, "roles/"+name)
	if err != nil || data == nil {
		return nil, err
	}
	var terms ramp.Terms
	if err := known(data, &terms); err != nil {
		return nil, fmt.Errorf("contract %q: %w", name, err)
	}
	c, err := ramp.NewContract(name, text(data["id"]), terms, m.conditions.Compile)
	if err != nil {
		return nil, fmt.Errorf("contract %q: %w", name, err)
	}
	return &Contract{c, text(data["revision"]), text(data["state"]), text(data["generation"])}, nil
}

// WriteService makes a service have these terms if its revision is the one
// expected, "none" when it should not exist yet.
func (m *Mount) WriteService(ctx context.Context, name string, t ramp.ServiceTerms, expected string) error {
	_, _, err := m.Write(ctx, "services/"+name, all(t, expected))
	return err
}

// WriteContract does the same for a contract. It returns the contract's state.
func (m *Mount) WriteContract(ctx context.Context, name string, t ramp.Terms, expected string) (state string, err error) {
	answer, _, err := m.Write(ctx, "roles/"+name, all(t, expected))
	return text(answer["state"]), err
}

// known decodes the fields that v has; a mount may tell more.
func known(data map[string]any, v any) error {
	object := map[string]any{}
	for _, f := range endpoint.Fields(reflect.TypeOf(v).Elem()) {
		if value, ok := data[f.Name]; ok {
			object[f.Name] = value
		}
	}
	return endpoint.Decode(object, v)
}

// all is a request that sets every field: those that are empty are cleared,
// because a write keeps what it does not mention.
func all(terms any, expected string) map[string]any {
	data := endpoint.Encode(terms)
	for _, f := range endpoint.Fields(reflect.TypeOf(terms)) {
		if _, ok := data[f.Name]; !ok {
			data[f.Name] = nil
		}
	}
	data["expected_revision"] = expected
	return data
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}
