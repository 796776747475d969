package ramp

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Subject is a compiled template of the sub claim in the syntax of Vault's
// identity templates: literal text and {{…}} directives.
type Subject struct {
	parts []part
}

type part struct {
	literal string
	name    string
	value   func(*Caller) (string, bool) // nil for a literal
}

const maxSubject = 2048 // of a SPIFFE ID, in bytes

// ParseSubject compiles a template. It knows these directives:
//
//	identity.entity.id
//	identity.entity.name
//	identity.entity.metadata.<key>
//	identity.entity.aliases.<accessor>.{id,name,metadata.<key>,custom_metadata.<key>}
func ParseSubject(template string) (*Subject, error) {
	if len(template) > maxSubject {
		return nil, fmt.Errorf("template has %d bytes, the limit is %d", len(template), maxSubject)
	}
	s := &Subject{}
	for rest := template; rest != ""; {
		before, after, found := strings.Cut(rest, "{{")
		if strings.Contains(before, "}}") {
			return nil, errors.New("found }} without {{ before it")
		}
		if i := strings.IndexFunc(before, isControlOrSpace); i >= 0 {
			return nil, fmt.Errorf("character %q is not allowed", runeAt(before, i))
		}
		if before != "" {
			s.parts = append(s.parts, part{literal: before})
		}
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}}")
		if !closed {
			return nil, errors.New("found {{ without }} after it")
		}
		p, err := directive(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		s.parts = append(s.parts, p)
		rest = tail
	}
	if len(s.parts) == 0 {
		return nil, errors.New("template is empty")
	}
	return s, nil
}

func directive(name string) (part, error) {
	p := part{name: name}
	switch name {
	case "identity.entity.id":
		p.value = func(c *Caller) (string, bool) { return c.ID, true }
		return p, nil
	case "identity.entity.name":
		p.value = func(c *Caller) (string, bool) { return c.Name, true }
		return p, nil
	}
	if key, ok := strings.CutPrefix(name, "identity.entity.metadata."); ok && key != "" {
		p.value = func(c *Caller) (string, bool) { v, ok := c.Metadata[key]; return v, ok }
		return p, nil
	}
	if rest, ok := strings.CutPrefix(name, "identity.entity.aliases."); ok {
		accessor, field, _ := strings.Cut(rest, ".")
		if get := aliasField(field); get != nil && accessor != "" {
			p.value = func(c *Caller) (string, bool) { return fromAlias(c, accessor, get) }
			return p, nil
		}
	}
	return part{}, fmt.Errorf("{{%.80s}} is unknown; use identity.entity.id, identity.entity.name, identity.entity.metadata.<key> or identity.entity.aliases.<accessor>.{id,name,metadata.<key>,custom_metadata.<key>}", name)
}

func aliasField(field string) func(*Alias) (string, bool) {
	switch field {
	case "id":
		return func(a *Alias) (string, bool) { return a.ID, true }
	case "name":
		return func(a *Alias) (string, bool) { return a.Name, true }
	}
	if key, ok := strings.CutPrefix(field, "metadata."); ok && key != "" {
		return func(a *Alias) (string, bool) { v, ok := a.Metadata[key]; return v, ok }
	}
	if key, ok := strings.CutPrefix(field, "custom_metadata."); ok && key != "" {
		return func(a *Alias) (string, bool) { v, ok := a.CustomMetadata[key]; return v, ok }
	}
	return nil
}

func fromAlias(c *Caller, accessor string, get func(*Alias) (string, bool)) (string, bool) {
	for i := range c.Aliases {
		if c.Aliases[i].Accessor == accessor {
			return get(&c.Aliases[i])
		}
	}
	return "", false
}

// Prefix is the literal text the subject always starts with.
func (s *Subject) Prefix() string { return s.parts[0].literal }

// Render fills the template in for a caller. A value that is missing, empty,
// or could change the meaning of what surrounds it (one of * + / , or a space
// or control character) is an error: a caller must not choose its subject.
func (s *Subject) Render(c *Caller) (string, error) {
	var b strings.Builder
	for _, p := range s.parts {
		if p.value == nil {
			b.WriteString(p.literal)
			continue
		}
		v, ok := p.value(c)
		if !ok || v == "" {
			return "", fmt.Errorf("the caller has no %s", p.name)
		}
		if i := strings.IndexFunc(v, unsafeInSubject); i >= 0 {
			return "", fmt.Errorf("the caller's %s has a character that may not be part of a subject (%q)", p.name, runeAt(v, i))
		}
		b.WriteString(v)
	}
	if b.Len() > maxSubject {
		return "", fmt.Errorf("the subject would have %d bytes, the limit is %d", b.Len(), maxSubject)
	}
	return b.String(), nil
}

func unsafeInSubject(r rune) bool {
	return isControlOrSpace(r) || strings.ContainsRune("*+/,", r) || r > '~'
}

func runeAt(s string, i int) rune {
	r, _ := utf8.DecodeRuneInString(s[i:])
	return r
}
