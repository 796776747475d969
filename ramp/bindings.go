package ramp

import (
	"fmt"
	"slices"
)

// unbound says which binding the caller does not meet, "" when it meets all.
// Different fields are "and", the elements of a list are "one of".
func (in *input) unbound() string {
	caller, c := in.f.Caller, in.c
	if caller == nil {
		return "no caller, so no binding is met"
	}
	switch {
	case len(c.BoundEntityIDs) > 0 && !slices.Contains(c.BoundEntityIDs, caller.ID):
		return fmt.Sprintf("entity %s is not one of bound_entity_ids of contract %q", caller.ID, c.Name)
	case len(c.BoundEntityNames) > 0 && !slices.Contains(c.BoundEntityNames, caller.Name):
		return fmt.Sprintf("entity %q is not one of bound_entity_names of contract %q", caller.Name, c.Name)
	case len(c.BoundGroups) > 0 && !caller.inGroup(c.BoundGroups):
		return fmt.Sprintf("entity %q is in none of bound_groups of contract %q", caller.Name, c.Name)
	}
	if key := lacking(c.BoundEntityMetadata, caller.Metadata, nil); key != "" {
		return fmt.Sprintf("entity %q lacks the metadata %q that bound_entity_metadata of contract %q asks for", caller.Name, key, c.Name)
	}
	if why := in.strangeAlias(); why != "" {
		return why
	}
	if in.subjectErr != nil {
		return fmt.Sprintf("contract %q makes no subject for this caller: %v", c.Name, in.subjectErr)
	}
	return ""
}

// strangeAlias looks at all aliases: Vault does not tell which one logged in,
// so one that is not bound could be the one that asks.
func (in *input) strangeAlias() string {
	caller, c := in.f.Caller, in.c
	if len(c.BoundAuthMounts) == 0 && len(c.BoundAliasMetadata) == 0 {
		return ""
	}
	if len(caller.Aliases) == 0 {
		return fmt.Sprintf("entity %q has no alias, and contract %q binds aliases", caller.Name, c.Name)
	}
	for i := range caller.Aliases {
		a := &caller.Aliases[i]
		if len(c.BoundAuthMounts) > 0 && !slices.Contains(c.BoundAuthMounts, a.Accessor) {
			return fmt.Sprintf("entity %q also has an alias on %s, which is not one of bound_auth_mounts of contract %q", caller.Name, a.Accessor, c.Name)
		}
		if key := lacking(c.BoundAliasMetadata, a.Metadata, a.CustomMetadata); key != "" {
			return fmt.Sprintf("the alias %q on %s lacks the metadata %q that bound_alias_metadata of contract %q asks for", a.Name, a.Accessor, key, c.Name)
		}
	}
	return ""
}

// lacking is the first key, in alphabetical order, whose pair is in neither
// metadata; "" when all are.
func lacking(pairs, metadata, custom map[string]string) string {
	first := ""
	for key, want := range pairs {
		if metadata[key] != want && custom[key] != want && (first == "" || key < first) {
			first = key
		}
	}
	return first
}

func (c *Caller) inGroup(groups []string) bool {
	return slices.ContainsFunc(c.Groups, func(g Group) bool {
		return slices.Contains(groups, g.ID) || slices.Contains(groups, g.Name)
	})
}
