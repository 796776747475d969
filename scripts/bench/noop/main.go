// Command noop is the baseline that Ramp's benchmarks compare against: a secrets engine whose creds path does
// nothing but answer a constant under a lease.
package main

import (
	"context"
	"log"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/plugin"
)

const (
	defaultSize = 16 // bytes
	ttl         = 15 * time.Minute
)

func main() {
	meta := new(api.PluginAPIClientMeta)
	if err := meta.FlagSet().Parse(os.Args[1:]); err != nil {
		log.Fatal(err)
	}
	err := plugin.ServeMultiplex(&plugin.ServeOpts{
		BackendFactoryFunc: factory,
		TLSProviderFunc:    api.VaultPluginTLSProvider(meta.GetTLSConfig()),
	})
	if err != nil {
		log.Fatal(err)
	}
}

type noop struct {
	*framework.Backend

	constant atomic.Pointer[string]
}

func factory(ctx context.Context, config *logical.BackendConfig) (logical.Backend, error) {
	b := new(noop)
	b.resize(defaultSize)
	b.Backend = &framework.Backend{
		BackendType:    logical.TypeLogical,
		InitializeFunc: b.initialize,
		Secrets: []*framework.Secret{{
			Type:   "constant",
			Renew:  renew,
			Revoke: revoke,
		}},
		Paths: []*framework.Path{{
			Pattern:    "config",
			Fields:     map[string]*framework.FieldSchema{"size": {Type: framework.TypeInt, Description: "Bytes of constant data in each secret."}},
			Operations: map[logical.Operation]framework.OperationHandler{logical.UpdateOperation: &framework.PathOperation{Callback: b.configure}},
		}, {
			Pattern:    "creds",
			Operations: map[logical.Operation]framework.OperationHandler{logical.ReadOperation: &framework.PathOperation{Callback: b.issue}},
		}},
	}
	return b, b.Setup(ctx, config)
}

func (b *noop) resize(size int) {
	constant := strings.Repeat("x", size)
	b.constant.Store(&constant)
}

// initialize restores the size in a process that was started anew.
func (b *noop) initialize(ctx context.Context, req *logical.InitializationRequest) error {
	entry, err := req.Storage.Get(ctx, "size")
	if err != nil || entry == nil {
		return err
	}
	var size int
	if err := entry.DecodeJSON(&size); err != nil {
		return err
	}
	b.resize(size)
	return nil
}

func (b *noop) configure(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	size, ok := d.GetOk("size")
	if !ok || size.(int) < 1 {
		return logical.ErrorResponse("size must be at least 1"), nil
	}
	entry, err := logical.StorageEntryJSON("size", size)
	if err != nil {
		return nil, err
	}
	if err := req.Storage.Put(ctx, entry); err != nil {
		return nil, err
	}
	b.resize(size.(int))
	return nil, nil
}

func (b *noop) issue(context.Context, *logical.Request, *framework.FieldData) (*logical.Response, error) {
	resp := b.Secret("constant").Response(map[string]any{"token": *b.constant.Load()}, nil)
	resp.Secret.TTL = ttl
	return resp, nil
}

func renew(_ context.Context, req *logical.Request, _ *framework.FieldData) (*logical.Response, error) {
	resp := &logical.Response{Secret: req.Secret}
	resp.Secret.TTL = ttl
	return resp, nil
}

func revoke(context.Context, *logical.Request, *framework.FieldData) (*logical.Response, error) {
	return nil, nil
}
