package token

import (
	"errors"
	"reflect"

	"github.com/go-json-experiment/json"
)

// Decode reads a JSON object that was signed. Duplicate members, members that
// differ from T's in case alone, and text that is not UTF-8 are refused, so
// that no other reader can see something else in it; members that T does not
// have are ignored.
func Decode[T any](text []byte) (*T, error) {
	v := new(T)
	err := json.Unmarshal(text, v, json.RejectUnknownMembers(true))
	if errors.Is(err, json.ErrUnknownName) {
		return decodeWithOthers[T](text)
	}
	return v, err
}

// decodeWithOthers reads an object that has members which T has not. It has to
// be the same for a reader that folds case.
func decodeWithOthers[T any](text []byte) (*T, error) {
	exact, folded := new(T), new(T)
	if err := json.Unmarshal(text, exact); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, folded, json.MatchCaseInsensitiveNames(true)); err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(exact, folded) {
		return nil, errors.New("members differ in case alone")
	}
	return exact, nil
}

// ParseClaims reads the payload of a verified ramp token.
func ParseClaims(payload []byte) (*Claims, error) {
	c, err := Decode[Claims](payload)
	if err != nil {
		return nil, errors.New("the claims of the token are not the JSON of a ramp token")
	}
	return c, nil
}
