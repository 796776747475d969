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
	lines := [][]string{{"Mount", s.Mount}, {"Issuer", s.Issuer}, {"State", state}, {"Version", cell(s.Health["version"])}, {"Ledger", s.ledger()}}
	if panics := cell(s.Health["panics"]); panics != "0" {
		lines = append(lines, []string{"Panics", red(panics) + " since the plugin started: see Vault's log"})
	}
	rows(w, lines...)
	lines = [][]string{{"\nSIGNING KEY", "ALGORITHM", "SINCE", "AGE", "KID"}}
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
	if len(s.Suspended) > 0 {
		fmt.Fprintf(w, "\n%s %s\n", red("suspended services:"), some(s.Suspended))
	}
	if len(s.Expiring) > 0 {
		lines = [][]string{{fmt.Sprintf("\nEXPIRES WITHIN %d DAYS", days), "AT", "IN"}}
		for i, e := range s.Expiring {
			if i == 10 {
				lines = append(lines, []string{fmt.Sprintf("and %d more", len(s.Expiring)-i)})
				break
			}
			lines = append(lines, []string{e.what(), e.At.UTC().Format(time.RFC3339), remaining(e.At.Sub(now))})
		}
		rows(w, lines...)
	}
}

// ledger says how the ledger is in a few words.
func (s *status) ledger() string {
	says := cell(s.Health["ledger"])
	switch {
	case says == "damaged":
		return red("damaged") + ": ramp ledger verify says where"
	case says != "on":
		return yellow(says)
	}
	waiting, lag := cell(s.Health["ledger_waiting"]), cell(s.Health["ledger_lag"])
	if says = green("on"); waiting != "0" {
		says += ", " + waiting + " waiting"
	}
	if lag != "0" {
		says += ", " + lag + "s behind"
	}
	if skipped := cell(s.Health["ledger_skipped"]); skipped != "0" {
		says += ", " + yellow(skipped+" left to their leases")
	}
	return says
}

func (e ending) what() string {
	switch e.Kind {
	case "key":
		return e.Name + ": its key rotates"
	case "generation":
		return e.Name + ": generation " + e.Detail
	case "off_ramp":
		return e.Name + ": its off-ramp begins"
	}
	return e.Name
}

// remaining is how long something has still to go.
func remaining(d time.Duration) string {
	if d <= 0 {
		return red("over")
	}
	return rough(d)
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
