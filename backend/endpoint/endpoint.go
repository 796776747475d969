// Package endpoint turns a tagged request struct into a Vault path: field
// schema, decoding, refusal of unknown fields, OpenAPI schemas and error
// mapping are written here once, so that each path is a struct and a function.
package endpoint

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// Call is one request on its way through a handler.
type Call struct {
	*logical.Request
	Warnings []string
	fields   *framework.FieldData
}

// Warn adds a warning that Vault CLI users see.
func (c *Call) Warn(format string, args ...any) {
	c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...))
}

// Merge sets the fields of the struct v that the request has; others keep
// their value. v has the same tags as a request struct.
func (c *Call) Merge(v any) error { return decode(c.fields, v) }

// Has reports whether the request mentions a field.
func (c *Call) Has(name string) bool { _, ok := c.Data[name]; return ok }

// Responder is a response that is more than data.
type Responder interface {
	Response() *logical.Response
}

// Operation is one operation on a path. Build it with [Handle].
type Operation struct {
	summary string
	request []field
	respond []framework.Response
	status  int
	run     func(context.Context, *Call) (*logical.Response, error)
}

// Handle makes an operation of a function. Req is a struct, see field; Resp
// is a struct that becomes response data, or a [Responder]. A nil response is
// 404 for reads and 204 otherwise.
func Handle[Req, Resp any](summary string, h func(context.Context, *Call, *Req) (*Resp, error)) *Operation {
	op := &Operation{summary: summary, request: fieldsOf(reflect.TypeFor[Req]())}
	op.status, op.respond = describe(reflect.TypeFor[Resp]())
	op.run = func(ctx context.Context, call *Call) (*logical.Response, error) {
		if err := refuseUnknown(call.Data, op.request); err != nil {
			return nil, err
		}
		var req Req
		if err := decode(call.fields, &req); err != nil {
			return nil, err
		}
		resp, err := h(ctx, call, &req)
		if err != nil || resp == nil {
			return withWarnings(nil, call.Warnings), err
		}
		if r, ok := any(resp).(Responder); ok {
			return withWarnings(r.Response(), call.Warnings), nil
		}
		return withWarnings(&logical.Response{Data: Encode(resp)}, call.Warnings), nil
	}
	return op
}

func withWarnings(resp *logical.Response, warnings []string) *logical.Response {
	if len(warnings) == 0 {
		return resp
	}
	if resp == nil {
		resp = &logical.Response{}
	}
	resp.Warnings = append(resp.Warnings, warnings...)
	return resp
}

func describe(t reflect.Type) (int, []framework.Response) {
	if t == reflect.TypeFor[Nothing]() {
		return http.StatusNoContent, []framework.Response{{Description: "No Content"}}
	}
	r := framework.Response{Description: "OK"}
	if d, ok := reflect.New(t).Interface().(interface{ MediaType() string }); ok {
		r.MediaType = d.MediaType()
	}
	r.Fields = schema(fieldsOf(t))
	return http.StatusOK, []framework.Response{r}
}

// Path is one path of the API.
type Path struct {
	Pattern  string
	Synopsis string
	Help     string
	// Suffix names what the path is about in OpenAPI operation ids.
	Suffix string
	// Verb names what a write does there, when that is not to write.
	Verb   string
	Exists func(ctx context.Context, s logical.Storage, name string) (bool, error)

	Read, List, Write, Delete *Operation
}

// Observer sees requests go by.
type Observer interface {
	// Report takes a fault of ours before it is hidden from the user.
	Report(req *logical.Request, err error)
	// Served is told of each request that was answered. The endpoint is the
	// Suffix of its path, the status that of HTTP, 0 for what Vault answers.
	Served(endpoint string, op logical.Operation, status int, took time.Duration)
}

// Framework returns the path as Vault's SDK has it.
func (p Path) Framework(o Observer) *framework.Path {
	f := &framework.Path{
		Pattern:         p.Pattern,
		HelpSynopsis:    p.Synopsis,
		HelpDescription: p.Help,
		Fields:          map[string]*framework.FieldSchema{},
		Operations:      map[logical.Operation]framework.OperationHandler{},
		DisplayAttrs:    &framework.DisplayAttributes{OperationPrefix: "ramp", OperationSuffix: p.Suffix},
	}
	for kind, op := range map[logical.Operation]*Operation{
		logical.ReadOperation: p.Read, logical.ListOperation: p.List,
		logical.UpdateOperation: p.Write, logical.DeleteOperation: p.Delete,
	} {
		if op == nil {
			continue
		}
		for name, s := range schema(op.request) {
			s.Query = kind == logical.ReadOperation && !s.Required
			if was := f.Fields[name]; was != nil {
				s.Query = s.Query || was.Query
			}
			f.Fields[name] = s
		}
		handler := op.framework(p.Suffix, o)
		if kind == logical.UpdateOperation {
			handler.DisplayAttrs = &framework.DisplayAttributes{OperationVerb: p.Verb}
		}
		f.Operations[kind] = handler
	}
	if p.Exists != nil {
		f.Operations[logical.CreateOperation] = f.Operations[logical.UpdateOperation]
		f.ExistenceCheck = func(ctx context.Context, req *logical.Request, data *framework.FieldData) (bool, error) {
			return p.Exists(ctx, req.Storage, data.Get("name").(string))
		}
	}
	return f
}

func (op *Operation) framework(endpoint string, o Observer) *framework.PathOperation {
	return &framework.PathOperation{
		Summary:                     op.summary,
		Responses:                   map[int][]framework.Response{op.status: op.respond},
		ForwardPerformanceStandby:   true,
		ForwardPerformanceSecondary: true,
		Callback: func(ctx context.Context, req *logical.Request, data *framework.FieldData) (*logical.Response, error) {
			began := time.Now()
			resp, err := op.run(ctx, &Call{Request: req, fields: data})
			answer, ours := Answer(err)
			if ours {
				o.Report(req, err)
			}
			status := op.status
			if resp == nil && status == http.StatusOK {
				status = http.StatusNotFound
			}
			o.Served(endpoint, req.Operation, Status(answer, status), time.Since(began))
			return resp, answer
		},
	}
}
