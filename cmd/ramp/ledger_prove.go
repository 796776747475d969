package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// inclusion is a proof that the ledger has an entry.
type inclusion struct {
	logged
	Leaf       []byte   `json:"leaf"`
	Hashes     [][]byte `json:"hashes"`
	Checkpoint string   `json:"checkpoint"`

	at ledger.Checkpoint
}

func ledgerProveCommand() *cobra.Command {
	var r record
	var f format
	cmd := &cobra.Command{
		Use:   "prove JTI | INDEX | TOKEN | - [-key=KEY]... [-dir=DIR]",
		Short: "Prove that the ledger has an entry, or the issue of a token",
		Long: `Prove that the ledger has the entry of an index, or the issue of a jti or token (-
reads it from standard input). The proof is verified here against the signed
checkpoint, and printed: whoever has the checkpoint and the entry can verify it.

A token with a good signature whose issue the ledger does not have was signed by
somebody else: a key was stolen.

Exit codes: 0 proved, 1 not there or not to be proved, 2 called wrongly.`,
		Example: `  ramp ledger prove ihsfc5f3exgi3uuq.17
  vault read -field=token ramp/creds/orders-to-payments | ramp ledger prove -`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			wanted, err := argument(args, cmd.InOrStdin())
			if err != nil {
				return err
			}
			p, err := r.prove(cmd, wanted)
			if err != nil {
				return err
			}
			return f.print(cmd.OutOrStdout(), p, p.show)
		},
	}
	r.register(cmd)
	f.register(cmd)
	return cmd
}

func (r *record) prove(cmd *cobra.Command, wanted string) (*inclusion, error) {
	ctx := cmd.Context()
	jti, since, err := issueOf(wanted)
	if err != nil {
		return nil, err
	}
	log, at, signed, err := r.signed(ctx, cmd.ErrOrStderr())
	if err != nil {
		return nil, err
	}
	p := &inclusion{Checkpoint: string(signed), at: at}
	if jti == "" {
		p.Index, err = strconv.ParseInt(wanted, 10, 64)
	} else {
		p.Index, err = findIssue(ctx, log, at.Size, jti, since, progress(cmd.ErrOrStderr(), "searching"))
	}
	if err != nil {
		return nil, err
	}
	if err := p.prove(ctx, log); err != nil {
		return nil, unreadable(err)
	}
	return p, nil
}

// signed opens a ledger and its checkpoint.
func (r *record) signed(ctx context.Context, warn io.Writer) (ledger.Reader, ledger.Checkpoint, []byte, error) {
	log, keys, err := r.source(ctx, warn)
	if err != nil {
		return nil, ledger.Checkpoint{}, nil, err
	}
	text, err := log.Read(ctx, ledger.CheckpointPath)
	if err != nil {
		return nil, ledger.Checkpoint{}, nil, unreadable(err)
	}
	at, err := ledger.OpenCheckpoint(text, keys...)
	if err != nil {
		return nil, ledger.Checkpoint{}, nil, advise(err, "is the key the one of this ledger? vault read ramp/ledger/key shows those that it signs with")
	}
	return log, at, text, nil
}

// issueOf tells an index from a jti or token. Of a token it reads jti and iat,
// and verifies nothing.
func issueOf(wanted string) (jti string, since time.Time, err error) {
	if _, err := strconv.ParseInt(wanted, 10, 64); err == nil {
		return "", since, nil
	}
	parts := strings.Split(wanted, ".")
	if len(parts) != 3 {
		return wanted, since, nil
	}
	var claims struct {
		JTI      string  `json:"jti"`
		IssuedAt float64 `json:"iat"`
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(text, &claims)
	}
	if err != nil || claims.JTI == "" {
		return "", since, errors.New("that is no index, no jti, and no token with a jti")
	}
	return claims.JTI, time.Unix(int64(claims.IssuedAt), 0), nil
}

func findIssue(ctx context.Context, log ledger.Reader, size int64, jti string, since time.Time, tell func(done, all int)) (int64, error) {
	read := 0
	index, found, err := ledger.Find(ctx, log, size, since, func(e *ledger.Entry) bool {
		read++
		tell(min(read, int(size)), int(size))
		return e.Type == ledger.Issue && e.JTI == jti
	})
	switch {
	case err != nil:
		return 0, unreadable(err)
	case found == nil:
		return 0, advise(fmt.Errorf("the ledger has no issue of %q: if a token with this jti has a good signature, the key that signed it was stolen, unless it was issued while the ledger was off, or so long ago that its entry was pruned", printable(jti)),
			"ramp verify says whether the signature is good; if it is, vault write ramp/keys/NAME/revoke kid=KID ends everything the key signed")
	}
	return index, nil
}

// prove fetches the proof from tiles, and the entry, and verifies them.
func (p *inclusion) prove(ctx context.Context, log ledger.Reader) error {
	proof, err := ledger.ProveInclusion(ctx, log, p.at, p.Index)
	if err != nil {
		return err
	}
	for _, h := range proof {
		p.Hashes = append(p.Hashes, h[:])
	}
	leaf, err := ledger.LeafHash(ctx, log, p.at, p.Index)
	if err != nil {
		return err
	}
	p.Leaf = leaf[:]
	return ledger.Entries(ctx, log, p.Index, p.at.Size, func(index int64, entry []byte) (bool, error) {
		if index != p.Index { // pruned: its hash is left, and that is proved
			return false, nil
		}
		p.Entry = append(json.RawMessage(nil), entry...)
		return false, ledger.CheckInclusion(proof, p.at, index, entry)
	})
}

func (p *inclusion) show(w io.Writer) {
	if p.Entry == nil {
		fmt.Fprintf(w, "%8d  pruned: the hash of the entry is left, not the entry\n", p.Index)
	} else {
		p.line(w)
	}
	b64 := base64.StdEncoding.EncodeToString
	fmt.Fprintln(w, "\nHash", b64(p.Leaf))
	for i, h := range p.Hashes {
		fmt.Fprintf(w, "%4d %s\n", i, b64(h))
	}
	fmt.Fprintf(w, "\n%s\n%s the ledger has it: proved against the checkpoint of %s\n", strings.TrimSpace(p.Checkpoint), green("✓"), entries(p.at.Size))
}
