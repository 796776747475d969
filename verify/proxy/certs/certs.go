// Package certs makes TLS configurations of files, and takes files over that
// change.
package certs

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"
)

// checkEvery is how often files are read again, at most, when somebody connects.
const checkEvery = time.Second

// ClientAuth says what a listener wants of its callers' certificates.
type ClientAuth string

const (
	None     ClientAuth = ""         // does not ask for one
	Any      ClientAuth = "any"      // asks, and takes any: tokens may be bound to it (RFC 8705 section 2.2)
	Optional ClientAuth = "optional" // asks; one that is shown must be signed by the client CA
	Required ClientAuth = "required" // insists on one signed by the client CA
)

// Files are what a listener's TLS is made of, in PEM.
type Files struct {
	Certificate string // chain, own certificate first
	Key         string
	ClientCA    string // for ClientAuth Optional and Required
	ClientAuth  ClientAuth
	// OnError is told when changed files cannot be used. The old ones are used
	// until they can. Nil ignores it.
	OnError func(error)
}

// Load reads the files. The configuration that it returns reads them again
// when they change: no restart, and connections stay.
func Load(f Files) (*tls.Config, error) {
	s := &source{files: f}
	if err := s.load(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         s.current.NextProtos,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.config(time.Now()), nil },
	}, nil
}

type source struct {
	files Files

	mu      sync.Mutex
	current *tls.Config
	content [][]byte
	checked time.Time
	failed  string
}

func (s *source) config(now time.Time) *tls.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.checked) < checkEvery {
		return s.current
	}
	s.checked = now
	err := s.load()
	switch {
	case err == nil:
		s.failed = ""
	case err.Error() != s.failed: // said once
		s.failed = err.Error()
		if s.files.OnError != nil {
			s.files.OnError(fmt.Errorf("%w; the certificate from before stays in use", err))
		}
	}
	return s.current
}

// load makes a new configuration when the content of a file has changed. A new
// one has new session tickets, so that no session outlives its client CA.
func (s *source) load() error {
	content, err := s.files.read()
	if err != nil {
		return err
	}
	if slices.EqualFunc(content, s.content, bytes.Equal) {
		return nil
	}
	pair, err := tls.X509KeyPair(content[0], content[1])
	if err != nil {
		return fmt.Errorf("tls: %s and %s: %w", s.files.Certificate, s.files.Key, err)
	}
	made := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{pair}}
	if made.ClientAuth, err = s.files.ClientAuth.mode(s.files.ClientCA != ""); err != nil {
		return err
	}
	if s.files.ClientCA != "" {
		made.ClientCAs = x509.NewCertPool()
		if !made.ClientCAs.AppendCertsFromPEM(content[2]) {
			return fmt.Errorf("tls: %s has no certificate", s.files.ClientCA)
		}
	}
	s.current, s.content = made, content
	return nil
}

func (f *Files) read() ([][]byte, error) {
	names := []string{f.Certificate, f.Key}
	if f.ClientCA != "" {
		names = append(names, f.ClientCA)
	}
	var all [][]byte
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
		all = append(all, content)
	}
	return all, nil
}

func (a ClientAuth) mode(ca bool) (tls.ClientAuthType, error) {
	switch {
	case ca != (a == Optional || a == Required):
		return 0, errors.New("tls: a client CA goes with client auth optional or required, and these with a client CA")
	case a == None:
		return tls.NoClientCert, nil
	case a == Any:
		return tls.RequestClientCert, nil
	case a == Optional:
		return tls.VerifyClientCertIfGiven, nil
	case a == Required:
		return tls.RequireAndVerifyClientCert, nil
	}
	return 0, fmt.Errorf("tls: client auth %q is none of any, optional, required", a)
}
