package condition

import (
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// inZone are CEL's functions that read a time in a zone. The standard ones
// load the zone on each call, which costs more than the rest of a decision.
var inZone = map[string]string{
	overloads.TimeGetFullYear:     overloads.TimestampToYearWithTz,
	overloads.TimeGetMonth:        overloads.TimestampToMonthWithTz,
	overloads.TimeGetDayOfYear:    overloads.TimestampToDayOfYearWithTz,
	overloads.TimeGetDate:         overloads.TimestampToDayOfMonthOneBasedWithTz,
	overloads.TimeGetDayOfMonth:   overloads.TimestampToDayOfMonthZeroBasedWithTz,
	overloads.TimeGetDayOfWeek:    overloads.TimestampToDayOfWeekWithTz,
	overloads.TimeGetHours:        overloads.TimestampToHoursWithTz,
	overloads.TimeGetMinutes:      overloads.TimestampToMinutesWithTz,
	overloads.TimeGetSeconds:      overloads.TimestampToSecondsWithTz,
	overloads.TimeGetMilliseconds: overloads.TimestampToMillisecondsWithTz,
}

// maxZones bounds the cache: expressions may take names of zones from callers.
const maxZones = 128

// zones are time zones loaded once.
type zones struct {
	mu   sync.RWMutex
	list map[string]*time.Location
}

func (z *zones) functions() []cel.EnvOption {
	var all []cel.EnvOption
	for function, overload := range inZone {
		all = append(all, cel.Function(function, cel.MemberOverload(overload, []*cel.Type{cel.TimestampType, cel.StringType}, cel.IntType,
			cel.BinaryBinding(func(at, zone ref.Val) ref.Val { return inside(function, overload, at, zone, z.load) }))))
	}
	return all
}

// inside calls a function of inZone.
func inside(function, overload string, at, zone ref.Val, load func(string) (*time.Location, error)) ref.Val {
	t, isTime := at.(types.Timestamp)
	name, isText := zone.(types.String)
	if !isTime || !isText {
		return types.MaybeNoSuchOverloadErr(zone)
	}
	if strings.Contains(string(name), ":") { // an offset such as +01:00
		return t.Receive(function, overload, []ref.Val{zone})
	}
	loc, err := load(string(name))
	if err != nil {
		return types.WrapErr(err)
	}
	return types.Timestamp{Time: t.In(loc)}.Receive(function, overload, nil)
}

// zoneLiterals refuses expressions that name a zone which there is not. Of
// zones that are not written out, the request tells.
type zoneLiterals struct{}

func (zoneLiterals) Name() string { return "ramp.condition.zone_literals" }

func (zoneLiterals) Validate(_ *cel.Env, _ cel.ValidatorConfig, checked *ast.AST, issues *cel.Issues) {
	for function, overload := range inZone {
		for _, call := range ast.MatchDescendants(ast.NavigateAST(checked), ast.FunctionMatcher(function)) {
			args := call.AsCall().Args()
			if len(args) != 1 || args[0].Kind() != ast.LiteralKind {
				continue
			}
			if found := inside(function, overload, types.Timestamp{}, args[0].AsLiteral(), time.LoadLocation); types.IsError(found) {
				issues.ReportErrorAtID(args[0].ID(), "%v", found)
			}
		}
	}
}

func (z *zones) load(name string) (*time.Location, error) {
	z.mu.RLock()
	loc := z.list[name]
	z.mu.RUnlock()
	if loc != nil {
		return loc, nil
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.list == nil {
		z.list = make(map[string]*time.Location)
	}
	if len(z.list) < maxZones {
		z.list[name] = loc
	}
	return loc, nil
}
