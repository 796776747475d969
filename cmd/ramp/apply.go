package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/estate"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mount"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/plan"
)

func applyCommand() *cobra.Command {
	var p planning
	var approved bool
	cmd := &cobra.Command{
		Use:   "apply [PATH]... | PLAN",
		Short: "Make the mount have what the files say",
		Long: `Plan, ask, and write: services first, then contracts, then deletes. Every write is
compare-and-swap: what somebody else has changed since the plan is not overwritten.
After a failure in the middle run it again; it goes on where it stopped.

A plan that ramp plan -out wrote is applied as it is, without a question.`,
		Example: `  ramp apply contracts
  ramp apply -auto-approve -var-file=prod.vars contracts
  ramp plan -out=prod.plan contracts; ramp apply prod.plan`,
		RunE: func(cmd *cobra.Command, args []string) error {
			m, made, err := p.prepare(cmd, args)
			if err != nil {
				return err
			}
			machine := p.format != "table"
			if !machine {
				showPlan(cmd.OutOrStdout(), made)
			}
			if len(made.Steps) > 0 && !approved && !isPlanFile(args) {
				if err := ask(cmd, "Apply?", "give -auto-approve, or apply a plan that was reviewed: ramp plan -out=FILE, ramp apply FILE"); err != nil {
					return err
				}
			}
			result, err := made.Apply(cmd.Context(), m, progress(cmd.ErrOrStderr(), "applying"))
			if err != nil {
				return halfWay(err, result, len(made.Steps))
			}
			return p.format.print(cmd.OutOrStdout(), result, func(w io.Writer) { showResult(w, result) })
		},
	}
	p.register(cmd)
	cmd.Flags().BoolVar(&approved, "auto-approve", false, "do not ask")
	return cmd
}

func (p *planning) prepare(cmd *cobra.Command, args []string) (*mount.Mount, *plan.Plan, error) {
	if !isPlanFile(args) {
		return p.plan(cmd, args)
	}
	made, err := readPlan(args[0])
	if err != nil {
		return nil, nil, failure{err}
	}
	m, err := p.open()
	return m, made, err
}

// isPlanFile: a plan is a file that is no source.
func isPlanFile(args []string) bool {
	if len(args) != 1 || estate.IsSource(args[0]) {
		return false
	}
	info, err := os.Stat(args[0])
	return err == nil && !info.IsDir()
}

func readPlan(path string) (*plan.Plan, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	made := &plan.Plan{}
	if err := json.Unmarshal(text, made); err != nil || made.Version != 1 {
		return nil, fmt.Errorf("%s is not a plan that this version of ramp plan -out wrote", path)
	}
	return made, nil
}

func halfWay(err error, r *plan.Result, all int) error {
	if r == nil {
		return failure{err}
	}
	next := "run it again: it goes on where it stopped"
	if mount.IsConflict(err) {
		next = "somebody else was faster: plan again, look, and apply"
	}
	var advice *mount.Failure
	if errors.As(err, &advice) && advice.Next != "" {
		next = advice.Next + "; then " + next
	}
	return advise(fmt.Errorf("stopped after %d of %d: %w", r.Done, all, err), "%s", next)
}

func showResult(w io.Writer, r *plan.Result) {
	for _, s := range r.Waiting {
		fmt.Fprintf(w, "waiting: contract %q needs the consent of the team of service %q: ramp consent %s %s\n", s.Name, s.Consent, s.Consent, s.Name)
	}
	fmt.Fprintf(w, "applied: %d\n", r.Done)
}
