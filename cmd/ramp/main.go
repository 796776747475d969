// Command ramp works with ramp contracts from the command line.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "v0.0.0-dev"

func main() { os.Exit(run(os.Args[1:])) }

// run returns the exit code: 0 done, 1 refused or failed, 2 called wrongly.
func run(args []string) int {
	root := &cobra.Command{
		Use:           "ramp",
		Short:         "Work with ramp contracts",
		Version:       version,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetVersionTemplate("ramp {{.Version}}\n")
	root.AddCommand(proxyCommand(), relayCommand(), verifyCommand())
	root.SetArgs(vaultStyle(args))
	if err := root.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "ramp:", err)
		if errors.As(err, new(failure)) {
			return 1
		}
		return 2
	}
	return 0
}

// failure is an error in the matter, not in how the command was called.
type failure struct{ error }

// vaultStyle lets people write -name=value as they do with vault.
func vaultStyle(args []string) []string {
	list := make([]string, len(args))
	for i, a := range args {
		if len(a) > 2 && a[0] == '-' && a[1] != '-' && !strings.ContainsAny(a[1:2], "0123456789") {
			a = "-" + a
		}
		list[i] = a
	}
	return list
}
