package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

func TestAnswers(t *testing.T) {
	denial := &ramp.Denial{Code: ramp.CallerNotBound, Reason: "entity is not bound"}
	for name, tc := range map[string]struct {
		err  error
		code int
		text string
		ours bool
	}{
		"bad request":    {endpoint.BadRequest("ttl %d", 7), 400, "ttl 7", false},
		"wrapped":        {fmt.Errorf("write: %w", endpoint.BadRequest("no")), 400, "no", false},
		"not found":      {endpoint.NotFound("no bowl %q", "x"), 404, `no bowl "x"`, false},
		"conflict":       {endpoint.Conflict("changed"), 409, "changed", false},
		"denial":         {denial, 403, "denied: entity is not bound (caller_not_bound)", false},
		"wrapped denial": {fmt.Errorf("issue: %w", denial), 403, "denied: entity is not bound (caller_not_bound)", false},
		"joined":         {errors.Join(errors.New("x"), endpoint.NotFound("gone")), 404, "gone", false},
		"coded":          {logical.CodedError(418, "teapot"), 418, "teapot", false},
		"wrapped coded":  {fmt.Errorf("x: %w", logical.CodedError(403, "permission denied")), 403, "permission denied", false},
		"storage":        {errors.New("disk of s3cret is full"), 500, "internal error; the log of the ramp plugin has the details", true},
		"cancelled":      {fmt.Errorf("read: %w", context.Canceled), 500, "internal error", true},
	} {
		answer, ours := endpoint.Answer(tc.err)
		if status(answer) != tc.code || !strings.Contains(answer.Error(), tc.text) || ours != tc.ours || strings.Contains(answer.Error(), "s3cret") {
			t.Errorf("%s: %d %v, ours %t", name, status(answer), answer, ours)
		}
		if _, bare := answer.(logical.HTTPCodedError); !bare { //nolint:errorlint // only a bare one crosses the plugin boundary
			t.Errorf("%s: the answer %T would lose its status", name, answer)
		}
	}
	for _, told := range []error{logical.ErrReadOnly, logical.ErrUnsupportedOperation, logical.ErrUnsupportedPath, logical.ErrInvalidRequest} {
		if answer, ours := endpoint.Answer(fmt.Errorf("write: %w", told)); answer != told || ours { //nolint:errorlint // Vault compares as the test does
			t.Errorf("%v became %v", told, answer)
		}
	}
	if answer, ours := endpoint.Answer(nil); answer != nil || ours {
		t.Errorf("no error became %v", answer)
	}
}

func TestFaultsOfOursAreReported(t *testing.T) {
	k := newKitchen(t)
	k.fail = errors.New("the secret disk is full")
	for _, op := range []logical.Operation{logical.ReadOperation, logical.UpdateOperation, logical.ListOperation, logical.DeleteOperation} {
		k.reported = nil
		if _, err := k.do(op, nil); status(err) != 500 || strings.Contains(err.Error(), "secret") || !errors.Is(k.reported, k.fail) {
			t.Errorf("%s: answered %v, reported %v", op, err, k.reported)
		}
	}
	k.fail, k.reported = endpoint.BadRequest("no"), nil
	if _, err := k.do(logical.ReadOperation, nil); status(err) != 400 || k.reported != nil {
		t.Errorf("a fault of the user: answered %v, reported %v", err, k.reported)
	}
}

func TestRequestsAreObserved(t *testing.T) {
	k := newKitchen(t)
	for _, tc := range []struct {
		op      logical.Operation
		fail    error
		nothing bool
		want    string
	}{
		{logical.ReadOperation, nil, false, "bowl read 200"},
		{logical.ReadOperation, nil, true, "bowl read 404"},
		{logical.UpdateOperation, nil, false, "bowl update 204"},
		{logical.UpdateOperation, endpoint.BadRequest("no"), false, "bowl update 400"},
		{logical.UpdateOperation, &ramp.Denial{}, false, "bowl update 403"},
		{logical.ListOperation, errors.New("disk"), false, "bowl list 500"},
		{logical.DeleteOperation, logical.ErrReadOnly, false, "bowl delete 0"},
	} {
		k.fail, k.nothing = tc.fail, tc.nothing
		_, _ = k.do(tc.op, nil)
		if k.served != tc.want {
			t.Errorf("observed %q, want %q", k.served, tc.want)
		}
	}
}

func TestResponses(t *testing.T) {
	k := newKitchen(t)
	k.merged = bowl{Owner: "ann", TTL: 90, Flavours: ramp.Scopes{"a"}, Cooked: time.Date(2027, 3, 1, 12, 0, 0, 0, time.FixedZone("", 7200)), Hidden: "h"}
	resp, err := k.do(logical.ReadOperation, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `map[cooked:2027-03-01T10:00:00Z eaten:[map[by:a] map[at:2027-01-15T08:00:00Z by:b]] flavours:[a] full:false owner:ann serial:0 spoons:0 ttl:90]`
	if got := fmt.Sprint(resp.Data); got != want {
		t.Errorf("response\n%s, want\n%s", got, want)
	}
	if _, named := resp.Data["flavours"].(ramp.Scopes); named {
		t.Error("a named type would not survive the plugin boundary")
	}

	k.nothing = true
	if resp, err := k.do(logical.ReadOperation, nil); resp != nil || err != nil {
		t.Errorf("nothing, which Vault answers with 404, is %v %v", resp, err)
	}
	resp, err = k.do(logical.ListOperation, nil)
	if err != nil || !slices.Equal(resp.Data["keys"].([]string), []string{"a", "b"}) {
		t.Errorf("list: %v %v", resp, err)
	}
	resp, err = k.do(logical.DeleteOperation, nil)
	if err != nil || resp.Data[logical.HTTPContentType] != "text/plain" || string(resp.Data[logical.HTTPRawBody].([]byte)) != "crash" ||
		resp.Data[logical.HTTPStatusCode] != 200 || resp.Data[logical.HTTPCacheControlHeader] != "public, max-age=7" {
		t.Errorf("raw: %v %v", resp, err)
	}
	resp, err = k.do(logical.UpdateOperation, map[string]any{"guests": "a,b"})
	if err != nil || resp == nil || !slices.Equal(resp.Warnings, []string{"2 guests"}) {
		t.Errorf("warnings: %v %v", resp, err)
	}
	if resp, err := k.do(logical.UpdateOperation, nil); resp != nil || err != nil {
		t.Errorf("204: %v %v", resp, err)
	}
}
