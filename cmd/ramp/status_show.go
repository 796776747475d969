package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

func (s *status) show(w io.Writer, now time.Time, days int) {
	state := fmt.Sprint(s.Health["state"])
	if state == "serving" {
		state = green(state)
	} else {
		state = red(state)
	}
	rows(w, []string{"Mount", s.Mount}, []string{"Issuer", s.Issuer}, []string{"State", state}, []string{"Version", fmt.Sprint(s.Health["version"])})
	for _, k := range slices.Sorted(maps.Keys(s.Health)) {
		if k != "state" && k != "version" && fmt.Sprint(s.Health[k]) != "0" {
			fmt.Fprintf(w, "%s: %v\n", k, s.Health[k])
		}
	}
	lines := [][]string{{"\nSIGNING KEY", "ALGORITHM", "SINCE", "AGE", "KID"}}
	for _, k := range s.Keys {
		age := ""
		if at, err := time.Parse(time.RFC3339, k.Since); err == nil {
			age = rough(now.Sub(at))
		}
		lines = append(lines, []string{k.Name, k.Algorithm, k.Since, age, k.KeyID})
	}
	rows(w, lines...)
	total := 0
	lines = [][]string{{"\nCONTRACTS", "", ""}}
	for _, state := range slices.Sorted(maps.Keys(s.Contracts)) {
		names := s.Contracts[state]
		total += len(names)
		which := ""
		if state != "active" {
			which = some(names)
		}
		lines = append(lines, []string{state, fmt.Sprint(len(names)), which})
	}
	rows(w, append(lines, []string{"all", fmt.Sprint(total), "with " + count(s.Services, "service")})...)
	if s.Suspended != nil {
		fmt.Fprintf(w, "\n%s %s\n", red("suspended services:"), some(s.Suspended))
	}
	if s.Expiring != nil {
		lines = [][]string{{fmt.Sprintf("\nEXPIRES WITHIN %d DAYS", days), "AT", "IN"}}
		for i, e := range s.Expiring {
			if i == 10 {
				lines = append(lines, []string{fmt.Sprintf("and %d more", len(s.Expiring)-i)})
				break
			}
			lines = append(lines, []string{e.Contract, e.At.UTC().Format(time.RFC3339), rough(e.At.Sub(now))})
		}
		rows(w, lines...)
	}
}

// some names the first few.
func some(names []string) string {
	if len(names) <= 5 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:5], ", "), len(names)-5)
}

// rough is a duration as people say it.
func rough(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}
