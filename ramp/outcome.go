package ramp

import "fmt"

// outcome is the answer of one condition.
type outcome struct {
	condition *compiled
	whose     string
	holds     bool
	err       error
}

// askConditions asks those of the service, of the contract and of the stage.
func (in *input) askConditions() {
	var ofStage conditions
	if in.stage != nil {
		ofStage = in.stage.conditions
	}
	if in.f.Caller == nil || len(in.svc.conditions)+len(in.c.conditions)+len(ofStage) == 0 {
		return
	}
	w := in.world()
	for _, group := range []struct {
		whose string
		list  conditions
	}{{"the service", in.svc.conditions}, {"the contract", in.c.conditions}, {"the stage", ofStage}} {
		for i := range group.list {
			c := &group.list[i]
			if !c.asked(in.f.Phase) {
				continue
			}
			o := outcome{condition: c, whose: group.whose}
			o.holds, o.err = c.Holds(w)
			in.outcomes = append(in.outcomes, o)
		}
	}
}

func (in *input) world() *World {
	return &World{
		Caller: in.f.Caller, RemoteAddr: in.f.RemoteAddr, Time: in.f.Now, Scopes: in.scopes, Context: in.f.Request.Context,
		Contract: in.c, Service: in.svc, Stage: in.progress.Stage, Generation: in.generation.Name,
	}
}

// failed is the first condition that does not hold, nil when all do.
func (in *input) failed() *outcome {
	for i := range in.outcomes {
		if o := &in.outcomes[i]; o.err != nil || !o.holds {
			return o
		}
	}
	return nil
}

func (o *outcome) says() string {
	switch {
	case o.err != nil:
		return fmt.Sprintf("condition %q of %s cannot be decided: %v", o.condition.Name, o.whose, o.err)
	case !o.holds:
		return fmt.Sprintf("condition %q is false", o.condition.Name)
	}
	return fmt.Sprintf("condition %q of %s is true", o.condition.Name, o.whose)
}

func sayCondition(in *input) string {
	if o := in.failed(); o != nil {
		return o.says()
	}
	return "all conditions are true"
}

// conditionChecks are the conditions as checks, with their parts.
func (in *input) conditionChecks() []Check {
	var list []Check
	for i := range in.outcomes {
		o := &in.outcomes[i]
		c := Check{Code: ConditionFalse, Passed: o.err == nil && o.holds, Reason: o.says(), Condition: o.condition.Name}
		if o.err != nil {
			c.Code = ConditionError
		}
		if e, ok := o.condition.Condition.(Explainer); ok {
			c.Clauses = e.Explain(in.world())
		}
		list = append(list, c)
	}
	return list
}
