package e2e_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/bootstrap/vaulttest"
)

// rampBinary is the ramp command, built from this working tree once.
var rampBinary = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "ramp-command-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path, args := filepath.Join(dir, "ramp"), []string{"build"}
	if os.Getenv("RAMP_RACE_PLUGIN") == "1" { // as for the plugin: the race detector watches
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, "-o", path, "../../cmd/ramp")...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	return os.ReadFile(path)
})

// rampProxy is a ramp proxy process on a configuration file.
type rampProxy struct {
	*exec.Cmd
	config, admin string
	log           syncBuffer
	done          chan struct{}
}

// syncBuffer embeds no buffer: its ReadFrom would get around the lock.
type syncBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

// startProxy runs a proxy until the test ends, and gives it an admin address.
func startProxy(t *testing.T, config string) *rampProxy {
	t.Helper()
	binary, err := rampBinary()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "ramp")
	if err := os.WriteFile(path, binary, 0o700); err != nil {
		t.Fatal(err)
	}
	p := &rampProxy{config: filepath.Join(dir, "proxy.hcl"), admin: vaulttest.FreeAddress(t), done: make(chan struct{})}
	p.write(t, config)
	p.Cmd = exec.Command(path, "proxy", "-config="+p.config)
	p.Stdout, p.Stderr = &p.log, &p.log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.Wait(); close(p.done) }()
	t.Cleanup(func() {
		p.stop(t)
		if strings.Contains(p.log.String(), "DATA RACE") {
			t.Error("data race in the proxy")
		}
		if t.Failed() {
			t.Logf("what the proxy said:\n%s", p.log.String())
		}
	})
	return p
}

func (p *rampProxy) write(t *testing.T, config string) {
	t.Helper()
	if err := os.WriteFile(p.config, fmt.Appendf(nil, "%s\nadmin {\n  listen = %q\n}\n", config, p.admin), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ready reports whether the proxy calls itself ready.
func (p *rampProxy) ready() bool {
	resp, err := http.Get("http://" + p.admin + "/readyz")
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

func (p *rampProxy) metrics(t *testing.T) string {
	t.Helper()
	resp, err := http.Get("http://" + p.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// reload has the proxy read its file again, and waits until it says so.
func (p *rampProxy) reload(t *testing.T, says string) {
	t.Helper()
	before := strings.Count(p.log.String(), says)
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the reload: "+says, func() bool { return strings.Count(p.log.String(), says) > before })
}

// stop asks the proxy to end, and waits until it has.
func (p *rampProxy) stop(t *testing.T) {
	t.Helper()
	_ = p.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Error("the proxy does not end")
		_ = p.Process.Kill()
		<-p.done
	}
}

// authority signs certificates of 127.0.0.1.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key, cert, filepath.Join(t.TempDir(), "ca.pem")}
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

// issue writes a certificate and its key, in place of those before.
func (a *authority) issue(t *testing.T, serial int64, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "payments"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, keyFile, "PRIVATE KEY", private)
	writePEM(t, certFile, "CERTIFICATE", der)
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := errors.Join(os.WriteFile(path+".new", text, 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

// unixTransport connects to a socket, whatever the URL.
func unixTransport(path string) *http.Transport {
	return &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}
}
