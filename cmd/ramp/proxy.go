package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/daemon"
)

func proxyCommand() *cobra.Command {
	var path string
	var check bool
	cmd := &cobra.Command{
		Use:   "proxy -config=FILE [-check]",
		Short: "Let accepted requests through to a service, and give outgoing ones a credential",
		Long: `Run the proxy. Its ingress stands before a service and lets through what the
contracts allow; its egress puts a credential on the requests of a workload,
which needs to know nothing of it. The file says which; see docs/proxy.md.

SIGHUP reads the file again, and opens the access log again; no request is
dropped. SIGTERM lets requests end, revokes credentials, and exits.`,
		Example: `  ramp proxy -config=/etc/ramp/proxy.hcl -check
  ramp proxy -config=/etc/ramp/proxy.hcl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if path == "" {
				return errors.New("say what to do: -config=FILE")
			}
			if check {
				if _, err := daemon.Load(path); err != nil {
					return failure{err}
				}
				fmt.Fprintln(cmd.OutOrStdout(), path, "is good")
				return nil
			}
			reload := make(chan os.Signal, 1)
			signal.Notify(reload, syscall.SIGHUP)
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			go func() {
				<-ctx.Done()
				stop() // the next one ends the process, or shutdown_delay
			}()
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
			if err := daemon.Run(ctx, path, reload, log); err != nil {
				return failure{err}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&path, "config", "", "configuration file (HCL)")
	cmd.Flags().BoolVar(&check, "check", false, "check the file and exit")
	return cmd
}
