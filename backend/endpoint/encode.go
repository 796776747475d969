package endpoint

import (
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
		list := make([]any, v.Len())
		for i := range list {
			if e := v.Index(i); e.Kind() == reflect.Struct {
				list[i] = Encode(e.Interface())
			} else {
				list[i] = e.Interface()
			}
		}
		return list
	}
	return v.Interface()
}
