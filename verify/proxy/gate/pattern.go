package gate

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

var patternHost = regexp.MustCompile(`^(?:[A-Z]+[ \t]+)?([^/ \t]*)/`)

// checkPattern refuses patterns of http.ServeMux that say something else than
// whoever is used to other routers means: a route that matches nothing leaves
// its requests to a wider one.
func checkPattern(pattern string) error {
	h := patternHost.FindStringSubmatch(pattern)
	switch {
	case h == nil:
		return errors.New("the pattern must be [METHOD ][host]/path, such as \"GET /invoices/{id}\"")
	case h[1] != strings.ToLower(h[1]) || strings.Contains(h[1], ":"):
		return errors.New("write the host in lower case and without port")
	case h[1] != "":
		if _, err := hostname(h[1]); err != nil {
			return fmt.Errorf("the pattern names the host %q, and no request names a host in that form", h[1])
		}
	}
	for segment := range strings.SplitSeq(pattern[len(h[0]):], "/") {
		if c := stranger(segment); c != 0 {
			return fmt.Errorf("%q has no meaning in patterns: {name} is a segment, {name...} is the rest, %%%02X is the character itself", c, c)
		}
	}
	return nil
}

// stranger returns a character that other routers give a meaning, or that no
// path has unescaped; 0 when a segment has none.
func stranger(segment string) rune {
	switch {
	case strings.HasPrefix(segment, "{"):
		return 0 // ServeMux checks these
	case strings.HasPrefix(segment, ":"):
		return ':'
	case strings.Contains(segment, ".+"):
		return '+'
	}
	for _, c := range segment {
		if c == '*' || c < 0x80 && c != '%' && c != '{' && c != '}' && !pathByte(byte(c)) {
			return c
		}
	}
	return 0
}
