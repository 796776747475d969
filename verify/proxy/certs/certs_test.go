package certs_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/certs"
)

// authority signs certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	a := &authority{t: t}
	pair := a.issue(name, true)
	a.cert, a.key = pair.Leaf, pair.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

func (a *authority) issue(name string, ca bool) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	made := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := made, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, made, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// write puts a pair into files, as two steps, as tools do.
func write(t *testing.T, f certs.Files, pair tls.Certificate) {
	der, err := x509.MarshalECPrivateKey(pair.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, f.Certificate, "CERTIFICATE", pair.Certificate[0])
	writePEM(t, f.Key, "EC PRIVATE KEY", der)
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve answers each connection with one byte after its handshake.
func serve(t *testing.T, c *tls.Config) string {
	l, err := tls.Listen("tcp", "localhost:0", c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = conn.Write([]byte("."))
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	return l.Addr().String()
}

// shown is the name of the certificate that the server shows.
func shown(addr string, own *tls.Certificate, sessions tls.ClientSessionCache) (string, error) {
	c := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost", ClientSessionCache: sessions}
	if own != nil {
		c.Certificates = []tls.Certificate{*own}
	}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", addr, c)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err != nil { // TLS 1.3 refuses client certificates after the handshake
		return "", err
	}
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

func TestFilesThatChange(t *testing.T) {
	dir := t.TempDir()
	var complaints atomic.Int32
	f := certs.Files{
		Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"), ClientCA: filepath.Join(dir, "ca.crt"), ClientAuth: certs.Required,
		OnError: func(error) { complaints.Add(1) },
	}
	old, next := newAuthority(t, "old"), newAuthority(t, "next")
	write(t, f, old.issue("first", false))
	writePEM(t, f.ClientCA, "CERTIFICATE", old.cert.Raw)
	config, err := certs.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	addr := serve(t, config)
	oldCaller, nextCaller := old.issue("caller", false), next.issue("caller", false)
	sessions := tls.NewLRUClientSessionCache(8)
	if name, err := shown(addr, &oldCaller, sessions); err != nil || name != "first" {
		t.Fatalf("%q %v", name, err)
	}
	if _, err := shown(addr, nil, nil); err == nil {
		t.Error("a caller without certificate gets in")
	}
	if _, err := shown(addr, &nextCaller, nil); err == nil {
		t.Error("a caller of a CA that is not trusted gets in")
	}

	if err := os.WriteFile(f.Key, []byte("half a f"), 0o600); err != nil { // somebody is writing
		t.Fatal(err)
	}
	waitFor(t, func() bool {
		if name, err := shown(addr, &oldCaller, nil); err != nil || name != "first" {
			t.Fatalf("while files are written: %q %v", name, err)
		}
		return complaints.Load() > 0
	})
	write(t, f, next.issue("second", false))
	writePEM(t, f.ClientCA, "CERTIFICATE", next.cert.Raw)
	waitFor(t, func() bool { name, err := shown(addr, &nextCaller, nil); return err == nil && name == "second" })
	if _, err := shown(addr, &oldCaller, sessions); err == nil {
		t.Error("a caller of the old CA gets in, by a session from before")
	}
	if complaints.Load() > 3 {
		t.Errorf("%d complaints about one mistake", complaints.Load())
	}
}

func TestFilesThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	good := certs.Files{Certificate: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key")}
	write(t, good, newAuthority(t, "a").issue("a", false))
	for says, change := range map[string]func(*certs.Files){
		"no such file":       func(f *certs.Files) { f.Key += "x" },
		"rather than a key":  func(f *certs.Files) { f.Key = f.Certificate },
		"goes with":          func(f *certs.Files) { f.ClientAuth = certs.Required },
		"and these with":     func(f *certs.Files) { f.ClientCA, f.ClientAuth = f.Certificate, certs.Any },
		"is none of":         func(f *certs.Files) { f.ClientAuth = "always" },
		"has no certificate": func(f *certs.Files) { f.ClientCA, f.ClientAuth = f.Key, certs.Optional },
	} {
		f := good
		change(&f)
		if _, err := certs.Load(f); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited 30 s")
		}
	}
}
