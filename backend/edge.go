package backend

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
)

// edge is the engine as Vault sees it. Several mounts share a process, so a
// panic in one request must not take the others down: it is logged, counted
// and answered with 500.
type edge struct{ *backend }

// HandleRequest implements logical.Backend.
func (e *edge) HandleRequest(ctx context.Context, req *logical.Request) (resp *logical.Response, err error) {
	defer e.recover(req, &err)
	ctx = handling(ctx, req)
	if req.Operation == logical.HelpOperation {
		resp, err = e.backend.HandleRequest(ctx, req)
		inlineSchemas(resp)
		return resp, err
	}
	if err := e.answer(req, e.ready(ctx, req.Storage)); err != nil {
		return nil, err
	}
	if len(req.Data) > 0 {
		if path := e.Route(req.Path); path != nil {
			if err := e.answer(req, endpoint.CheckTypes(req.Data, path.Fields)); err != nil {
				return nil, err
			}
		}
	}
	return e.backend.HandleRequest(ctx, req)
}

// Initialize implements logical.Backend.
func (e *edge) Initialize(ctx context.Context, req *logical.InitializationRequest) (err error) {
	defer e.recover(&logical.Request{Path: "initialize"}, &err)
	return e.backend.Initialize(ctx, req)
}

// HandleExistenceCheck implements logical.Backend.
func (e *edge) HandleExistenceCheck(ctx context.Context, req *logical.Request) (found, exists bool, err error) {
	defer e.recover(req, &err)
	if err := e.answer(req, e.ready(ctx, req.Storage)); err != nil {
		return false, false, err
	}
	// The SDK would quote a field of the wrong type, and Vault would log that.
	// Whether a thing exists depends on its name alone.
	named := *req
	named.Data = nil
	return e.backend.HandleExistenceCheck(ctx, &named)
}

func (e *edge) recover(req *logical.Request, err *error) {
	if p := recover(); p != nil {
		e.panics.Add(1)
		// The value of the panic could quote a secret; the stack does not.
		*err = e.answer(req, fmt.Errorf("panic (%T) at %s", p, debug.Stack()))
	}
}
