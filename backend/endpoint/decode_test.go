package endpoint_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

func TestDecoding(t *testing.T) {
	at := time.Date(2027, 3, 1, 10, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		field string
		value any
		want  any // of that field
	}{
		{"owner", "ann", "ann"},
		{"owner", 7, "7"},
		{"owner", nil, ""},
		{"full", true, true},
		{"full", "true", true},
		{"spoons", 3, int64(3)},
		{"spoons", "3", int64(3)},
		{"spoons", json.Number("3"), int64(3)},
		{"spoons", 3.0, int64(3)},
		{"serial", 1 << 40, uint64(1 << 40)},
		{"ttl", "90s", ramp.Seconds(90)},
		{"ttl", "1h", ramp.Seconds(3600)},
		{"ttl", "2d", ramp.Seconds(172800)},
		{"ttl", 60, ramp.Seconds(60)},
		{"ttl", "60", ramp.Seconds(60)},
		{"ttl", 60.0, ramp.Seconds(60)},
		{"ttl", json.Number("60"), ramp.Seconds(60)},
		{"ttl", "1500ms", nil},
		{"ttl", "", ramp.Seconds(0)},
		{"ttl", nil, ramp.Seconds(0)},
		{"ttl", 0.5, nil},
		{"ttl", -1, nil},
		{"ttl", "-0.5s", nil},
		{"ttl", "1h30", nil},
		{"ttl", 1e300, nil},
		{"ttl", true, nil},
		{"ttl", []string{"1h"}, nil},
		{"cooked", "2027-03-01T12:00:00+02:00", at},
		{"cooked", "", time.Time{}},
		{"cooked", nil, time.Time{}},
		{"cooked", "2027-03-01", nil},
		{"cooked", 1800000000, nil},
		{"cooked", "0001-01-01T00:00:00Z", nil},
		{"flavours", "b,a", ramp.Scopes{"b", "a"}},
		{"flavours", []any{"b", "a"}, ramp.Scopes{"b", "a"}},
		{"flavours", "", ramp.Scopes{}},
		{"flavours", map[string]any{"a": "b"}, nil},
		{"guests", " a , b ", []string{"a", "b"}},
		{"guests", []string{"a,b"}, []string{"a,b"}},
		{"guests", nil, []string(nil)},
		{"labels", map[string]any{"a": "b", "n": 1}, map[string]string{"a": "b", "n": "1"}},
		{"labels", "a=b", map[string]string{"a": "b"}},
		{"labels", []string{"a=b=c", "d="}, map[string]string{"a": "b=c", "d": ""}},
		{"labels", nil, map[string]string(nil)},
		{"labels", map[string]any{}, map[string]string{}},
		{"labels", "ab", nil},
		{"labels", map[string]any{"a": map[string]any{"b": "c"}}, nil},
		{"spoons", "three", nil},
		{"serial", -1, nil},
		{"full", "maybe", nil},
		{"owner", []string{"a", "b"}, nil},
		{"owner", map[string]any{"a": "b"}, nil},
	} {
		t.Run(fmt.Sprintf("%s=%v", tc.field, tc.value), func(t *testing.T) {
			k := newKitchen(t)
			err := k.write(map[string]any{tc.field: tc.value})
			if tc.want == nil {
				if status(err) != 400 || !strings.HasPrefix(err.Error(), tc.field) {
					t.Errorf("%d %v, want 400 and the name of the field", status(err), err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range reflect.VisibleFields(reflect.TypeOf(k.got.bowl)) {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				if got := reflect.ValueOf(k.got.bowl).Field(i); name == tc.field && !reflect.DeepEqual(got.Interface(), tc.want) {
					t.Errorf("%#v, want %#v", got.Interface(), tc.want)
				}
			}
			if k.got.Name != "mine" {
				t.Errorf("name %q", k.got.Name)
			}
		})
	}
}

// What is wrong may be long or secret: it is not quoted.
func TestErrorsDoNotQuoteValues(t *testing.T) {
	k := newKitchen(t)
	for field, value := range map[string]any{
		"spoons": strings.Repeat("s3cret", 1<<17), "ttl": "s3cret", "full": "s3cret", "labels": "s3cret", "owner": []string{"s3cret", "s3cret"}, "guests": map[string]any{"s3cret": 1},
	} {
		if err := k.write(map[string]any{field: value}); status(err) != 400 || strings.Contains(err.Error(), "s3cret") || len(err.Error()) > 200 {
			t.Errorf("%s: %d %.300v", field, status(err), err)
		}
	}
}

func TestUnknownFields(t *testing.T) {
	for field, says := range map[string]string{
		"tll":                      `unknown field "tll" (did you mean "ttl"?)`,
		"flavors":                  `unknown field "flavors" (did you mean "flavours"?)`,
		"Owner":                    `unknown field "Owner" (did you mean "owner"?)`,
		"gests":                    `(did you mean "guests"?)`,
		"lable":                    `(did you mean "labels"?)`,
		"price":                    `unknown field "price"; known fields: cooked, flavours, full, guests, labels, owner, serial, spoons, ttl`,
		"name":                     `unknown field "name"; known fields:`, // it comes from the path
		"hidden":                   `unknown field "hidden"`,
		"secret":                   `unknown field "secret"`,
		"":                         `unknown field ""`,
		strings.Repeat("x", 1<<20): `unknown field "xxx`,
	} {
		k := newKitchen(t)
		err := k.write(map[string]any{field: "x"})
		if status(err) != 400 || !strings.Contains(err.Error(), says) || len(err.Error()) > 300 || k.got != nil {
			t.Errorf("%.40q: %d %.300v, want %q", field, status(err), err, says)
		}
	}
	k := newKitchen(t)
	if err := k.write(map[string]any{"zzz": 1, "aaa": 1, "owner": "ann"}); !strings.Contains(err.Error(), `unknown field "aaa"`) || k.merged.Owner != "" {
		t.Errorf("of several unknown fields the first is named, and none of the others is taken: %v", err)
	}
	if _, err := k.do(logical.ReadOperation, map[string]any{"owner": "ann"}); status(err) != 400 || !strings.Contains(err.Error(), "known fields: none") {
		t.Errorf("a field of another operation: %v", err)
	}
}

// Fields that are not given keep their value, empty ones are cleared.
func TestMerging(t *testing.T) {
	k := newKitchen(t)
	for _, step := range []struct {
		data map[string]any
		want string
	}{
		{map[string]any{"owner": "ann", "ttl": "1h", "guests": "a,b", "labels": map[string]any{"k": "v"}}, "ann 3600 [a b] map[k:v]"},
		{map[string]any{"ttl": 60}, "ann 60 [a b] map[k:v]"},
		{map[string]any{}, "ann 60 [a b] map[k:v]"},
		{nil, "ann 60 [a b] map[k:v]"},
		{map[string]any{"guests": ""}, "ann 60 [] map[k:v]"},
		{map[string]any{"owner": "", "labels": map[string]any{"l": "w"}}, " 60 [] map[l:w]"},
		{map[string]any{"ttl": nil, "labels": nil}, " 0 [] map[]"},
	} {
		if err := k.write(step.data); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(k.merged.Owner, " ", k.merged.TTL, " ", k.merged.Guests, " ", k.merged.Labels); got != step.want {
			t.Errorf("after %v: %s, want %s", step.data, got, step.want)
		}
		if _, given := step.data["ttl"]; k.has["ttl"] != given {
			t.Errorf("%v: has ttl %t", step.data, k.has["ttl"])
		}
	}
	if err := k.write(map[string]any{"owner": "bob", "ttl": "soon"}); status(err) != 400 || k.merged.Owner == "bob" {
		t.Errorf("a refused request left owner %q: %v", k.merged.Owner, err)
	}
}
