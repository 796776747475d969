// Command ramp works with ramp contracts from the command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mount"
)

// version is set by the linker.
var version = "v0.0.0-dev"

func main() { os.Exit(run(os.Args[1:])) }

// run returns the exit code: 0 done, 1 refused or failed, 2 called wrongly; see
// plan for its own.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the command at once
	root := rootCommand()
	root.SetArgs(vaultStyle(args))
	cmd, err := root.ExecuteContextC(ctx)
	return report(cmd, err)
}

func report(cmd *cobra.Command, err error) int {
	var quiet exit
	var next *mount.Failure
	switch {
	case err == nil:
		return 0
	case errors.As(err, &quiet):
		return int(quiet)
	}
	fmt.Fprintln(os.Stderr, "ramp:", err)
	if errors.As(err, &next) && next.Next != "" {
		fmt.Fprintln(os.Stderr, "next:", next.Next)
	}
	if errors.As(err, new(failure)) || next != nil || cmd.Name() == "plan" {
		return 1 // 2 would mean: there is something to do
	}
	fmt.Fprintf(os.Stderr, "next: %s -h\n", cmd.CommandPath())
	return 2
}

// failure is an error in the matter, not in how the command was called.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// advise is a failure with what to do next.
func advise(err error, next string, args ...any) error {
	return failure{&mount.Failure{Err: err, Next: fmt.Sprintf(next, args...)}}
}

// exit ends the command with this code; all has been said.
type exit int

func (e exit) Error() string { return fmt.Sprintf("exit code %d", int(e)) }
