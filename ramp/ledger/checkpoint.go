package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint says what a log held at some time: its size and root hash. Whoever
// keeps one can tell later whether the log still begins with the same entries.
type Checkpoint struct {
	Origin string // name of the log
	Size   int64
	Root   Hash
}

// Origin is the name of the log of an issuer: its URL without the scheme, and
// without what names of signed notes may not have.
func Origin(issuer string) string {
	if _, rest, ok := strings.Cut(issuer, "://"); ok {
		issuer = rest
	}
	return strings.ReplaceAll(issuer, "+", "%2B")
}

// NewKey makes an Ed25519 key that signs checkpoints of a log. The private text
// is for [note.NewSigner]; the public one, "<origin>+<hash>+<key>", is for
// [note.NewVerifier] and may be published.
func NewKey(random io.Reader, origin string) (private, public string, err error) {
	return note.GenerateKey(random, origin)
}

// Body is the text that is signed.
func (c Checkpoint) Body() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// Sign returns the checkpoint as a signed note.
func (c Checkpoint) Sign(signers ...note.Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.Body()}, signers...)
}

// OpenCheckpoint reads a signed checkpoint. One of the keys has to have signed
// it, and it has to be of the log that the key is named for.
func OpenCheckpoint(signed []byte, keys ...note.Verifier) (Checkpoint, error) {
	n, err := note.Open(signed, note.VerifierList(keys...))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	c, err := ParseCheckpoint(n.Text)
	if err == nil && c.Origin != n.Sigs[0].Name {
		err = fmt.Errorf("checkpoint of log %q is signed with a key of %q", c.Origin, n.Sigs[0].Name)
	}
	return c, err
}

// ParseCheckpoint reads the text of a checkpoint, signed or not, and verifies
// no signature. Extension lines are ignored.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" {
		return Checkpoint{}, errors.New("checkpoint: it takes an origin, a size and a root hash, each on a line")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return Checkpoint{}, fmt.Errorf("checkpoint: %.40q is not a size", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || base64.StdEncoding.EncodeToString(root[:]) != lines[2] {
		return Checkpoint{}, fmt.Errorf("checkpoint: %.80q is not a root hash", lines[2])
	}
	if size == 0 && root != emptyRoot {
		return Checkpoint{}, errors.New("checkpoint: an empty log has another root hash")
	}
	return Checkpoint{lines[0], size, root}, nil
}
