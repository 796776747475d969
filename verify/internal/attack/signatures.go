package attack

import (
	"crypto/ecdsa"
	"encoding/base64"
	"math/big"
	"strings"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/verify"
)

// signatures are of the right form and not by the key.
func signatures() []Attack {
	var all []Attack
	// forged has a signature made from a good one.
	forged := func(name, algorithm string, forge func(w *World, good []byte) []byte, reasons ...verify.Reason) {
		all = append(all, token("signature: "+algorithm+" "+name, func(w *World) string {
			raw := w.sign(algorithm, w.header(algorithm), w.claims(nil))
			at := strings.LastIndexByte(raw, '.')
			good, err := base64.RawURLEncoding.DecodeString(raw[at+1:])
			if err != nil {
				w.tb.Error(err)
			}
			return raw[:at+1] + encode(string(forge(w, good)))
		}, append(reasons, verify.Signature)...))
	}
	for _, algorithm := range []string{"ES256", "ES384", "RS256", "EdDSA"} {
		forged("none", algorithm, func(*World, []byte) []byte { return nil }, verify.Malformed)
		forged("of zeros", algorithm, func(_ *World, good []byte) []byte { return make([]byte, len(good)) })
		forged("of ones", algorithm, func(_ *World, good []byte) []byte { return []byte(strings.Repeat("\xff", len(good))) })
		forged("with one more byte", algorithm, func(_ *World, good []byte) []byte { return append(good, 0) })
		forged("with one byte less", algorithm, func(_ *World, good []byte) []byte { return good[:len(good)-1] })
		forged("after a zero byte", algorithm, func(_ *World, good []byte) []byte { return append([]byte{0}, good...) })
		forged("twice", algorithm, func(_ *World, good []byte) []byte { return append(good, good...) })
		forged("with a bit changed", algorithm, func(_ *World, good []byte) []byte { good[len(good)/3] ^= 4; return good })
		forged("of other claims", algorithm, func(w *World, _ []byte) []byte {
			raw := w.sign(algorithm, w.header(algorithm), w.claims(map[string]any{"scope": "admin"}))
			other, _ := base64.RawURLEncoding.DecodeString(raw[strings.LastIndexByte(raw, '.')+1:])
			return other
		})
	}
	for _, algorithm := range []string{"ES256", "ES384"} {
		// CVE-2022-21449: what equations hold for any key, when nobody looks at the range of r and s.
		numbers := map[string]func(n *big.Int) *big.Int{
			"0": func(*big.Int) *big.Int { return new(big.Int) }, "1": func(*big.Int) *big.Int { return big.NewInt(1) },
			"n": func(n *big.Int) *big.Int { return n }, "n-1": func(n *big.Int) *big.Int { return new(big.Int).Sub(n, big.NewInt(1)) },
			"n+1": func(n *big.Int) *big.Int { return new(big.Int).Add(n, big.NewInt(1)) },
		}
		for rName, r := range numbers {
			for sName, s := range numbers {
				forged("psychic, r="+rName+", s="+sName, algorithm, func(w *World, good []byte) []byte {
					n := w.keys[algorithm].Public().(*ecdsa.PublicKey).Params().N
					return rs(r(n), s(n), len(good)/2)
				})
			}
		}
		forged("in ASN.1", algorithm, func(_ *World, good []byte) []byte { return asn1(good) })
		forged("with s and r swapped", algorithm, func(_ *World, good []byte) []byte { return append(good[len(good)/2:], good[:len(good)/2]...) })
		forged("in numbers that are too long", algorithm, func(_ *World, good []byte) []byte {
			half := len(good) / 2
			return append(append(append([]byte{0}, good[:half]...), 0), good[half:]...)
		})
		forged("with a zero byte before s", algorithm, func(_ *World, good []byte) []byte {
			half := len(good) / 2
			return append(append(good[:half:half], 0), good[half:]...)
		})
	}
	forged("plus the order of the group", "EdDSA", func(_ *World, good []byte) []byte { return unreduced(good) })
	return all
}

// asn1 is SEQUENCE { r, s } with numbers of one form, positive or not.
func asn1(sig []byte) []byte {
	half := len(sig) / 2
	var numbers []byte
	for _, n := range [][]byte{sig[:half], sig[half:]} {
		numbers = append(numbers, 2, byte(half+1), 0)
		numbers = append(numbers, n...)
	}
	return append([]byte{0x30, byte(len(numbers))}, numbers...)
}

// unreduced is the same Ed25519 signature with S + L in the place of S, which
// RFC 8032 section 5.1.7 refuses.
func unreduced(sig []byte) []byte {
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	s := new(big.Int).SetBytes(reversed(sig[32:]))
	sum := s.Add(s, order).FillBytes(make([]byte, 32))
	return append(sig[:32:32], reversed(sum)...)
}

func reversed(b []byte) []byte {
	r := make([]byte, len(b))
	for i := range b {
		r[len(b)-1-i] = b[i]
	}
	return r
}
