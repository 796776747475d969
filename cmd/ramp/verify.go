package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

func verifyCommand() *cobra.Command {
	var config verify.Config
	var need verify.Requirements
	cmd := &cobra.Command{
		Use:   "verify -issuer=URL -audience=NAME [-scope=SCOPE]... [TOKEN | -]",
		Short: "Verify a token as a service would, and say why",
		Long: `Verify a token as a service would: signature, issuer, audience, times, scopes
and the revocation feed. The token is an argument, or standard input when it
is absent or "-". Exit code 0: accepted, claims on standard output. Exit code
1: refused, the reason on standard error.`,
		Example: `  vault read -field=token ramp/creds/orders-to-payments |
    ramp verify -issuer=https://vault.example.com:8200/v1/ramp -audience=https://payments.internal -scope=invoices:read`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := argument(args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			ctx, stop := context.WithTimeout(cmd.Context(), 30*time.Second)
			defer stop()
			return verifyOnce(ctx, cmd.OutOrStdout(), config, need, raw)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&config.Issuer, "issuer", os.Getenv("RAMP_ISSUER"), "issuer URL of the ramp mount (or RAMP_ISSUER)")
	flags.StringVar(&config.Audience, "audience", os.Getenv("RAMP_AUDIENCE"), "audience of the service (or RAMP_AUDIENCE)")
	flags.StringSliceVar(&need.Scopes, "scope", nil, "scope that the request needs; may be repeated")
	return cmd
}

func verifyOnce(ctx context.Context, out io.Writer, config verify.Config, need verify.Requirements, raw string) error {
	if config.Issuer == "" || config.Audience == "" {
		return errors.New("say whose token it is and for whom: -issuer=URL -audience=NAME")
	}
	config.Conditions = condition.NewUseCompiler().Compile
	v, err := verify.New(ctx, config)
	if err != nil {
		return failure{fmt.Errorf("cannot reach the issuer: %w", err)}
	}
	defer v.Close()
	id, err := v.Verify(ctx, raw, need)
	if err != nil {
		return failure{err}
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	return enc.Encode(id)
}

func argument(args []string, in io.Reader) (string, error) {
	if len(args) == 1 && args[0] != "-" {
		return args[0], nil
	}
	line, err := bufio.NewReader(io.LimitReader(in, 1<<20)).ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		if err == nil || errors.Is(err, io.EOF) {
			err = errors.New("no token on standard input")
		}
		return "", err
	}
	return line, nil
}
