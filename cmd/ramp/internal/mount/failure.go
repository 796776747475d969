package mount

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/api"
)

// Failure is an error with what to do about it.
type Failure struct {
	Err  error
	What string // in place of the text of Err, which says too much; "" for it
	Next string
}

func (f *Failure) Error() string {
	if f.What == "" {
		return f.Err.Error()
	}
	return f.What
}

func (f *Failure) Unwrap() error { return f.Err }

// explain says in one sentence what Vault answered to an operation, and what
// to do next.
func (m *Mount) explain(err error, operation, path string) error {
	if err == nil {
		return nil
	}
	full := m.Path + "/" + path
	var answer *api.ResponseError
	var network net.Error
	switch {
	case errors.As(err, &answer):
		said := oneLine(strings.Join(answer.Errors, "; "))
		f := &Failure{Err: err, What: fmt.Sprintf("%s: %s", full, said)}
		switch {
		case answer.StatusCode == http.StatusForbidden && m.client.Token() == "":
			f.What, f.Next = full+": no token", "log in with vault login, or set VAULT_TOKEN"
		case answer.StatusCode == http.StatusForbidden && strings.Contains(said, "permission denied"):
			f.Next = fmt.Sprintf("let a policy of the token have %q on %s, or log in again if it has expired", operation, full)
		case answer.StatusCode == http.StatusForbidden && said == "":
			f.What = full + ": permission denied"
		case strings.Contains(said, "no handler for route"), strings.Contains(said, "unsupported path"), answer.StatusCode == http.StatusNotFound && said == "":
			return m.absent(path)
		case answer.StatusCode == http.StatusServiceUnavailable:
			f.Next = "vault status shows whether it is sealed"
		case said == "":
			f.What = fmt.Sprintf("%s: HTTP status %d", full, answer.StatusCode)
		}
		return f
	case errors.As(err, &network):
		return &Failure{Err: err, What: "cannot reach Vault: " + root(err), Next: "is VAULT_ADDR right? It is " + m.client.Address()}
	}
	return fmt.Errorf("%s: %w", full, err)
}

// Passing reports whether an error may pass by itself: Vault is out of reach,
// sealed, without a leader.
func Passing(err error) bool {
	var answer *api.ResponseError
	var network net.Error
	return errors.As(err, &answer) && answer.StatusCode >= http.StatusInternalServerError || errors.As(err, &network)
}

// oneLine undoes the list that Vault makes of several errors.
func oneLine(said string) string {
	_, after, found := strings.Cut(strings.Replace(said, "error occurred:", "errors occurred:", 1), "errors occurred:")
	if !found {
		return strings.TrimSpace(said)
	}
	var all []string
	for line := range strings.Lines(after) {
		if line = strings.TrimLeft(strings.TrimSpace(line), "* "); line != "" {
			all = append(all, line)
		}
	}
	return strings.Join(all, ", ")
}

func (m *Mount) absent(path string) error {
	return &Failure{
		Err:  fmt.Errorf("%s/%s: nothing is there", m.Path, path),
		Next: fmt.Sprintf("is Ramp mounted at %s/? vault secrets list shows; -mount=PATH names another", m.Path),
	}
}

// root is the innermost error of a chain, without the URL around it.
func root(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		if _, ok := err.(*net.OpError); ok { //nolint:errorlint // this very error, not one it wraps
			return err.Error()
		}
		err = inner
	}
}
