package estate

import (
	"reflect"
	"strings"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// Schema is the JSON Schema (draft 2020-12) of files in JSON syntax, made of
// the structs that the engine decodes into.
func Schema() map[string]any {
	named := func(what string, of map[string]any) map[string]any {
		return map[string]any{"type": "object", "description": what, "additionalProperties": of}
	}
	text := map[string]any{"type": "string"}
	return map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "Ramp contracts",
		"type":                 "object",
		"additionalProperties": false,
		"properties": map[string]any{
			"estate":   objectSchema(reflect.TypeFor[Settings]()),
			"service":  named("Services by name: what each offers and the ceilings it imposes.", blockSchema(reflect.TypeFor[ramp.ServiceTerms]())),
			"contract": named("Contracts by name: which caller may use which service, with which scopes, for how long.", blockSchema(reflect.TypeFor[ramp.Terms]())),
			"test":     named("Tests by name: a question to a contract and the answer expected.", objectSchema(reflect.TypeFor[TestTerms]())),
			"locals":   map[string]any{"type": "object", "description": "Values with names: local.<name>."},
			"variable": named("Variables by name: var.<name>.", map[string]any{
				"type": "object", "additionalProperties": false,
				"properties": map[string]any{"type": text, "default": map[string]any{}, "description": text},
			}),
			"module": named("Other directories, with values for their variables.", map[string]any{
				"type": "object", "required": []string{"source"}, "properties": map[string]any{"source": text},
			}),
		},
	}
}

// blockSchema is for what may have another name than its label.
func blockSchema(t reflect.Type) map[string]any {
	s := objectSchema(t)
	s["properties"].(map[string]any)["name"] = map[string]any{"type": "string", "description": "Name on the mount. Default: the label of the block."}
	return s
}

func objectSchema(t reflect.Type) map[string]any {
	properties, required := map[string]any{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		of := typeSchema(f.Type)
		doc := f.Tag.Get("doc")
		if doc != "" {
			of["description"] = doc
		}
		if strings.HasSuffix(doc, "Required.") {
			required = append(required, name)
		}
		properties[name] = of
	}
	s := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

func typeSchema(t reflect.Type) map[string]any {
	switch t {
	case reflect.TypeFor[ramp.Seconds]():
		return map[string]any{"type": []string{"string", "integer"}, "examples": []string{"90s", "15m", "24h"}}
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeSchema(t.Elem())
	case reflect.Struct:
		return objectSchema(t)
	case reflect.Slice:
		return map[string]any{"type": "array", "items": typeSchema(t.Elem())}
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": typeSchema(t.Elem())}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Uint64:
		return map[string]any{"type": "integer", "minimum": 0}
	}
	return map[string]any{"type": "string"}
}
