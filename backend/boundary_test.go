package backend

import (
	"context"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/vault/sdk/logical"
	sdkplugin "github.com/hashicorp/vault/sdk/plugin"
)

// acrossBoundary hands requests to the engine through the SDK's gRPC transport,
// as Vault does with a plugin process.
func acrossBoundary(r *rig) logical.Backend {
	r.t.Helper()
	engine := r.engine
	client, _ := plugin.TestPluginGRPCConn(r.t, false, map[string]plugin.Plugin{
		"backend": &sdkplugin.GRPCBackendPlugin{
			Factory: func(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
				return &edge{engine}, engine.Setup(ctx, conf)
			},
			Logger: hclog.NewNullLogger(),
		},
	})
	r.t.Cleanup(func() { _ = client.Close() }) // which tells the server to stop
	raw, err := client.Dispense(sdkplugin.BackendPluginName)
	if err != nil {
		r.t.Fatal(err)
	}
	backend := raw.(logical.Backend)
	if err := backend.Setup(context.Background(), r.config()); err != nil {
		r.t.Fatal(err)
	}
	return backend
}
