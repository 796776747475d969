package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// ask waits for a yes. Without a terminal it fails and says what to do instead.
func ask(cmd *cobra.Command, question, instead string) error {
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !isTerminal(in) {
		return advise(errors.New("nobody is there to approve"), "%s", instead)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "\n%s Only yes goes on: ", question)
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return failure{err}
	}
	if strings.TrimSpace(answer) != "yes" {
		return failure{errors.New("not approved, nothing was changed")}
	}
	return nil
}
