package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/decisions"
)

func testCommand() *cobra.Command {
	var from files
	var form format
	var junit string
	var least int
	cmd := &cobra.Command{
		Use:   "test [PATH]...",
		Short: "Ask the contracts the questions of their test blocks",
		Long: `Ask the contracts the questions of their test blocks, without Vault, with the code
that decides in the engine. A block test says who asks, when and for what, and what
the answer has to be.

Coverage counts, for each contract, the checks that were seen to deny and the
conditions that were seen both true and false.`,
		Example: `  ramp test contracts
  ramp test -junit=report.xml -min-coverage=80 contracts`,
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := from.load(cmd, args)
			if err != nil {
				return err
			}
			limits := e.Settings.Limits()
			if err := from.show(cmd, e.Check(limits, nil)); err != nil {
				return err
			}
			results, coverage := decisions.Run(e, limits, e.Service, time.Now())
			if junit != "" {
				if err := writeJUnit(junit, results); err != nil {
					return failure{err}
				}
			}
			all := map[string]any{"tests": results, "coverage": coverage, "percent": coverage.Percent()}
			if err := form.print(cmd.OutOrStdout(), all, func(w io.Writer) { showResults(w, results, coverage) }); err != nil {
				return err
			}
			return judge(results, coverage.Percent(), least)
		},
	}
	from.register(cmd)
	form.register(cmd)
	cmd.Flags().StringVar(&junit, "junit", "", "write the results to a file as JUnit XML")
	cmd.Flags().IntVar(&least, "min-coverage", 0, "fail when coverage is below this many percent")
	return cmd
}

func judge(results []decisions.Result, percent, least int) error {
	failed := 0
	for _, r := range results {
		if !r.Passed {
			failed++
		}
	}
	if failed > 0 {
		return advise(fmt.Errorf("%d of %s failed", failed, count(len(results), "test")), "correct the contract, or the test if the contract is right")
	}
	if percent < least {
		return advise(fmt.Errorf("coverage is %d%%, below %d%%", percent, least), "add tests for what the table calls missing")
	}
	return nil
}

func writeJUnit(path string, results []decisions.Result) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := decisions.JUnit(f, results); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

func showResults(w io.Writer, results []decisions.Result, c *decisions.Coverage) {
	for _, r := range results {
		if r.Passed {
			fmt.Fprintf(w, "%s %s\n", green("ok  "), r.Name)
			continue
		}
		fmt.Fprintf(w, "%s %s (%s)\n", red("FAIL"), r.Name, r.Place)
		for _, wrong := range r.Wrong {
			fmt.Fprintf(w, "       %s\n", wrong)
		}
		if r.Answer != "" {
			fmt.Fprintf(w, "       the answer was: %s\n", r.Answer)
		}
	}
	lines := [][]string{{"\nCONTRACT", "TESTS", "COVERED", "MISSING"}}
	for _, x := range c.Contracts {
		lines = append(lines, []string{x.Name, fmt.Sprint(x.Tests), fmt.Sprintf("%d/%d", x.Covered(), x.All()), strings.Join(x.Missing(), ", ")})
	}
	rows(w, lines...)
	fmt.Fprintf(w, "coverage: %d%%\n", c.Percent())
}
