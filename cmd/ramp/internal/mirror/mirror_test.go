package mirror_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"testing"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/cmd/ramp/internal/mirror"
)

// source is a ledger that breaks off after some reads.
type source struct {
	left int
	read []string
}

var errBroke = errors.New("broke off")

func (s *source) Read(_ context.Context, path string) ([]byte, error) {
	if s.left--; s.left < 0 {
		return nil, errBroke
	}
	s.read = append(s.read, path)
	return []byte(path), nil
}

func TestCopyGoesOn(t *testing.T) {
	dir := mirror.Dir(t.TempDir())
	paths := []string{"tile/0/000", "tile/entries/000", "tile/0/001.p/7", "tile/entries/001.p/7"}
	copyAll := func(s *source) error {
		c := mirror.Copy{From: s, To: dir}
		for _, p := range append([]string{"checkpoint"}, paths...) {
			if got, err := c.Read(t.Context(), p); err != nil {
				return err
			} else if string(got) != p {
				t.Errorf("%s is %q", p, got)
			}
		}
		return c.Finish()
	}
	if err := copyAll(&source{left: 3}); !errors.Is(err, errBroke) {
		t.Fatal(err)
	}
	if _, err := dir.Read(t.Context(), "checkpoint"); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("half a copy has a checkpoint", err)
	}
	again := &source{left: 100}
	if err := copyAll(again); err != nil || !slices.Equal(again.read, []string{"checkpoint", "tile/0/001.p/7", "tile/entries/001.p/7"}) {
		t.Fatal(again.read, err)
	}
	paths = []string{"tile/0/001"}
	if err := copyAll(&source{left: 2}); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Read(t.Context(), "tile/0/001.p/7"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("part of a tile beside the whole", err)
	}
	if got, err := dir.Read(t.Context(), "tile/entries/001.p/7"); err != nil || len(got) == 0 {
		t.Error("part of a bundle of which there is no whole was removed", err)
	}
	for _, p := range []string{"../x", "/etc/passwd", "tile/../../x"} {
		if _, err := dir.Read(t.Context(), p); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", p, err)
		}
	}
}
