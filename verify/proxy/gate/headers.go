package gate

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// Prefix of the headers that tell the service who is calling. Callers' own
// headers of that prefix never get through.
const Prefix = "Ramp-"

// tell sets what the service is told, each as Printable makes it.
func tell(h http.Header, requestID string, id *verify.Identity) {
	values := make([]string, 0, 10) // one allocation for all of them
	set := func(name, value string) {
		if value != "" {
			values = append(values, Printable(value))
			h[name] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	set("Ramp-Request-Id", requestID)
	if id != nil {
		set("Ramp-Subject", id.Subject)
		set("Ramp-Caller", id.Caller)
		set("Ramp-Contract", id.Contract)
		set("Ramp-Contract-Id", id.ContractID)
		set("Ramp-Revision", id.Revision)
		set("Ramp-Scopes", strings.Join(id.Scopes, " "))
		set("Ramp-Stage", id.Stage)
		set("Ramp-Generation", id.Generation)
		set("Ramp-Token-Id", id.TokenID)
	}
}

// Printable percent-encodes bytes outside printable ASCII, and "%".
func Printable(value string) string {
	plain := func(c byte) bool { return c >= ' ' && c <= '~' && c != '%' }
	clean := true
	for i := range len(value) {
		clean = clean && plain(value[i])
	}
	if clean {
		return value
	}
	var b strings.Builder
	for i := range len(value) {
		if plain(value[i]) {
			b.WriteByte(value[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", value[i])
		}
	}
	return b.String()
}

// strip deletes headers that would speak for the gate, or make the service act
// on another request than the gate decided on.
func strip(h http.Header) {
	for name := range h {
		if spoofs(name) {
			delete(h, name)
		}
	}
}

// overrides are headers by which some frameworks replace method or target.
var overrides = []string{
	"x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-original-uri", "x-original-method", "x-original-host",
	"x-rewrite-url", "x-host",
}

func spoofs(name string) bool {
	if name == "" || strings.IndexByte("rRxX", name[0]) < 0 { // most names
		return false
	}
	form := Fold(name)
	return strings.HasPrefix(form, "ramp-") || slices.Contains(overrides, form)
}

// Fold returns what a server may take the name of a header for: CGI makes "_"
// of "-", some make it of every other byte, too, and case never counts.
func Fold(name string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case 'A' <= c && c <= 'Z':
			return c + 'a' - 'A'
		case 'a' <= c && c <= 'z' || '0' <= c && c <= '9':
			return c
		}
		return '-'
	}, name)
}
