package endpoint

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/framework"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// field is one field of a request or response struct. Its tags are
//
//	json:"name,omitempty"  the name in requests, responses and storage
//	doc:"…"                what it means; "Required." at the end marks it
//	path:"true"            captured from the path, never taken from the body
type field struct {
	name      string
	doc       string
	index     []int
	kind      framework.FieldType
	fromPath  bool
	omitEmpty bool
}

var (
	typeSeconds = reflect.TypeFor[ramp.Seconds]()
	typeTime    = reflect.TypeFor[time.Time]()
)

var plans sync.Map // reflect.Type → []field; what a type looks like never changes

// fieldsOf returns the fields of a struct type, embedded structs included.
func fieldsOf(t reflect.Type) []field {
	if p, ok := plans.Load(t); ok {
		return p.([]field)
	}
	var list []field
	for _, sf := range reflect.VisibleFields(t) {
		name, options, _ := strings.Cut(sf.Tag.Get("json"), ",")
		if sf.Anonymous || !sf.IsExported() || name == "" || name == "-" {
			continue
		}
		list = append(list, field{
			name:      name,
			doc:       sf.Tag.Get("doc"),
			index:     sf.Index,
			kind:      kindOf(t, sf),
			fromPath:  sf.Tag.Get("path") == "true",
			omitEmpty: strings.HasPrefix(options, "omit"),
		})
	}
	plans.Store(t, list)
	return list
}

// Field is what an operation's user may know of a field.
type Field struct {
	Name string
	Doc  string
	Type reflect.Type
}

// Fields lists the fields of a struct type in the order declared, those from
// the path left out.
func Fields(t reflect.Type) []Field {
	var list []Field
	for _, f := range fieldsOf(t) {
		if !f.fromPath {
			list = append(list, Field{f.name, f.doc, t.FieldByIndex(f.index).Type})
		}
	}
	return list
}

func kindOf(t reflect.Type, sf reflect.StructField) framework.FieldType {
	switch sf.Type {
	case typeSeconds:
		return framework.TypeDurationSecond
	case typeTime:
		return framework.TypeString
	}
	switch sf.Type.Kind() {
	case reflect.String:
		return framework.TypeString
	case reflect.Bool:
		return framework.TypeBool
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return framework.TypeInt64
	case reflect.Slice:
		if sf.Type.Elem().Kind() == reflect.String {
			return framework.TypeCommaStringSlice
		}
		return framework.TypeSlice
	case reflect.Pointer:
		return framework.TypeMap
	case reflect.Map:
		if sf.Type.Elem().Kind() == reflect.String {
			return framework.TypeKVPairs
		}
		return framework.TypeMap
	}
	panic(fmt.Sprintf("endpoint: field %s of %s has type %s, which has no schema", sf.Name, t, sf.Type))
}

func schema(fields []field) map[string]*framework.FieldSchema {
	s := make(map[string]*framework.FieldSchema, len(fields))
	for _, f := range fields {
		s[f.name] = &framework.FieldSchema{
			Type:         f.kind,
			Description:  f.doc,
			Required:     f.fromPath,
			DisplayAttrs: &framework.DisplayAttributes{Name: label(f.name)},
		}
	}
	return s
}

// label turns bound_entity_ids into "Bound entity ids", for user interfaces.
func label(name string) string {
	words := strings.ReplaceAll(name, "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}
