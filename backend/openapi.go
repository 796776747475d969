package backend

import (
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// inlineSchemas puts each schema of the OpenAPI document in a help response in
// the place of the reference to it: Vault loses the references ("$ref") in the
// document of an engine that runs in a process of its own.
func inlineSchemas(resp *logical.Response) {
	if resp == nil {
		return
	}
	doc, ok := resp.Data["openapi"].(*framework.OASDocument)
	if !ok {
		return
	}
	inline := func(content framework.OASContent) {
		for _, media := range content {
			name := strings.TrimPrefix(media.Schema.Ref, "#/components/schemas/")
			if schema, ok := doc.Components.Schemas[name]; ok {
				media.Schema = schema
			}
		}
	}
	for _, path := range doc.Paths {
		for _, op := range []*framework.OASOperation{path.Get, path.Post, path.Delete} {
			if op == nil {
				continue
			}
			if op.RequestBody != nil {
				inline(op.RequestBody.Content)
			}
			for _, r := range op.Responses {
				inline(r.Content)
			}
		}
	}
}
