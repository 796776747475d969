package ramp_test

import (
	"errors"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// answer is a condition that is an answer: "yes", "no" or "error".
type answer string

func (a answer) Holds(*ramp.World) (bool, error) {
	if a == "error" {
		return false, errors.New("no such key")
	}
	return a == "yes", nil
}

// toy compiles answers.
func toy(expression string) (ramp.Condition, error) {
	switch expression {
	case "yes", "no", "error":
		return answer(expression), nil
	}
	return nil, errors.New("line 1, column 1: not an answer")
}
