package ramp

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// World is what a condition looks at.
type World struct {
	Caller     *Caller
	RemoteAddr netip.Addr
	Time       time.Time
	Scopes     Scopes
	Context    map[string]string // declared by the caller
	Contract   *Contract
	Service    *Service
	Stage      string
	Generation string
}

// A Condition is a compiled expression. An error denies like false does.
type Condition interface {
	Holds(*World) (bool, error)
}

// Clause is a part of a condition with the value it had.
type Clause struct {
	Expression string
	Value      string
}

// An Explainer is a Condition that can show how it came to its answer.
type Explainer interface {
	Explain(*World) []Clause
}

// A GroupReader is a Condition that knows whether it reads the groups of the
// caller, which cost a look-up. Other conditions are taken to read them.
type GroupReader interface {
	ReadsGroups() bool
}

// Compiler makes a condition of an expression. Its error says where and what
// to fix.
type Compiler func(expression string) (Condition, error)

// On says when a condition is asked.
const (
	OnIssue   = "issue"
	OnRenew   = "renew"
	OnRequest = "request" // by verifiers, for each request
)

// ConditionTerms is a condition as written.
type ConditionTerms struct {
	Name       string   `json:"name" doc:"Name of the condition. Required."`
	Expression string   `json:"expression" doc:"CEL expression over caller, request, contract, service, stage and generation; false or an error denies. Required."`
	On         []string `json:"on,omitempty" doc:"When it is asked: issue, renew, request. Default: issue and renew."`
}

// maxConditions bounds the work of a decision.
const maxConditions = 16

// conditions are compiled conditions in the order written.
type conditions []compiled

type compiled struct {
	ConditionTerms
	Condition
}

func compileAll(list []ConditionTerms, compile Compiler) (conditions, error) {
	if len(list) > maxConditions {
		return nil, fmt.Errorf("conditions: %d are more than %d", len(list), maxConditions)
	}
	all := make(conditions, 0, len(list))
	names := map[string]bool{}
	for i, t := range list {
		if t.Name == "" || names[t.Name] {
			return nil, fmt.Errorf("conditions: number %d needs a name of its own", i+1)
		}
		names[t.Name] = true
		for _, on := range t.On {
			if on != OnIssue && on != OnRenew && on != OnRequest {
				return nil, fmt.Errorf("conditions: %q has on=%q; use %s, %s or %s", t.Name, on, OnIssue, OnRenew, OnRequest)
			}
		}
		if compile == nil {
			return nil, errors.New("conditions are not supported here")
		}
		c, err := compile(t.Expression)
		if err != nil {
			return nil, fmt.Errorf("conditions: %q: %w", t.Name, err)
		}
		if r, ok := c.(UseReader); ok && slices.Contains(t.On, OnRequest) && r.OnUse() != nil {
			return nil, fmt.Errorf("conditions: %q is asked with each request, by verifiers, who know only what the token and the request say: %w", t.Name, r.OnUse())
		}
		all = append(all, compiled{t, c})
	}
	return all, nil
}

func (c *compiled) asked(p Phase) bool {
	if len(c.On) == 0 {
		return true
	}
	for _, on := range c.On {
		if on == OnIssue && p == PhaseIssue || on == OnRenew && p == PhaseRenew {
			return true
		}
	}
	return false
}

func (cs conditions) readGroups() bool {
	for _, c := range cs {
		if r, ok := c.Condition.(GroupReader); !ok || r.ReadsGroups() {
			return true
		}
	}
	return false
}
