package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// Files says what to write for a plain web server: JWKS, discovery document,
// bundle and status lists, under the path of the issuer URL.
type Files struct {
	// Dir is the root of the web server. Empty writes nothing.
	Dir string
	// Contracts are ids of contracts whose status lists to write, besides those
	// that the feed names because something of them is dead.
	Contracts []string
	// TokenFile has a Vault token to ask for the ids of all contracts with. It
	// is read each time: an agent may renew it. Empty asks for none.
	TokenFile string
	// Every is how often everything is read again; what the feed says is
	// written at once. Zero means a minute.
	Every time.Duration
}

const afterFailure = 15 * time.Second

// writer writes static files until ctx ends.
type writer struct {
	*Relay
	contracts map[string]bool
}

func (r *Relay) writeFiles(ctx context.Context) {
	w := &writer{r, make(map[string]bool)}
	for _, id := range append(w.written(), r.config.Files.Contracts...) {
		w.contracts[id] = true
	}
	var swept time.Time
	for ctx.Err() == nil {
		contracts, everything := r.due.take(time.Now())
		everything = everything || time.Since(swept) >= r.config.Files.Every
		pause := time.Second
		if err := w.round(ctx, contracts, everything); err != nil && ctx.Err() == nil {
			r.config.OnError(fmt.Errorf("static files: %w; all of them are tried again in %s", err, afterFailure))
			swept, pause = time.Time{}, afterFailure
		} else if everything {
			swept = time.Now()
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// round writes the status lists of some contracts, or everything there is.
func (w *writer) round(ctx context.Context, contracts map[string]bool, everything bool) error {
	var errs []error
	if everything {
		for _, path := range []string{jwksPath, discoveryPath, bundlePath} {
			errs = append(errs, w.write(ctx, path))
		}
		if w.config.Files.TokenFile != "" {
			ids, err := w.fromVault(ctx)
			for _, id := range ids {
				w.contracts[id] = true
			}
			errs = append(errs, err)
		}
		maps.Copy(contracts, w.contracts)
	}
	for id := range contracts {
		if err := w.writeLists(ctx, id); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
	return errors.Join(errs...)
}

// writeLists writes the status lists of a contract. A contract that is gone is
// forgotten; its files stay, and are no good when their time is over.
func (w *writer) writeLists(ctx context.Context, contract string) error {
	w.contracts[contract] = true
	for n := 0; ; n++ {
		err := w.write(ctx, "/status/"+contract+"/"+strconv.Itoa(n))
		if errors.Is(err, verify.ErrNotFound) {
			if n == 0 && !slices.Contains(w.config.Files.Contracts, contract) {
				delete(w.contracts, contract)
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// write reads a document and makes it a file, when there is something new in it.
func (w *writer) write(ctx context.Context, path string) error {
	d := documentAt(path)
	if d == nil {
		return fmt.Errorf("%q is not a contract's id", path)
	}
	ctx, stop := context.WithTimeout(ctx, documentIn)
	defer stop()
	body, err := w.fetch(ctx, d, path)
	if err != nil {
		return err
	}
	file := w.file(path)
	have, err := os.ReadFile(file)
	if err == nil && w.same(ctx, path, have, body) {
		return nil
	}
	if err := replace(file, body); err != nil {
		return err
	}
	w.metrics.written.Inc()
	return nil
}

func (w *writer) file(path string) string {
	return filepath.Join(w.config.Files.Dir, filepath.FromSlash(w.path), filepath.FromSlash(path))
}

// same reports whether a file need not be written. A status list is signed
// anew whenever it is read: it is the same while its bits are, until half of
// its life is over.
func (w *writer) same(ctx context.Context, path string, have, body []byte) bool {
	if bytes.Equal(have, body) {
		return true
	}
	was, err := w.readList(ctx, path, have)
	if err != nil {
		return false // not a list, or signed with a key that is no more
	}
	is, err := w.readList(ctx, path, body)
	return err == nil && bytes.Equal(was.Bits, is.Bits) && is.IssuedAt < was.IssuedAt+(was.Expiry-was.IssuedAt)/2
}

// replace changes a file in one step: a web server sends the old or the new one.
func replace(file string, body []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".ramp-*")
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

var contractID = regexp.MustCompile(`^[a-z0-9]{1,64}$`)

// written are the contracts that have files already, from an earlier run.
func (w *writer) written() []string {
	entries, err := os.ReadDir(w.file("/status"))
	if err != nil {
		return nil // none yet
	}
	var ids []string
	for _, e := range entries {
		if contractID.MatchString(e.Name()) {
			ids = append(ids, e.Name())
		}
	}
	return ids
}
