package gate

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"
)

// checkTarget refuses requests that two servers may read in two ways: what the
// gate decides on would not be what the service acts on. It returns the host
// to match, in lower case and without its port.
func checkTarget(r *http.Request) (host string, err error) {
	switch {
	case !httpguts.ValidHeaderFieldName(r.Method): // a token, as names are; HTTP/2 lets any bytes through
		return "", errors.New("the method is not one")
	case r.Method == http.MethodConnect || r.Method == http.MethodTrace:
		return "", fmt.Errorf("method %s is not served", r.Method)
	case !strings.HasPrefix(r.RequestURI, "/"):
		return "", errors.New("the request target must be a path")
	case r.Header["Host"] != nil:
		return "", errors.New("the request names its host twice")
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	if err := checkPath(path); err != nil {
		return "", err
	}
	if i := strings.IndexFunc(query, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '#' || c == '\\' }); i >= 0 {
		return "", fmt.Errorf("the query has the byte %#02x unescaped", query[i])
	}
	if r.URL.EscapedPath() != path || r.URL.RawQuery != query || r.URL.Host != "" || r.URL.User != nil || r.URL.Fragment != "" {
		return "", errors.New("the request target has no one meaning")
	}
	return hostname(r.Host)
}

// checkPath accepts paths of RFC 3986 that stay the same when they are cleaned
// or decoded once more, and that no server cuts at a parameter.
func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return errors.New("the path does not start with /")
	}
	decoded := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' {
			var ok bool
			if c, ok = unescape(path[i:]); !ok {
				return errors.New("the path has a % that is not an escape")
			}
			i += 2
			if c == '/' || c == '\\' || c == ';' || c < ' ' || c == 0x7f {
				return fmt.Errorf("the path has %#02x escaped, which servers read in different ways", c)
			}
			if _, again := unescape("%" + path[i+1:]); c == '%' && again {
				return errors.New("the path is escaped twice")
			}
		} else if !pathByte(c) {
			return fmt.Errorf("the path has the byte %#02x unescaped, which servers read in different ways", c)
		}
		decoded = append(decoded, c)
	}
	if !utf8.Valid(decoded) {
		return errors.New("the path is not UTF-8")
	}
	segments := strings.Split(string(decoded[1:]), "/")
	for i, s := range segments {
		if s == "." || s == ".." || s == "" && i < len(segments)-1 {
			return fmt.Errorf("the path has the segment %q, which servers read in different ways", s)
		}
	}
	return nil
}

// pathByte reports whether a byte stands for itself in a path: pchar of RFC
// 3986 section 3.3, and "/". Not so ";", at which some servers cut segments.
func pathByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("/-._~!$&'()*+,=:@", c) >= 0
}

// unescape reads the escape that text starts with.
func unescape(text string) (byte, bool) {
	if len(text) < 3 || text[0] != '%' {
		return 0, false
	}
	high, low := strings.IndexByte(hexadecimal, text[1]), strings.IndexByte(hexadecimal, text[2])
	if high < 0 || low < 0 {
		return 0, false
	}
	return byte(fold(high)<<4 | fold(low)), true
}

const hexadecimal = "0123456789abcdefABCDEF"

func fold(digit int) int {
	if digit > 15 {
		return digit - 6
	}
	return digit
}

// hostname refuses names that match no pattern and still reach the service.
func hostname(host string) (string, error) {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i+1:]
		if port == "" || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return "", errors.New("the request names a host with a port that is no number")
		}
	}
	name = strings.ToLower(name)
	switch {
	case name == "":
		return "", errors.New("the request does not name its host")
	case addressLiteral(name):
		return name, nil
	case strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" || name[0] == '.' || strings.HasSuffix(name, ".") || strings.Contains(name, ".."):
		return "", errors.New("the request names a host in a form that is not served")
	}
	return name, nil
}

func addressLiteral(name string) bool {
	inner, ok := strings.CutPrefix(name, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	a, err := netip.ParseAddr(inner)
	return ok && closed && err == nil && a.Is6() && a.Zone() == ""
}
