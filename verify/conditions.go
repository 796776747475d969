package verify

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

const (
	maxConditionSets = 4096
	conditionsRetry  = 5 * time.Second
)

// conditionSets are the conditions that tokens ask for, by digest. Only
// digests of issued tokens get here.
type conditionSets struct {
	compile ramp.UseCompiler
	sources *sources

	mu     sync.Mutex
	sets   map[string]conditionSet
	failed map[string]failedSet
}

type conditionSet []namedCondition

type namedCondition struct {
	name string
	ramp.UseCondition
}

type failedSet struct {
	err   error
	until time.Time
}

// ask asks the conditions of a token. Those seen for the first time are
// fetched.
func (c *conditionSets) ask(ctx context.Context, o *opened, need *Requirements, now time.Time) error {
	if c.compile == nil {
		return undecided(Conditions, "the contract has conditions for each request, and this verifier was not given a compiler for them (Config.Conditions)")
	}
	set, err := c.set(ctx, o.identity.ContractID, o.conditions, now)
	if err != nil {
		return undecided(Conditions, "the conditions of the contract for each request cannot be asked: %v", err)
	}
	id := &o.identity
	use := &ramp.Use{
		Caller: id.Caller, RemoteAddr: need.RemoteAddr, Time: now, Scopes: id.Scopes, Contract: id.Contract, ContractID: id.ContractID,
		Revision: id.Revision, Audience: id.Audience, Stage: id.Stage, Generation: id.Generation,
	}
	for _, condition := range set {
		holds, err := condition.Holds(use)
		if err != nil {
			return undecided(Conditions, "condition %q cannot be decided: %v", condition.name, err)
		}
		if !holds {
			return refuse(Conditions, "condition %q is false", condition.name)
		}
	}
	return nil
}

func (c *conditionSets) set(ctx context.Context, contract, digest string, now time.Time) (conditionSet, error) {
	c.mu.Lock()
	set, ok := c.sets[digest]
	failed := c.failed[digest]
	c.mu.Unlock()
	if ok {
		return set, nil
	}
	if failed.err != nil && now.Before(failed.until) {
		return nil, failed.err
	}
	set, err := c.fetch(ctx, contract, digest)
	if ctx.Err() != nil { // who asked has left: that says nothing about the next
		return nil, errors.Join(ctx.Err(), err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		if c.failed == nil || len(c.failed) >= maxConditionSets {
			c.failed = make(map[string]failedSet)
		}
		c.failed[digest] = failedSet{err, now.Add(conditionsRetry)}
		return nil, err
	}
	if c.sets == nil || len(c.sets) >= maxConditionSets {
		c.sets = make(map[string]conditionSet)
	}
	c.sets[digest] = set
	delete(c.failed, digest)
	return set, nil
}

// fetch reads the document that the digest names, from wherever: it names its content.
func (c *conditionSets) fetch(ctx context.Context, contract, digest string) (conditionSet, error) {
	if strings.ContainsAny(contract+digest, "/?#%") {
		return nil, fmt.Errorf("%.64q is not a digest", digest)
	}
	document, err := c.sources.get(ctx, "/conditions/"+contract+"/"+digest, maxDocument)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(document); base64.RawURLEncoding.EncodeToString(sum[:]) != digest {
		return nil, fmt.Errorf("the issuer's document is not the one that the token names")
	}
	var terms ramp.RequestConditions
	if err := json.Unmarshal(document, &terms); err != nil {
		return nil, err
	}
	set := make(conditionSet, 0, len(terms))
	for _, t := range terms {
		condition, err := c.compile(t.Expression)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", t.Name, err)
		}
		set = append(set, namedCondition{t.Name, condition})
	}
	return set, nil
}
