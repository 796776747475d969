package main

import (
	"crypto/tls"
	"os"
	"sync"
	"time"
)

// certificate returns a certificate read from files, again when one of them
// was changed. Files that do not fit together, as while they are being
// replaced, leave the certificate as it was.
func certificate(cert, key string) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	var mu sync.Mutex
	var have *tls.Certificate
	var read time.Time // the later of the files' times
	return func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		mu.Lock()
		defer mu.Unlock()
		changed := later(modified(cert), modified(key))
		if have != nil && changed.Equal(read) {
			return have, nil
		}
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err == nil {
			have, read = &pair, changed
		} else if have == nil {
			return nil, err
		}
		return have, nil
	}
}

func modified(file string) time.Time {
	info, err := os.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
