package main

import (
	"fmt"
	"io"
	"os"

	"github.com/fatih/color"
	"github.com/mattn/go-isatty"
	"golang.org/x/term"
)

// Colours are for terminals, and not with NO_COLOR or TERM=dumb.
var (
	red    = color.New(color.FgRed).SprintFunc()
	green  = color.New(color.FgGreen).SprintFunc()
	yellow = color.New(color.FgYellow).SprintFunc()
	bold   = color.New(color.Bold).SprintFunc()
	faint  = color.New(color.Faint).SprintFunc()
)

func isTerminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) }

// width of the terminal, for texts that are broken into lines.
func width() int {
	if w, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && w > 20 {
		return w
	}
	return 100
}

// progress shows how far a long work is: a bar on a terminal, elsewhere a line
// now and then. Short work shows nothing.
func progress(w io.Writer, what string) func(done, all int) {
	const short = 50
	bar := isTerminal(os.Stderr)
	said := 0
	return func(done, all int) {
		if all < short {
			return
		}
		percent := 100 * done / all
		switch {
		case bar && (percent > said || done == all):
			fmt.Fprintf(w, "\r%s %s %d/%d", what, meter(percent), done, all)
			if done == all {
				fmt.Fprint(w, "\r\033[K")
			}
			said = percent
		case !bar && percent >= said+20:
			fmt.Fprintf(w, "%s: %d of %d\n", what, done, all)
			said = percent
		}
	}
}

func meter(percent int) string {
	const size = 30
	full := percent * size / 100
	b := make([]rune, size)
	for i := range b {
		b[i] = '░'
		if i < full {
			b[i] = '█'
		}
	}
	return string(b)
}
