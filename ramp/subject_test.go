package ramp_test

import (
	"strings"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

var someone = &ramp.Caller{
	ID: "e-1", Name: "orders", Metadata: map[string]string{"team": "red", "empty": "", "a.b": "dotted", "path": "x/y", "star": "*"},
	Aliases: []ramp.Alias{
		{ID: "a-1", Name: "role-7", Accessor: "approle_1", Metadata: map[string]string{"env": "prod"}, CustomMetadata: map[string]string{"cost": "42"}},
		{ID: "a-2", Name: "second", Accessor: "approle_1"},
	},
}

func TestSubjects(t *testing.T) {
	for template, want := range map[string]string{
		"spiffe://example.com/{{identity.entity.id}}":                                              "spiffe://example.com/e-1",
		"{{identity.entity.name}}-{{ identity.entity.id }}":                                        "orders-e-1",
		"{{identity.entity.metadata.team}}":                                                        "red",
		"{{identity.entity.metadata.a.b}}":                                                         "dotted",
		"{{identity.entity.aliases.approle_1.id}}":                                                 "a-1",
		"{{identity.entity.aliases.approle_1.name}}":                                               "role-7",
		"{{identity.entity.aliases.approle_1.metadata.env}}":                                       "prod",
		"x{{identity.entity.aliases.approle_1.custom_metadata.cost}}y}{":                           "x42y}{",
		"literal/with*everything+that,callers%may-not:bring":                                       "literal/with*everything+that,callers%may-not:bring",
		"spiffe://" + strings.Repeat("x", 2048-len("spiffe://e-1")-22) + "/{{identity.entity.id}}": "",
	} {
		s, err := ramp.ParseSubject(template)
		if err != nil {
			t.Errorf("%s: %v", template, err)
			continue
		}
		got, err := s.Render(someone)
		if want == "" {
			want = strings.Replace(template, "{{identity.entity.id}}", "e-1", 1)
		}
		if err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", template, got, err, want)
		}
	}
}

func TestBadSubjectTemplates(t *testing.T) {
	for template, says := range map[string]string{
		"":                                 "empty",
		"{{identity.entity.id":             "without }}",
		"identity.entity.id}}":             "without {{",
		"a}}{{identity.entity.id}}":        "without {{",
		"{{identity.entity.id}}}}":         "without {{",
		"{{}}":                             "unknown",
		"{{identity.entity.email}}":        "unknown",
		"{{ identity.entity.id | upper }}": "unknown",
		"{{identity.entity.metadata.}}":    "unknown",
		"{{identity.entity.aliases.approle_1.metadata.}}": "unknown",
		"{{identity.entity.aliases..id}}":                 "unknown",
		"{{identity.entity.aliases.approle_1}}":           "unknown",
		"{{identity.groups.names.ops.id}}":                "unknown",
		"{{{{identity.entity.id}}}}":                      "unknown",
		"with space":                                      `character ' '`,
		"tab\t{{identity.entity.id}}":                     `character '\t'`,
		"new\nline":                                       `character '\n'`,
		strings.Repeat("x", 2049):                         "the limit is 2048",
	} {
		if _, err := ramp.ParseSubject(template); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.60q: %v, want an error with %q", template, err, says)
		}
	}
}

func TestCallersDoNotChooseTheirSubject(t *testing.T) {
	for template, says := range map[string]string{
		"{{identity.entity.metadata.none}}":                             "the caller has no identity.entity.metadata.none",
		"{{identity.entity.metadata.empty}}":                            "the caller has no",
		"{{identity.entity.metadata.path}}":                             `('/')`,
		"x{{identity.entity.metadata.star}}":                            `('*')`,
		"{{identity.entity.aliases.userpass_9.name}}":                   "the caller has no identity.entity.aliases.userpass_9.name",
		strings.Repeat("x", 2020) + "{{identity.entity.metadata.long}}": "",
	} {
		s, err := ramp.ParseSubject(template)
		if err != nil {
			if says != "" {
				t.Errorf("%s: %v", template, err)
			}
			continue
		}
		if got, err := s.Render(someone); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %q %v, want an error with %q", template, got, err, says)
		}
	}
	s, err := ramp.ParseSubject("{{identity.entity.name}}")
	if err != nil {
		t.Fatal(err)
	}
	for b := range 0x110000 {
		name := "a" + string(rune(b)) + "b"
		got, err := s.Render(&ramp.Caller{Name: name})
		forbidden := b <= ' ' || b > '~' || strings.ContainsRune("*+/,", rune(b))
		if (err != nil) != forbidden || err == nil && got != name {
			t.Fatalf("character %q: %q %v, forbidden %t", rune(b), got, err, forbidden)
		}
	}
	if got, err := s.Render(&ramp.Caller{Name: strings.Repeat("n", 2049)}); err == nil {
		t.Errorf("a subject of %d bytes", len(got))
	}
}

func FuzzSubject(f *testing.F) {
	f.Add("spiffe://example.com/{{identity.entity.name}}", "orders", "red")
	f.Add("{{identity.entity.metadata.team}}/{{identity.entity.id}}", "a/b", "x,y")
	f.Add("}}{{", "", "\xff")
	f.Add("{{identity.entity.aliases.m1.custom_metadata.team}}", "+", "\u2028")
	f.Fuzz(func(t *testing.T, template, name, value string) {
		s, err := ramp.ParseSubject(template)
		if err != nil {
			return
		}
		pairs := map[string]string{"team": value}
		got, err := s.Render(&ramp.Caller{ID: "id", Name: name, Metadata: pairs, Aliases: []ramp.Alias{{ID: name, Name: value, Accessor: "m1", Metadata: pairs, CustomMetadata: pairs}}})
		if err != nil {
			return
		}
		if got == "" || len(got) > 2048 {
			t.Fatalf("a subject of %d bytes", len(got))
		}
		// Render with a name that only has safe characters: what is left of
		// the forbidden ones is literal text of the template.
		literal, err := s.Render(&ramp.Caller{ID: "id", Name: "n", Metadata: map[string]string{"team": "n"}, Aliases: []ramp.Alias{{ID: "n", Name: "n", Accessor: "m1", Metadata: map[string]string{"team": "n"}, CustomMetadata: map[string]string{"team": "n"}}}})
		if err != nil {
			t.Fatalf("it renders for one caller and not for a harmless one: %v", err)
		}
		for _, r := range "*+/," {
			if strings.Count(got, string(r)) != strings.Count(literal, string(r)) {
				t.Fatalf("%q brought %q into %q", []string{name, value}, r, got)
			}
		}
		for i := range len(got) {
			if got[i] <= ' ' || got[i] == 0x7f {
				t.Fatalf("control character or space in %q", got)
			}
		}
	})
}
