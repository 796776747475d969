package estate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// PrintService writes the block that declares a service.
func PrintService(w io.Writer, name string, t ramp.ServiceTerms) error {
	return printBlock(w, "service", name, t)
}

// PrintContract writes the block that declares a contract.
func PrintContract(w io.Writer, name string, t ramp.Terms) error {
	return printBlock(w, "contract", name, t)
}

// usual are values that are not written, because they are there without.
var usual = map[string]string{"credential_type": "jwt", "revocation": ramp.RevocationStatus, "proof": ramp.ProofNone, "consent": ramp.ConsentOpen}

func printBlock(w io.Writer, kind, name string, terms any) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s {\n", kind, quote(name))
	for _, a := range Attributes(terms) {
		fmt.Fprintf(&b, "%s = %s\n", a.Name, a.Expression)
	}
	b.WriteString("}\n")
	_, err := w.Write(hclwrite.Format(b.Bytes()))
	return err
}

// Attribute is a field as a file has it.
type Attribute struct{ Name, Expression string }

// Attributes are the fields of terms that say something.
func Attributes(terms any) []Attribute {
	var list []Attribute
	v := reflect.ValueOf(terms)
	for i := range v.NumField() {
		field, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if f := v.Field(i); !isNothing(f) && (f.Kind() != reflect.String || usual[field] != f.String()) {
			list = append(list, Attribute{field, literally(f)})
		}
	}
	return list
}

func isNothing(v reflect.Value) bool {
	return v.IsZero() || (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0
}

// literally is a value as an expression.
func literally(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case ramp.Seconds:
		return quote(Duration(x))
	case time.Time:
		return quote(x.UTC().Format(time.RFC3339))
	}
	switch v.Kind() {
	case reflect.String:
		return quote(v.String())
	case reflect.Pointer:
		return literally(v.Elem())
	case reflect.Slice:
		return literalList(v)
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		var pairs []string
		for _, k := range keys {
			pairs = append(pairs, key(k.String())+" = "+literally(v.MapIndex(k)))
		}
		return "{\n" + strings.Join(pairs, "\n") + "\n}"
	case reflect.Struct:
		return literalObject(v)
	}
	return fmt.Sprint(v.Interface())
}

const maxLine = 100

func literalList(v reflect.Value) string {
	var elements []string
	length := 0
	for i := range v.Len() {
		e := literally(v.Index(i))
		elements = append(elements, e)
		length += len(e)
	}
	if length < maxLine && v.Type().Elem().Kind() == reflect.String {
		return "[" + strings.Join(elements, ", ") + "]"
	}
	return "[\n" + strings.Join(elements, ",\n") + ",\n]"
}

func literalObject(v reflect.Value) string {
	var pairs []string
	length, lines := 0, false
	for i := range v.NumField() {
		field, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		if f := v.Field(i); !isNothing(f) {
			pair := field + " = " + literally(f)
			pairs = append(pairs, pair)
			length += len(pair)
			lines = lines || strings.Contains(pair, "\n")
		}
	}
	if length < maxLine && !lines {
		return "{ " + strings.Join(pairs, ", ") + " }"
	}
	return "{\n" + strings.Join(pairs, "\n") + "\n}"
}

func quote(s string) string { return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes()) }

func key(s string) string {
	if hclsyntax.ValidIdentifier(s) && s != "for" && s != "null" && s != "true" && s != "false" {
		return s
	}
	return quote(s)
}

// Duration is a duration as people write it: 90s, 15m, 24h.
func Duration(s ramp.Seconds) string {
	n := int64(s)
	switch {
	case n != 0 && n%3600 == 0:
		return strconv.FormatInt(n/3600, 10) + "h"
	case n != 0 && n%60 == 0:
		return strconv.FormatInt(n/60, 10) + "m"
	}
	return strconv.FormatInt(n, 10) + "s"
}

// Format returns the text of a file as ramp fmt writes it.
func Format(path string, text []byte) ([]byte, error) {
	s := NewSources()
	if _, diags := s.parse(path, text); diags.HasErrors() {
		return nil, fmt.Errorf("%w", diags)
	}
	if strings.HasSuffix(path, ".json") {
		return formatJSON(text)
	}
	return hclwrite.Format(text), nil
}

func formatJSON(text []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(text), "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}
