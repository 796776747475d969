package proxy

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify/proxy/gate"
)

// clean drops headers that are about the connection (RFC 9110 section 7.6.1),
// those that Connection names included, before anything is decided by them,
// and headers in which an earlier proxy would say where a request came from:
// nobody can tell whether one did. Of upgrades only the one to a WebSocket is
// kept: a tunnel of another kind, such as h2c, would carry requests past the
// gate.
func clean(r *http.Request) {
	h := r.Header
	upgrade := webSocket(r)
	for _, list := range h["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			switch name = textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name)); name {
			case "Te": // "trailers" is kept for gRPC
			default:
				delete(h, name)
			}
		}
	}
	delete(h, "Connection")
	delete(h, "Upgrade")
	delete(h, "Http2-Settings")
	if upgrade {
		h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
	}
	for name := range h {
		if name != "" && strings.IndexByte("fFtTxXcC", name[0]) >= 0 && tellsOrigin(gate.Fold(name)) {
			delete(h, name)
		}
	}
	r.Trailer = nil // trailers would come after the decision
}

// webSocket reports whether a request asks for an upgrade to one, and nothing
// else (RFC 6455 section 4.1).
func webSocket(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.ProtoAtLeast(1, 1) && r.Method == http.MethodGet && r.ContentLength == 0 &&
		len(r.Header["Upgrade"]) == 1 && strings.EqualFold(r.Header["Upgrade"][0], "websocket") &&
		slices.ContainsFunc(strings.Split(strings.Join(r.Header["Connection"], ","), ","), func(name string) bool {
			return strings.EqualFold(textproto.TrimString(name), "upgrade")
		})
}

func tellsOrigin(form string) bool {
	switch form {
	case "forwarded", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip", "x-ssl-client-cert", "client-cert", "client-cert-chain":
		return true
	}
	return strings.HasPrefix(form, "x-forwarded-")
}
