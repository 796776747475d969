// Command vault-plugin-secrets-ramp is the Ramp secrets engine for Vault. Vault
// starts it; people only ask it for its version.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/plugin"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend"
)

// version is set by the linker.
var version = "v0.0.0-dev"

const usage = `vault-plugin-secrets-ramp is a secrets engine plugin for HashiCorp Vault.

Vault starts it, people do not. Put it into Vault's plugin_directory, then:

  vault plugin register -sha256=<sha256 of this file> -version=%s secret vault-plugin-secrets-ramp
  vault secrets enable -path=ramp vault-plugin-secrets-ramp

Options:
`

func main() {
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: os.Stderr, JSONFormat: true})
	flags := flag.NewFlagSet(os.Args[0], flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), usage, version)
		flags.PrintDefaults()
	}
	showVersion := flags.Bool("version", false, "print the version and exit")
	switch err := flags.Parse(os.Args[1:]); {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	case *showVersion:
		fmt.Println(version)
		return
	}
	err := plugin.ServeMultiplex(&plugin.ServeOpts{
		BackendFactoryFunc: backend.Factory(version),
		Logger:             logger,
	})
	if err != nil {
		logger.Error("plugin shut down", "error", err)
		os.Exit(1)
	}
}
