package vault

import (
	"errors"
	"net/http"
	"regexp"
	"strings"

	"github.com/hashicorp/vault/api"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/egress"
)

// counted is how Vault begins some errors.
var counted = regexp.MustCompile(`^1 error occurred: \* `)

// brief is what Vault said, in one line, without what was asked: paths and
// addresses stay, parameters do not.
func brief(err error) error {
	var said *api.ResponseError
	if !errors.As(err, &said) {
		return err
	}
	text := counted.ReplaceAllString(strings.Join(strings.Fields(strings.Join(said.Errors, "; ")), " "), "")
	if at := strings.Index(text, "denied:"); at >= 0 {
		text = text[at:]
	}
	if text == "" {
		text = http.StatusText(said.StatusCode)
	}
	return &answer{said.StatusCode, text}
}

// answer is an error that Vault answered with.
type answer struct {
	status int
	text   string
}

func (a *answer) Error() string { return "Vault: " + a.text }

// final makes a [*egress.Denied] of an answer that will not change by asking
// again. Too many requests, a seal and a failover do pass.
func final(err error) error {
	var a *answer
	if errors.As(err, &a) && a.status >= 400 && a.status < 500 && a.status != http.StatusTooManyRequests && a.status != http.StatusPreconditionFailed && a.status < 470 {
		return &egress.Denied{Reason: err.Error()}
	}
	return err
}

// decided reports whether a contract said no: then the token that asked lives.
func decided(err error) bool {
	var a *answer
	return errors.As(err, &a) && strings.HasPrefix(a.text, "denied:")
}

func forbidden(err error) bool {
	var a *answer
	return errors.As(err, &a) && a.status == http.StatusForbidden
}
