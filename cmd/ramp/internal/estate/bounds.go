package estate

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

const (
	maxFile   = 4 << 20 // bytes
	maxDepth  = 1000    // of brackets; the parser is recursive
	maxNumber = 100     // characters; an exponent of ten digits is written out somewhere
)

// unbearable says why a text is not worth parsing, "" when it is.
func unbearable(path string, text []byte) string {
	if tooDeep(text) {
		return "more than 1000 brackets are open at a time"
	}
	for _, n := range numbers(path, text) {
		if _, exponent, _ := strings.Cut(strings.ToLower(n), "e"); len(n) > maxNumber || len(strings.TrimLeft(exponent, "+-0")) > 3 {
			return "a number is beyond all use"
		}
	}
	return ""
}

func tooDeep(text []byte) bool {
	depth := 0
	for _, b := range text {
		switch b {
		case '{', '[', '(':
			depth++
		case '}', ']', ')':
			depth = max(0, depth-1)
		}
		if depth > maxDepth {
			return true
		}
	}
	return false
}

// numbers are the number literals of a file.
func numbers(path string, text []byte) (list []string) {
	if !strings.HasSuffix(path, ".json") {
		tokens, _ := hclsyntax.LexConfig(text, path, hcl.InitialPos)
		for _, t := range tokens {
			if t.Type == hclsyntax.TokenNumberLit {
				list = append(list, string(t.Bytes))
			}
		}
		return list
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	for {
		token, err := dec.Token()
		if err != nil {
			return list // the parser says what is wrong with it
		}
		switch t := token.(type) {
		case json.Number:
			list = append(list, t.String())
		case string: // with templates, perhaps
			tokens, _ := hclsyntax.LexTemplate([]byte(t), path, hcl.InitialPos)
			for _, t := range tokens {
				if t.Type == hclsyntax.TokenNumberLit {
					list = append(list, string(t.Bytes))
				}
			}
		}
	}
}
