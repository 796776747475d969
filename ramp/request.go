package ramp

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
)

// RequestConditions are the conditions that verifiers ask with each request.
type RequestConditions []ConditionTerms

// RequestConditions returns those of the service, the contract and one of its
// stages, in this order.
func (c *Contract) RequestConditions(svc *Service, stage string) RequestConditions {
	var all RequestConditions
	all = all.with(svc.Conditions)
	all = all.with(c.Conditions)
	for _, s := range c.Stages {
		if s.Name == stage {
			all = all.with(s.Conditions)
		}
	}
	return all
}

func (r RequestConditions) with(list []ConditionTerms) RequestConditions {
	for _, t := range list {
		if slices.Contains(t.On, OnRequest) {
			r = append(r, ConditionTerms{Name: t.Name, Expression: t.Expression})
		}
	}
	return r
}

// Document is the list as it is published: a JSON array of {name, expression}.
func (r RequestConditions) Document() []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic(err) // strings always marshal
	}
	return text
}

// Digest names the document: its SHA-256 in base64url, "" for an empty list.
func (r RequestConditions) Digest() string {
	if len(r) == 0 {
		return ""
	}
	sum := sha256.Sum256(r.Document())
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
