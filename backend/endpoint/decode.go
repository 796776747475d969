package endpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-secure-stdlib/parseutil"
	"github.com/hashicorp/vault/sdk/framework"
)

// decode sets the fields of the struct that v points at from what the request
// has; fields that the request does not mention keep their value.
func decode(data *framework.FieldData, v any) error {
	into := reflect.ValueOf(v).Elem()
	for _, f := range fieldsOf(into.Type()) {
		value, given, err := data.GetOkErr(f.name)
		if err != nil || f.kind == framework.TypeDurationSecond && !wholeSeconds(data.Raw[f.name]) {
			return wrongType(f.name, f.kind)
		}
		if raw, ok := data.Raw[f.name]; ok && raw == nil {
			value, given = nil, true // null empties any field, durations too
		}
		if given {
			if err := assign(into.FieldByIndex(f.index), value); err != nil {
				return BadRequest("%s: %v", f.name, err)
			}
		}
	}
	return nil
}

// wanted says in words what a field of a type is.
var wanted = map[framework.FieldType]string{
	framework.TypeString:           "a string",
	framework.TypeBool:             "true or false",
	framework.TypeInt64:            "a whole number",
	framework.TypeDurationSecond:   "a duration in whole seconds, such as 90s, 15m or 24h",
	framework.TypeCommaStringSlice: "a list of strings, or one string with commas",
	framework.TypeSlice:            "a list",
	framework.TypeMap:              "an object",
	framework.TypeKVPairs:          "a map of strings, or key=value pairs",
}

// wholeSeconds refuses what the SDK would cut off: half a second must not
// become 0, which means no limit.
func wholeSeconds(raw any) bool {
	if n, ok := raw.(float64); ok { // a number that crossed the plugin boundary
		return n == math.Trunc(n)
	}
	d, err := parseutil.ParseDurationSecond(raw)
	return err == nil && d%time.Second == 0
}

// wrongType does not quote the value, which may be long or secret.
func wrongType(name string, kind framework.FieldType) error {
	return BadRequest("%s must be %s", name, wanted[kind])
}

// nestable reports whether values of a type have parts, so that "" is none of them.
func nestable(kind framework.FieldType) bool {
	return kind == framework.TypeKVPairs || kind == framework.TypeSlice || kind == framework.TypeMap
}

// CheckTypes refuses a field of the wrong type before the SDK does, which
// would quote the value.
func CheckTypes(body map[string]any, known map[string]*framework.FieldSchema) error {
	data := &framework.FieldData{Raw: body, Schema: known}
	for name := range body {
		if schema, ok := known[name]; ok {
			if body[name] == "" && nestable(schema.Type) {
				body[name] = nil // what metadata= means on the command line
			}
			if _, _, err := data.GetOkErr(name); err != nil {
				return wrongType(name, schema.Type)
			}
		}
	}
	return nil
}

func assign(to reflect.Value, value any) error {
	if to.Type() == typeTime {
		text, _ := value.(string)
		if text == "" {
			to.SetZero()
			return nil
		}
		at, err := time.Parse(time.RFC3339, text)
		if err != nil || at.IsZero() { // the zero time would mean: no such limit
			return fmt.Errorf("%.40q is not an RFC 3339 time such as 2027-01-31T18:00:00Z", text)
		}
		to.Set(reflect.ValueOf(at.UTC()))
		return nil
	}
	if isNested(to.Type()) {
		return assignNested(to, value)
	}
	from := reflect.ValueOf(value)
	switch {
	case !from.IsValid():
		to.SetZero()
	case to.Kind() == reflect.Map && to.Type().Elem().Kind() == reflect.Interface:
		to.Set(from)
	case to.Kind() == reflect.Uint64 && from.CanInt() && from.Int() < 0:
		return fmt.Errorf("%d is negative", from.Int())
	case (to.CanInt() || to.CanUint() || to.Kind() == reflect.Slice || to.Kind() == reflect.Map) && from.CanConvert(to.Type()):
		to.Set(from.Convert(to.Type()))
	case from.Type().AssignableTo(to.Type()):
		to.Set(from)
	default:
		return fmt.Errorf("cannot use %T as %s", value, to.Type())
	}
	return nil
}

// isNested reports whether a field has fields of its own.
func isNested(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct
}

// assignNested decodes lists of objects and objects, given as such or as JSON
// text; what they do not know is an error there too.
func assignNested(to reflect.Value, value any) error {
	if list, ok := value.([]any); ok && len(list) == 1 {
		if text, ok := list[0].(string); ok { // as the vault CLI gives it
			value = json.RawMessage(text)
		}
	}
	text, err := json.Marshal(value)
	if err != nil {
		return errors.New("is not JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	made := reflect.New(to.Type())
	if err := dec.Decode(made.Interface()); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: ") + meantBelow(err, to.Type()))
	}
	to.Set(made.Elem())
	return nil
}

// meantBelow names the field of a nested type that an unknown one was probably
// meant to be.
func meantBelow(err error, t reflect.Type) string {
	var name string
	if n, _ := fmt.Sscanf(err.Error(), "json: unknown field %q", &name); n != 1 {
		return ""
	}
	if meant := closest(name, below(t)); meant != "" {
		return fmt.Sprintf(" (did you mean %q?)", meant)
	}
	return ""
}

// below are the fields of a type and of those below it.
func below(t reflect.Type) []field {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == typeTime {
		return nil
	}
	var list []field
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		list = append(append(list, field{name: name}), below(t.Field(i).Type)...)
	}
	return list
}

// Decode sets the fields of the struct that v points at from an object, as
// Merge does from a request: what one accepts, the other accepts.
func Decode(object map[string]any, v any) error {
	fields := fieldsOf(reflect.TypeOf(v).Elem())
	known := schema(fields)
	if err := CheckTypes(object, known); err != nil {
		return err
	}
	if err := refuseUnknown(object, fields); err != nil {
		return err
	}
	return decode(&framework.FieldData{Raw: object, Schema: known}, v)
}

// refuseUnknown names the first field of the body that the operation does not
// know, and the one that was probably meant. Silence would turn a misspelt
// limit into no limit.
func refuseUnknown(body map[string]any, known []field) error {
	names := make([]string, 0, len(body))
	for name := range body {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if slices.ContainsFunc(known, func(f field) bool { return f.name == name && !f.fromPath }) {
			continue
		}
		if meant := closest(name, known); meant != "" {
			return BadRequest("unknown field %.80q (did you mean %q?)", name, meant)
		}
		return BadRequest("unknown field %.80q; known fields: %s", name, listNames(known))
	}
	return nil
}

func listNames(known []field) string {
	var names []string
	for _, f := range known {
		if !f.fromPath {
			names = append(names, f.name)
		}
	}
	if names == nil {
		return "none"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// closest returns the known field that is at most two edits away from name.
func closest(name string, known []field) string {
	best, distance := "", 3
	for _, f := range known {
		if d := edits(name, f.name); !f.fromPath && d < distance {
			best, distance = f.name, d
		}
	}
	return best
}

// edits is the Levenshtein distance, or 3 when the lengths alone exceed 2.
func edits(a, b string) int {
	if len(a)-len(b) > 2 || len(b)-len(a) > 2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := previous
			if a[i] != b[j] {
				substitute++
			}
			previous = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
