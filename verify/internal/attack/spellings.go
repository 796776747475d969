package attack

import (
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// spellings are a good token in other forms than the compact one, or in other
// texts of it.
func spellings() []Attack {
	var all []Attack
	spelled := func(name string, spell func(w *World, header, payload, signature string) string) {
		all = append(all, token("spelling: "+name, func(w *World) string {
			part := strings.Split(w.token(nil), ".")
			return spell(w, part[0], part[1], part[2])
		}, verify.Malformed, verify.Signature))
	}
	spelled("JSON serialization", func(_ *World, h, p, s string) string {
		return `{"payload":"` + p + `","signatures":[{"protected":"` + h + `","signature":"` + s + `"}]}`
	})
	spelled("flattened JSON serialization", func(_ *World, h, p, s string) string {
		return `{"payload":"` + p + `","protected":"` + h + `","signature":"` + s + `"}`
	})
	spelled("detached payload", func(_ *World, h, _, s string) string { return h + ".." + s })
	spelled("two parts", func(_ *World, h, p, _ string) string { return h + "." + p })
	spelled("four parts", func(_ *World, h, p, s string) string { return h + "." + p + "." + s + "." + s })
	spelled("five parts, as of a JWE", func(_ *World, h, p, s string) string { return h + "." + p + "." + s + "." + p + "." + s })
	spelled("a dot at the end", func(_ *World, h, p, s string) string { return h + "." + p + "." + s + "." })
	spelled("only dots", func(*World, string, string, string) string { return ".." })
	spelled("many dots", func(*World, string, string, string) string { return strings.Repeat(".", 10_000) })
	spelled("padded", func(_ *World, h, p, s string) string { return h + "." + p + "." + s + "==" })
	spelled("padded header", func(_ *World, h, p, s string) string { return h + "=." + p + "." + s })
	spelled("a stray character", func(_ *World, h, p, s string) string { return h + "." + p + "." + s + "A" })
	spelled("stray bits at the end of the signature", func(_ *World, h, p, s string) string { return h + "." + p + "." + withStrayBit(s) })
	spelled("standard base64", func(_ *World, h, p, s string) string {
		return h + "." + p + "." + strings.NewReplacer("-", "+", "_", "/").Replace(s) + "+/"
	})
	spelled("percent-encoded", func(_ *World, h, p, s string) string { return h + "%2e" + p + "%2e" + s })
	spelled("quoted", func(_ *World, h, p, s string) string { return `"` + h + "." + p + "." + s + `"` })
	spelled("a comma and another", func(_ *World, h, p, s string) string { return h + "." + p + "." + s + "," + h + "." + p + "." + s })
	spelled("a space in it", func(_ *World, h, p, s string) string { return h + ". " + p + "." + s })
	spelled("Bearer twice", func(_ *World, h, p, s string) string { return "Bearer " + h + "." + p + "." + s })
	spelled("too long", func(w *World, _, _, _ string) string {
		return w.token(map[string]any{"padding": strings.Repeat("x", 16<<10)})
	})
	spelled("a long header", func(w *World, _, p, s string) string {
		return encode(w.header("ES256")+strings.Repeat(" ", 16<<10)) + "." + p + "." + s
	})
	return all
}

// withStrayBit changes a bit of the last character that stands for nothing:
// 64 bytes of ECDSA leave four of them.
func withStrayBit(signature string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(signature) - 1
	return signature[:last] + string(alphabet[strings.IndexByte(alphabet, signature[last])^1])
}
