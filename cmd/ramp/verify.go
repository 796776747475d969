package main

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/condition"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// verification is a question: would this service accept this token?
type verification struct {
	config verify.Config
	need   verify.Requirements
	format format

	remoteAddress, certificate, dpop, ca string
}

func verifyCommand() *cobra.Command {
	var v verification
	cmd := &cobra.Command{
		Use:   "verify -issuer=URL -audience=NAME [-scope=SCOPE]... [TOKEN | -]",
		Short: "Verify a token as a service would, and say why",
		Long: `Verify a token as a service would, and explain each check in the order in which
a service makes it: form, key, signature, issuer, audience, times, revocation,
proof, scopes, conditions. Then who it is, or what is wrong and what to do. The
token is an argument, or standard input when it is absent or "-".

With -format=json (or yaml), standard output is the identity of an accepted token, or
reason and message of the refusal. Exit codes: 0 accepted, 1 refused or not to be
verified, 2 called wrongly.`,
		Example: `  vault read -field=token ramp/creds/orders-to-payments |
    ramp verify -issuer=https://vault.example.com:8200/v1/ramp -audience=https://payments.internal -scope=invoices:read`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := v.complete(); err != nil {
				return err
			}
			raw, err := argument(args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			ctx, stop := context.WithTimeout(cmd.Context(), 30*time.Second)
			defer stop()
			return v.run(ctx, cmd.OutOrStdout(), raw)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&v.config.Issuer, "issuer", os.Getenv("RAMP_ISSUER"), "issuer URL of the ramp mount (or RAMP_ISSUER)")
	flags.StringVar(&v.config.Audience, "audience", os.Getenv("RAMP_AUDIENCE"), "audience of the service (or RAMP_AUDIENCE)")
	flags.StringVar(&v.ca, "ca-file", os.Getenv("VAULT_CACERT"), "PEM file of the CA that signed the issuer's certificate, if it is a private one (or VAULT_CACERT)")
	flags.StringSliceVar(&v.need.Scopes, "scope", nil, "scope that the request needs; may be repeated")
	flags.StringVar(&v.remoteAddress, "remote-address", "", "IP address of the caller, for conditions that ask for it")
	flags.StringVar(&v.certificate, "certificate", "", "PEM file of the caller's client certificate, for a token bound to one")
	flags.StringVar(&v.dpop, "dpop", "", "DPoP proof of the request, for a token bound to a key")
	flags.StringVar(&v.need.Proof.Method, "method", "GET", "method of the request that the DPoP proof is for")
	flags.StringVar(&v.need.Proof.URL, "url", "", "URL of the request that the DPoP proof is for")
	v.format.register(cmd)
	return cmd
}

// complete reads what flags point at.
func (v *verification) complete() error {
	if v.remoteAddress != "" {
		addr, err := netip.ParseAddr(v.remoteAddress)
		if err != nil {
			return fmt.Errorf("-remote-address=%s: not an IP address", v.remoteAddress)
		}
		v.need.RemoteAddr = addr.Unmap()
	}
	if v.dpop != "" {
		v.need.Proof.DPoP = []string{v.dpop}
	}
	if v.certificate == "" {
		return nil
	}
	text, err := os.ReadFile(v.certificate)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return fmt.Errorf("-certificate=%s: not a PEM file", v.certificate)
	}
	if v.need.Proof.Certificate, err = x509.ParseCertificate(block.Bytes); err != nil {
		return fmt.Errorf("-certificate=%s: %w", v.certificate, err)
	}
	return nil
}

func (v *verification) run(ctx context.Context, out io.Writer, raw string) error {
	said := readUnverified(raw)
	if v.config.Issuer == "" || v.config.Audience == "" {
		return errors.New("say whose token it is and for whom: -issuer=URL -audience=NAME" + said.suggestion())
	}
	v.config.Conditions = condition.NewUseCompiler().Compile
	var err error
	if v.config.Client, err = clientFor(v.ca); err != nil {
		return err
	}
	verifier, err := verify.New(ctx, v.config)
	if err != nil {
		return failure{fmt.Errorf("cannot reach the issuer: %w", err)}
	}
	defer verifier.Close()
	id, err := verifier.Verify(ctx, raw, v.need)
	answer := &verdict{verification: v, said: said, feedAge: verifier.Stats().FeedAge, now: time.Now(), identity: id}
	if err != nil {
		answer.refusal = verify.RefusalOf(err)
		answer.identity = answer.refusal.Identity
	}
	if err := v.format.print(out, answer.plain(), func(w io.Writer) { answer.explain(w) }); err != nil {
		return err
	}
	if err != nil {
		return failure{err}
	}
	return nil
}

// plain is the identity, or the refusal and whose token it is about.
func (v *verdict) plain() any {
	if v.refusal == nil {
		return v.identity
	}
	return struct {
		Reason   verify.Reason    `json:"reason"`
		Message  string           `json:"message"`
		Identity *verify.Identity `json:"identity,omitempty"`
	}{v.refusal.Reason, v.refusal.Message, v.identity}
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
