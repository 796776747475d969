package endpoint

import (
	"bytes"
	"encoding/json"
	"reflect"
	"time"
)

// Encode returns the struct that v points at (or is) as response data: JSON
// names, durations in seconds, times in RFC 3339. Nothing is left out but
// empty fields that say omitempty.
func Encode(v any) map[string]any {
	from := reflect.Indirect(reflect.ValueOf(v))
	fields := fieldsOf(from.Type())
	data := make(map[string]any, len(fields))
	for _, f := range fields {
		value := from.FieldByIndex(f.index)
		if f.omitEmpty && (value.IsZero() || isEmpty(value)) {
			continue
		}
		data[f.name] = plain(value)
	}
	return data
}

func isEmpty(v reflect.Value) bool {
	return (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0
}

// plain turns named types into what survives the plugin boundary.
func plain(v reflect.Value) any {
	if v.Type() == typeTime {
		if at := v.Interface().(time.Time); !at.IsZero() {
			return at.UTC().Format(time.RFC3339)
		}
		return ""
	}
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Int, reflect.Int64:
		return v.Int()
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.String {
			list := make([]string, v.Len())
			for i := range list {
				list[i] = v.Index(i).String()
			}
			return list
		}
	}
	if isNested(v.Type()) {
		return nested(v.Interface())
	}
	return v.Interface()
}

// nested turns an object or a list of objects into maps and lists.
func nested(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	var made any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&made) != nil {
		return nil
	}
	return made
}
