package endpoint

import (
	"net/http"
	"regexp"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// None is a request without fields.
type None struct{}

// Named is a request about the thing named in the path.
type Named struct {
	Name string `json:"name" path:"true" doc:"Name of the object."`
}

var namePattern = regexp.MustCompile("^" + framework.GenericNameRegex("name") + "$")

// IsName reports whether an object may have the name.
func IsName(name string) bool { return namePattern.MatchString(name) }

// Nothing is a response without data: 204.
type Nothing struct{}

// Response implements [Responder].
func (Nothing) Response() *logical.Response { return nil }

// Keys is the response to a list.
type Keys struct {
	Keys []string `json:"keys" doc:"Names, sorted."`
}

// Response implements [Responder].
func (k *Keys) Response() *logical.Response {
	slices.Sort(k.Keys)
	return logical.ListResponse(k.Keys)
}

// Raw is a response that bypasses Vault's JSON envelope.
type Raw struct {
	ContentType string
	Body        []byte
	MaxAge      string // Cache-Control; "" means no-store
}

// Text is a Raw that is not JSON.
type Text struct{ Raw }

// MediaType is for OpenAPI.
func (*Text) MediaType() string { return "text/plain" }

// MediaType is for OpenAPI.
func (*Raw) MediaType() string { return "application/json" }

// Response implements [Responder].
func (r *Raw) Response() *logical.Response {
	control := "no-store"
	if r.MaxAge != "" {
		control = "public, max-age=" + r.MaxAge
	}
	return &logical.Response{Data: map[string]any{
		logical.HTTPContentType:        r.ContentType,
		logical.HTTPRawBody:            r.Body,
		logical.HTTPStatusCode:         http.StatusOK,
		logical.HTTPCacheControlHeader: control,
	}}
}
