package estate

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
)

// Sources are the files read so far, for showing where errors are.
type Sources struct{ parser *hclparse.Parser }

// NewSources returns Sources without files.
func NewSources() *Sources { return &Sources{hclparse.NewParser()} }

// Files are the files read so far.
func (s *Sources) Files() map[string]*hcl.File { return s.parser.Files() }

// IsSource reports whether a file of this name is read when its directory is.
func IsSource(name string) bool {
	return !strings.HasPrefix(name, ".") && (strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".hcl.json"))
}

// Find returns the files that paths mean: files as they are named, and those
// of directories that end in .hcl or .hcl.json.
func Find(paths ...string) ([]string, error) {
	var files []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, path)
			continue
		}
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, err
		}
		found := len(files)
		for _, e := range entries {
			if !e.IsDir() && IsSource(e.Name()) {
				files = append(files, filepath.Join(path, e.Name()))
			}
		}
		if len(files) == found {
			return nil, fmt.Errorf("%s has no files that end in .hcl or .hcl.json", path)
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// file reads and parses a file, once.
func (s *Sources) file(path string) (*hcl.File, hcl.Diagnostics) {
	if f := s.parser.Files()[path]; f != nil {
		return f, nil
	}
	text, err := readFile(path)
	if err != nil {
		return nil, failed("cannot read a file", err.Error(), nil)
	}
	return s.parse(path, text)
}

func (s *Sources) parse(path string, text []byte) (*hcl.File, hcl.Diagnostics) {
	if why := unbearable(path, text); why != "" {
		return nil, failed("file is not read", path+": "+why+".", nil)
	}
	if strings.HasSuffix(path, ".json") {
		return s.parser.ParseJSON(text, path)
	}
	return s.parser.ParseHCL(text, path)
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return readAll(f)
}

// readFileBelow reads a file that really is below a directory, whatever links say.
func readFileBelow(dir, path string) ([]byte, error) {
	f, err := os.OpenInRoot(dir, path)
	if err != nil {
		return nil, err
	}
	return readAll(f)
}

func readAll(f *os.File) ([]byte, error) {
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s is larger than %d MiB", f.Name(), maxFile>>20)
	}
	return text, err
}

func failed(summary, detail string, at *hcl.Range) hcl.Diagnostics {
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: at}}
}
