package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/netutil"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/certs"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/relay"
)

type relayOptions struct {
	relay.Config
	listen, cert, key, ca string
}

func relayCommand() *cobra.Command {
	var o relayOptions
	cmd := &cobra.Command{
		Use:   "relay -issuer=URL [-listen=ADDRESS] [-dir=DIRECTORY]",
		Short: "Pass the revocation feed on to many verifiers",
		Long: `Follow the revocation feed of an issuer once and pass it on to thousands of
verifiers, which wait longer for news at a relay than Vault lets them. The feed
is signed: a relay needs no trust, no token and no storage. Keys, discovery
document, bundle, status lists and request conditions are passed on, too.

A relay answers on the path of the issuer URL, and on /healthz and /metrics.
With -dir it also writes files for a plain web server.`,
		Example: `  ramp relay -issuer=https://vault.example.com:8200/v1/ramp -listen=:8250 -tls-cert=relay.pem -tls-key=relay-key.pem

  # an issuer without a public Vault: the web server of tokens.example.com serves /srv/tokens
  ramp relay -issuer=https://tokens.example.com/ramp -endpoint=https://vault.internal:8200/v1/ramp \
    -dir=/srv/tokens -token-file=/run/vault/token`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			return runRelay(ctx, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Issuer, "issuer", os.Getenv("RAMP_ISSUER"), "issuer URL of the ramp mount (or RAMP_ISSUER)")
	flags.StringSliceVar(&o.Endpoints, "endpoint", nil, "URL to follow instead of the issuer URL, such as a node of the cluster; may be repeated, in order of preference")
	flags.StringSliceVar(&o.Relays, "relay", nil, "URL of another relay to follow before the endpoints; may be repeated")
	flags.StringVar(&o.listen, "listen", "127.0.0.1:8250", "address to listen on")
	flags.StringVar(&o.cert, "tls-cert", "", "PEM file of the certificate to serve with; read again when it changes")
	flags.StringVar(&o.key, "tls-key", "", "PEM file of its key")
	flags.StringVar(&o.ca, "ca-file", os.Getenv("VAULT_CACERT"), "PEM file of the CA that signed the issuer's certificate, if it is a private one (or VAULT_CACERT)")
	flags.DurationVar(&o.MaxWait, "max-wait", 20*time.Second, "how long followers may wait for news")
	flags.IntVar(&o.MaxWaiting, "max-waiting", 20_000, "how many followers may wait at the same time; others are answered at once")
	flags.StringVar(&o.Files.Dir, "dir", "", "also write JWKS, discovery document, bundle and status lists below this directory, the root of a web server")
	flags.StringSliceVar(&o.Files.Contracts, "contracts", nil, "ids of contracts whose status lists to write, besides those of which the feed says that something is dead")
	flags.StringVar(&o.Files.TokenFile, "token-file", "", "file with a Vault token that may list and read roles: write the status lists of all contracts")
	flags.DurationVar(&o.Files.Every, "every", time.Minute, "how often all files are brought up to date; what the feed says is written at once")
	return cmd
}

func runRelay(ctx context.Context, o relayOptions) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if o.Issuer == "" {
		return errors.New("say which issuer to follow: -issuer=URL")
	}
	if (o.cert == "") != (o.key == "") {
		return errors.New("-tls-cert and -tls-key belong together")
	}
	if o.Files.Dir == "" && (o.Files.TokenFile != "" || len(o.Files.Contracts) > 0) {
		return errors.New("-contracts and -token-file say which files to write: say where with -dir")
	}
	client, err := clientFor(o.ca)
	if err != nil {
		return err
	}
	o.Client = client
	o.OnError = func(err error) { log.Warn(err.Error()) }
	o.OnRecovery = func(after time.Duration) { log.Info("follows again", "after", after.Round(time.Millisecond)) }
	r, err := relay.New(o.Config)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return failure{err}
	}
	listener = netutil.LimitListener(listener, o.MaxWaiting+o.MaxWaiting/4+100)
	server := r.Server()
	server.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	if o.cert != "" {
		server.TLSConfig, err = certs.Load(certs.Files{Certificate: o.cert, Key: o.key, OnError: o.OnError})
		if err != nil {
			return failure{errors.Join(err, listener.Close())}
		}
	}
	log.Info("relay", "issuer", o.Issuer, "listen", listener.Addr().String(), "version", version)
	return serveRelay(ctx, r, server, listener)
}

// serveRelay ends when ctx does: the relay first, which answers those who wait.
func serveRelay(ctx context.Context, r *relay.Relay, server *http.Server, listener net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			done <- server.ServeTLS(listener, "", "")
		} else {
			done <- server.Serve(listener)
		}
		stop()
	}()
	r.Run(ctx)
	grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if server.Shutdown(grace) != nil {
		_ = server.Close()
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return failure{err}
	}
	return nil
}

func clientFor(ca string) (*http.Client, error) {
	if ca == "" {
		return nil, nil //nolint:nilnil // nil is a client of the library's own
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("-ca-file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("-ca-file: %s has no PEM certificate", ca)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: 3 * time.Second}).DialContext
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	return &http.Client{Transport: transport}, nil
}
