package backend

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/token"
)

// raw is the body of a response that bypasses Vault's envelope.
func (r *rig) raw(path string, query map[string]any) (body []byte, contentType string) {
	r.t.Helper()
	resp, err := r.do(logical.ReadOperation, path, "", query)
	if err != nil || resp == nil {
		r.t.Fatalf("read %s: %v %v", path, resp, err)
	}
	return bodyOf(r, resp), resp.Data[logical.HTTPContentType].(string)
}

// bodyOf takes the body as it is in process and on the other side of gRPC, where
// Vault decodes it in the same way.
func bodyOf(r *rig, resp *logical.Response) []byte {
	r.t.Helper()
	switch body := resp.Data[logical.HTTPRawBody].(type) {
	case []byte:
		return body
	case string:
		decoded, err := base64.StdEncoding.DecodeString(body)
		if err != nil {
			r.t.Fatalf("body %q is not what Vault sends on: %v", body, err)
		}
		return decoded
	}
	r.t.Fatalf("no body: %+v", resp.Data)
	return nil
}

func (r *rig) document(path string) map[string]any {
	r.t.Helper()
	body, contentType := r.raw(path, nil)
	var doc map[string]any
	if err := json.Unmarshal(body, &doc); err != nil || contentType != "application/json" {
		r.t.Fatalf("%s is %q of type %s: %v", path, body, contentType, err)
	}
	return doc
}

func (r *rig) jwks() jose.JSONWebKeySet {
	r.t.Helper()
	body, _ := r.raw(".well-known/jwks.json", nil)
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(body, &set); err != nil {
		r.t.Fatal(err)
	}
	return set
}

// verified checks a JWS with a published key, by another library, and returns its claims.
func (r *rig) verified(jws, typ string) map[string]any {
	r.t.Helper()
	parsed, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.ES256, jose.RS256, jose.ES384, jose.EdDSA})
	if err != nil {
		r.t.Fatal(err)
	}
	h := parsed.Signatures[0].Header
	set := r.jwks()
	keys := set.Key(h.KeyID)
	if len(keys) != 1 || keys[0].Algorithm != h.Algorithm || keys[0].Use != "sig" || h.ExtraHeaders["typ"] != typ {
		r.t.Fatalf("header %+v does not fit typ %s and the keys %+v", h, typ, keys)
	}
	payload, err := parsed.Verify(keys[0])
	if err != nil {
		r.t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		r.t.Fatal(err)
	}
	return claims
}

// active asks as an OAuth client does; the answer has a copy for the vault CLI.
func (r *rig) active(jws any) bool {
	r.t.Helper()
	resp := r.write("introspect", map[string]any{"token": jws})
	var answer struct {
		Active bool                  `json:"active"`
		Data   struct{ Active bool } `json:"data"`
	}
	if err := json.Unmarshal(bodyOf(r, resp), &answer); err != nil || answer.Active != answer.Data.Active {
		r.t.Fatalf("%s %v", bodyOf(r, resp), err)
	}
	return answer.Active
}

// bit is the status of a credential in its status list, decoded bit by bit.
func (r *rig) bit(resp *logical.Response) bool {
	r.t.Helper()
	claims := r.verified(resp.Data["token"].(string), token.TypeAccessToken)
	ref := claims["status"].(map[string]any)["status_list"].(map[string]any)
	path, ok := strings.CutPrefix(ref["uri"].(string), issuer+"/")
	if !ok {
		r.t.Fatalf("status list at %s", ref["uri"])
	}
	body, contentType := r.raw(path, nil)
	list := r.verified(string(body), "statuslist+jwt")
	lst := list["status_list"].(map[string]any)
	if contentType != "application/statuslist+jwt" || list["sub"] != ref["uri"] || lst["bits"] != 1.0 || list["ttl"] == nil || list["iat"] == nil || list["exp"] == nil {
		r.t.Fatalf("status list %s: %+v", contentType, list)
	}
	packed, err := base64.RawURLEncoding.DecodeString(lst["lst"].(string))
	if err != nil {
		r.t.Fatal(err)
	}
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		r.t.Fatal(err)
	}
	bits, err := io.ReadAll(z)
	if err != nil {
		r.t.Fatal(err)
	}
	index := uint64(ref["idx"].(float64))
	return bits[index/8]>>(index%8)&1 == 1
}

// dead asserts what all who can be asked say about a credential.
func (r *rig) dead(resp *logical.Response, want bool) {
	r.t.Helper()
	if active, bit := r.active(resp.Data["token"]), r.bit(resp); active == want || bit != want {
		r.t.Errorf("credential %v: active %t, status bit %t, want dead: %t", resp.Data["jti"], active, bit, want)
	}
	if told := r.follower().Dead(r.credential(resp), r.clock.now().Unix()) != ""; told != want {
		r.t.Errorf("credential %v: dead for followers of the feed: %t, want %t", resp.Data["jti"], told, want)
	}
}

// credential is what a verifier knows about a token.
func (r *rig) credential(resp *logical.Response) revocation.Credential {
	r.t.Helper()
	h, err := token.ParseHeader(resp.Data["token"].(string))
	if err != nil {
		r.t.Fatal(err)
	}
	_, payload, _ := strings.Cut(resp.Data["token"].(string), ".")
	payload, _, _ = strings.Cut(payload, ".")
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		r.t.Fatal(err)
	}
	claims, err := token.ParseClaims(text)
	if err != nil {
		r.t.Fatal(err)
	}
	contract, serial, err := token.ParseID(claims.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return revocation.Credential{Contract: contract, Serial: serial, Caller: token.CallerHash(claims.ClientID), IssuedAt: claims.IssuedAt, KeyID: h.KeyID}
}

// feed reads and verifies one message.
func (r *rig) feed(after uint64) revocation.Feed {
	r.t.Helper()
	query := map[string]any{}
	if after > 0 {
		query["after"] = fmt.Sprint(after)
	}
	body, contentType := r.raw("feed", query)
	if contentType != "application/ramp-feed+jwt" {
		r.t.Fatalf("feed of type %s", contentType)
	}
	text, err := json.Marshal(r.verified(string(body), token.TypeFeed))
	if err != nil {
		r.t.Fatal(err)
	}
	var message revocation.Feed
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&struct {
		*revocation.Feed
		Expiry int64 `json:"exp"`
	}{Feed: &message}); err != nil || message.Issuer != issuer || message.Cursor == 0 {
		r.t.Fatalf("feed %s: %v", text, err)
	}
	return message
}

// follower is a verifier that has just read a snapshot, and what came after it.
func (r *rig) follower() *revocation.State {
	r.t.Helper()
	message := r.feed(0)
	var s revocation.State
	if err := s.Apply(&message); err != nil || !message.Snapshot {
		r.t.Fatalf("snapshot %+v: %v", message, err)
	}
	message = r.feed(message.Cursor) // a snapshot may be one that another follower got a moment before
	if err := s.Apply(&message); err != nil || message.Snapshot {
		r.t.Fatalf("what came after the snapshot: %+v: %v", message, err)
	}
	return &s
}
