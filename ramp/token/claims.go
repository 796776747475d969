package token

import (
	"errors"
	"reflect"

	"github.com/go-json-experiment/json"
)

// ParseClaims reads the payload of a verified ramp token. Duplicate members,
// members that differ from ours in case alone, and text that is not UTF-8 are
// refused, so that no other reader can see other claims in it; members that
// are not ours are ignored.
func ParseClaims(payload []byte) (*Claims, error) {
	c := new(Claims)
	err := json.Unmarshal(payload, c, json.RejectUnknownMembers(true))
	if errors.Is(err, json.ErrUnknownName) {
		c, err = parseWithOthers(payload)
	}
	if err != nil {
		return nil, errors.New("the claims of the token are not the JSON of a ramp token")
	}
	return c, nil
}

// parseWithOthers reads claims among which are some that we do not know. They
// have to be the same for a reader that folds case.
func parseWithOthers(payload []byte) (*Claims, error) {
	var exact, folded Claims
	if err := json.Unmarshal(payload, &exact); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(payload, &folded, json.MatchCaseInsensitiveNames(true)); err != nil {
		return nil, err
	}
	if !reflect.DeepEqual(exact, folded) {
		return nil, errors.New("members differ in case alone")
	}
	return &exact, nil
}
