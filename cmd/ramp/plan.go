package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mount"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/plan"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp"
)

// planning is what plan and apply have in common.
type planning struct {
	files
	vault
	format  format
	options plan.Options
}

func (p *planning) register(cmd *cobra.Command) {
	p.files.register(cmd)
	p.vault.register(cmd)
	p.format.register(cmd)
	cmd.Flags().StringArrayVar(&p.options.Targets, "target", nil, "only service.NAME or contract.NAME; may be repeated")
	cmd.Flags().BoolVar(&p.options.Prune, "prune", false, "delete what the owner of these files has on the mount and not in the files")
	cmd.Flags().BoolVar(&p.options.Adopt, "adopt", false, "take over what has another owner, or none")
}

func planCommand() *cobra.Command {
	var p planning
	var out string
	cmd := &cobra.Command{
		Use:   "plan [PATH]...",
		Short: "Show what apply would change, and whom it touches",
		Long: `Show what apply would change on the mount: which rights grow and which shrink,
whose live credentials die, and which service teams have to consent again.

What another owner manages is never touched, see estate.owner and -adopt.

Exit code 0: nothing to do. Exit code 2: there is. Exit code 1: an error.`,
		Example: `  ramp plan contracts
  ramp plan -var-file=prod.vars -out=prod.plan contracts && ramp apply prod.plan
  ramp plan -target=contract.orders-to-payments contracts`,
		RunE: func(cmd *cobra.Command, args []string) error {
			_, made, err := p.plan(cmd, args)
			if err != nil {
				return err
			}
			if out != "" {
				if err := writePlan(out, made); err != nil {
					return failure{err}
				}
			}
			if err := p.format.print(cmd.OutOrStdout(), made, func(w io.Writer) { showPlan(w, made) }); err != nil {
				return err
			}
			if len(made.Steps) > 0 {
				return exit(2)
			}
			return nil
		},
	}
	p.register(cmd)
	cmd.Flags().StringVar(&out, "out", "", "write the plan to a file for apply")
	return cmd
}

func (p *planning) plan(cmd *cobra.Command, paths []string) (*mount.Mount, *plan.Plan, error) {
	e, err := p.load(cmd, paths)
	if err != nil {
		return nil, nil, err
	}
	if p.options.Prune && !e.Owned {
		return nil, nil, advise(errors.New("-prune without an owner could delete what others manage"), `name one in these files: estate { owner = "team-orders" }`)
	}
	m, err := p.open()
	if err != nil {
		return nil, nil, err
	}
	snap, err := m.Snapshot(cmd.Context(), progress(cmd.ErrOrStderr(), "reading"))
	if err != nil {
		return nil, nil, failure{err}
	}
	limits := e.Settings.Limits()
	if snap.Limits != nil {
		limits = *snap.Limits
	}
	there := func(name string) *ramp.Service {
		if s := snap.Services[name]; s != nil {
			return s.Service
		}
		return nil
	}
	if err := p.show(cmd, e.Check(limits, there)); err != nil {
		return nil, nil, err
	}
	made, err := plan.Make(e, snap, m.Address(), p.options)
	if err != nil {
		return nil, nil, failure{err}
	}
	return m, made, nil
}

func writePlan(path string, p *plan.Plan) error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

var signs = map[plan.Action]string{plan.Create: "+", plan.Update: "~", plan.Delete: "-"}

var paint = map[plan.Effect]func(...any) string{plan.Widens: red, plan.Shrinks: green, plan.Changes: yellow, plan.Notes: faint, plan.Sets: fmt.Sprint}

func showPlan(w io.Writer, p *plan.Plan) {
	for i := range p.Steps {
		s := &p.Steps[i]
		fmt.Fprintf(w, "%s %s\n", signs[s.Action], bold(fmt.Sprintf("%s %q", s.Kind, s.Name)))
		for _, c := range s.Changes {
			fmt.Fprintln(w, "   ", paint[c.Effect](c.String()))
		}
		if s.Consent != "" {
			fmt.Fprintln(w, "   ", yellow(fmt.Sprintf("consent: the team of service %q has to accept this revision before anything is issued", s.Consent)))
		}
		if len(s.Kills) > 0 {
			fmt.Fprintln(w, "   ", red(fmt.Sprintf("kills: credentials issued so far for %s; callers fetch new ones", strings.Join(s.Kills, ", "))))
		}
	}
	if len(p.Left) > 0 {
		fmt.Fprintf(w, "%s\n", faint(fmt.Sprintf("left alone: %s, of owner %q and not in these files; -prune deletes", strings.Join(p.Left, ", "), p.Owner)))
	}
	fmt.Fprintln(w, summary(p))
}

func summary(p *plan.Plan) string {
	if len(p.Steps) == 0 {
		return "no change: the mount has what the files say"
	}
	n := map[plan.Action]int{}
	for _, s := range p.Steps {
		n[s.Action]++
	}
	return fmt.Sprintf("%d to create, %d to change, %d to delete", n[plan.Create], n[plan.Update], n[plan.Delete])
}
