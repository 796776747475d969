package daemon

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestExamples checks the files of bootstrap/proxy, with /etc/ramp elsewhere.
func TestExamples(t *testing.T) {
	examples, err := filepath.Glob("../../../../bootstrap/proxy/*.hcl")
	if err != nil || len(examples) == 0 {
		t.Fatal(examples, err)
	}
	etc := t.TempDir()
	certificate(t, filepath.Join(etc, "payments.pem"), filepath.Join(etc, "payments-key.pem"))
	for _, name := range examples {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := load(t, strings.ReplaceAll(string(text), "/etc/ramp", etc)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func certificate(t *testing.T, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
