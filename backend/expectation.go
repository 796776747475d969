package backend

import "github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"

// expectation makes a write or delete compare-and-swap.
type expectation struct {
	ExpectedRevision string `json:"expected_revision" doc:"Do it only if the revision is this one now, or nothing of the name exists when it is \"none\": compare-and-swap."`
}

type deleteRequest struct {
	endpoint.Named
	expectation
}

// met holds the expectation against the revision there is, "" when there is
// nothing.
func (e expectation) met(what, revision string) error {
	expected := e.ExpectedRevision
	switch {
	case expected == "" || expected == revision || expected == "none" && revision == "":
		return nil
	case expected == "none":
		return endpoint.Conflict("the %s exists already, with revision %s", what, revision)
	case revision == "":
		return endpoint.Conflict("the %s does not exist, so it cannot have revision %.80q", what, expected)
	}
	return endpoint.Conflict("the %s has changed: its revision is %s, expected was %.80s; read it, redo the edit, write again", what, revision, expected)
}

// revision is "" for a contract that does not exist.
func (c *contract) revision() string {
	if c == nil {
		return ""
	}
	return c.Revision()
}

// revision is "" for a service that does not exist.
func (s *service) revision() string {
	if s == nil {
		return ""
	}
	return s.Revision()
}
