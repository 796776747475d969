package endpoint

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// Error is a fault of the user, with the HTTP status that says which kind.
type Error struct {
	Status  int
	Message string
}

func (e *Error) Error() string { return e.Message }

// BadRequest is a 400 that says what to fix.
func BadRequest(format string, args ...any) error {
	return &Error{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// NotFound is a 404.
func NotFound(format string, args ...any) error {
	return &Error{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

// Conflict is a 409: somebody else was faster.
func Conflict(format string, args ...any) error {
	return &Error{http.StatusConflict, fmt.Sprintf(format, args...)}
}

// passThrough are errors by which Vault itself is told something.
var passThrough = []error{
	logical.ErrUnsupportedOperation, logical.ErrUnsupportedPath,
	logical.ErrPerfStandbyPleaseForward, logical.ErrInvalidRequest, logical.ErrUnrecoverable,
}

// Status is the HTTP status of an answer, ok when it is no error, and 0 when
// Vault decides.
func Status(answer error, ok int) int {
	switch coded := answer.(type) { //nolint:errorlint // an answer is never wrapped
	case nil:
		return ok
	case logical.HTTPCodedError:
		return coded.Code()
	}
	return 0
}

// Answer turns any error into the one that crosses the plugin boundary: only
// a bare coded error keeps its status there. A fault of ours is 500 and says
// nothing about what happened inside; the log does, see Path.
func Answer(err error) (answer error, ours bool) {
	if err == nil {
		return nil, false
	}
	var user *Error
	var denial *ramp.Denial
	var coded logical.HTTPCodedError
	switch {
	case errors.As(err, &user):
		return logical.CodedError(user.Status, user.Message), false
	case errors.As(err, &denial):
		return logical.CodedError(http.StatusForbidden, denial.Error()), false
	case errors.As(err, &coded):
		return coded, false
	case ReadOnly(err):
		return logical.ErrReadOnly, false
	}
	for _, e := range passThrough {
		if errors.Is(err, e) {
			return e, false
		}
	}
	return logical.CodedError(http.StatusInternalServerError, "internal error; the log of the ramp plugin has the details"), true
}

// ReadOnly reports whether an error says that this node may not write, upon
// which Vault asks one that may. Of storage's error only the text comes across
// the plugin boundary.
func ReadOnly(err error) bool {
	return err != nil && strings.Contains(err.Error(), logical.ErrReadOnly.Error())
}
