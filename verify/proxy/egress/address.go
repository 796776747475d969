package egress

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
)

func checkUpstream(text string, plaintext bool) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !slices.Contains([]string{"http", "https", "h2c"}, u.Scheme):
		return nil, fmt.Errorf("egress: upstream is %.200q, not a URL such as https://payments.internal", text)
	case u.Scheme != "https" && !plaintext && !loopback(u.Hostname()):
		return nil, fmt.Errorf("egress: upstream %s gets the credential in the clear: use https, or allow plaintext", u)
	}
	return u, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Listen listens on an address of this host: "127.0.0.1:9001", or
// "unix:/run/ramp/payments.sock", which only this user can open. Whoever can
// connect speaks as the workload, so other addresses need exposed.
func Listen(address string, exposed bool) (net.Listener, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return listenUnix(path)
	}
	if err := CheckListen(address, exposed); err != nil {
		return nil, err
	}
	return net.Listen("tcp", address)
}

// CheckListen says why [Listen] would not listen on an address.
func CheckListen(address string, exposed bool) error {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		if path == "" {
			return errors.New("unix: needs the path of a socket")
		}
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	switch {
	case err != nil:
		return fmt.Errorf("%.200q is not an address such as 127.0.0.1:9001 or unix:/run/ramp/payments.sock", address)
	case !exposed && !loopback(host):
		return fmt.Errorf("whoever reaches %s speaks as this workload: listen on 127.0.0.1 or a unix socket, or allow it with exposed", address)
	}
	return nil
}

// listenUnix takes the place of a socket that a killed process left behind.
func listenUnix(path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		c, err := net.Dial("unix", path)
		if err == nil {
			_ = c.Close()
			return nil, fmt.Errorf("listen unix %s: somebody listens there", path)
		}
		_ = os.Remove(path)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}
