package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/relay"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/verifytest"
)

// certify writes a certificate for 127.0.0.1 and its key, and returns who trusts it.
func certify(t *testing.T, cert, key, name string) *x509.CertPool {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for file, text := range map[string][]byte{cert: public, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(public)
	return pool
}

// The relay serves with TLS, with a new certificate when there is one, and ends when it is asked to.
func TestRelay(t *testing.T) {
	i := verifytest.New(t)
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pool := certify(t, cert, key, "first")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.Addr().String()
	_ = free.Close()
	o := relayOptions{Config: relay.Config{Issuer: i.URL, MaxWaiting: 100}, listen: at, cert: cert, key: key}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- runRelay(ctx, o) }()
	served := func(pool *x509.CertPool) bool {
		client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
		resp, err := client.Get("https://" + at + "/healthz")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	}
	wait := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("waited a minute for %s", what)
			}
		}
	}
	wait("the relay", func() bool { return served(pool) })
	if err := os.WriteFile(key, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if !served(pool) {
		t.Error("files that are being replaced stop the relay")
	}
	next := certify(t, cert, key, "second")
	wait("the next certificate", func() bool { return served(next) && !served(pool) })
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestRelayIsCalledWrongly(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none.pem")
	config := relay.Config{Issuer: "https://vault.example.com/v1/ramp"}
	for want, o := range map[string]relayOptions{
		"say which issuer to follow":           {},
		"-tls-cert and -tls-key belong":        {Config: config, cert: none},
		"tls: open":                            {Config: config, cert: none, key: none, listen: "127.0.0.1:0"},
		"-ca-file: open":                       {Config: config, ca: none},
		"the relay needs the issuer URL":       {Config: relay.Config{Issuer: "vault.example.com"}},
		"is not the id of a contract":          {Config: relay.Config{Issuer: config.Issuer, Files: relay.Files{Dir: t.TempDir(), Contracts: []string{"orders-to-payments"}}}},
		"say where with -dir":                  {Config: relay.Config{Issuer: config.Issuer, Files: relay.Files{TokenFile: none}}},
		"must not be negative":                 {Config: relay.Config{Issuer: config.Issuer, MaxWaiting: -1000}},
		"/v1/ramp/\" must not end with /":      {Config: relay.Config{Issuer: config.Issuer + "/"}},
		"endpoints/\" must not end with /":     {Config: relay.Config{Issuer: config.Issuer, Endpoints: []string{"https://vault.example.com/endpoints/"}}},
		"listen tcp: address 1: missing port":  {Config: config, listen: "1"},
		"must be https: whoever can change":    {Config: relay.Config{Issuer: "http://vault.example.com/v1/ramp"}},
		"is not a URL such as https://vault.e": {Config: relay.Config{Issuer: config.Issuer, Endpoints: []string{"vault"}}},
	} {
		if err := runRelay(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
