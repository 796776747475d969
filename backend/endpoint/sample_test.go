package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// bowl is a thing with a field of every kind.
type bowl struct {
	Owner    string            `json:"owner" doc:"Who it belongs to."`
	Full     bool              `json:"full" doc:"Whether it is full."`
	Spoons   int64             `json:"spoons" doc:"How many."`
	Serial   uint64            `json:"serial" doc:"Its number."`
	TTL      ramp.Seconds      `json:"ttl,omitempty" doc:"How long it stays warm."`
	Cooked   time.Time         `json:"cooked,omitzero" doc:"RFC 3339 time."`
	Flavours ramp.Scopes       `json:"flavours" doc:"What it tastes of."`
	Guests   []string          `json:"guests,omitempty" doc:"Who may eat."`
	Labels   map[string]string `json:"labels,omitempty" doc:"Notes."`
	secret   string            //nolint:unused // a field without a name must not become part of the API
	Hidden   string            `json:"-"`
}

type bowlRequest struct {
	endpoint.Named
	bowl
}

type bowlResponse struct {
	bowl
	Eaten []bite `json:"eaten" doc:"What was eaten."`
}

type bite struct {
	By string    `json:"by" doc:"Who."`
	At time.Time `json:"at,omitzero" doc:"When."`
}

// kitchen is an engine with one path, bowls/<name>.
type kitchen struct {
	t        *testing.T
	backend  *framework.Backend
	got      *bowlRequest
	merged   bowl // stored; a request changes what it mentions
	fail     error
	nothing  bool
	has      map[string]bool
	reported error
	served   string // what the observer saw last
}

func (k *kitchen) Report(_ *logical.Request, err error) { k.reported = err }

func (k *kitchen) Served(name string, op logical.Operation, status int, _ time.Duration) {
	k.served = fmt.Sprint(name, " ", op, " ", status)
}

func newKitchen(t *testing.T) *kitchen {
	t.Helper()
	k := &kitchen{t: t}
	path := endpoint.Path{
		Pattern: "bowls/" + framework.GenericNameRegex("name"), Suffix: "bowl", Verb: "cook", Synopsis: "Bowls.", Help: "All about bowls.",
		Exists: func(_ context.Context, _ logical.Storage, name string) (bool, error) { return name == "mine", k.fail },
		Read: endpoint.Handle("Read a bowl.", func(context.Context, *endpoint.Call, *endpoint.Named) (*bowlResponse, error) {
			if k.nothing {
				return nil, k.fail
			}
			return &bowlResponse{k.merged, []bite{{By: "a"}, {By: "b", At: time.Unix(1800000000, 0)}}}, k.fail
		}),
		Write: endpoint.Handle("Cook a bowl.", func(_ context.Context, call *endpoint.Call, req *bowlRequest) (*endpoint.Nothing, error) {
			k.got = req
			k.has = map[string]bool{"owner": call.Has("owner"), "ttl": call.Has("ttl")}
			if call.Has("guests") {
				call.Warn("%d guests", len(req.Guests))
			}
			if err := call.Merge(&k.merged); err != nil {
				return nil, err
			}
			return nil, k.fail
		}),
		List: endpoint.Handle("List the bowls.", func(context.Context, *endpoint.Call, *endpoint.None) (*endpoint.Keys, error) {
			return &endpoint.Keys{Keys: []string{"b", "a"}}, k.fail
		}),
		Delete: endpoint.Handle("Break a bowl.", func(context.Context, *endpoint.Call, *endpoint.Named) (*endpoint.Raw, error) {
			return &endpoint.Raw{ContentType: "text/plain", Body: []byte("crash"), MaxAge: "7"}, k.fail
		}),
	}
	k.backend = &framework.Backend{Paths: []*framework.Path{path.Framework(k)}}
	if err := k.backend.Setup(t.Context(), &logical.BackendConfig{Logger: hclog.NewNullLogger(), System: &logical.StaticSystemView{PluginEnvironment: &logical.PluginEnvironment{VaultVersion: "1.0.0"}}}); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *kitchen) do(op logical.Operation, data map[string]any) (*logical.Response, error) {
	return k.backend.HandleRequest(context.Background(), &logical.Request{Operation: op, Path: "bowls/mine", Data: data})
}

func (k *kitchen) write(data map[string]any) error {
	k.t.Helper()
	if err := endpoint.CheckTypes(data, k.backend.Paths[0].Fields); err != nil {
		answer, _ := endpoint.Answer(err)
		return answer
	}
	resp, err := k.do(logical.UpdateOperation, data)
	if err == nil && resp.IsError() {
		k.t.Fatalf("the SDK answered for us: %v", resp.Error())
	}
	return err
}

func status(err error) int {
	var coded logical.HTTPCodedError
	if errors.As(err, &coded) {
		return coded.Code()
	}
	if err == nil {
		return http.StatusOK
	}
	return 0
}
