package mount

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/hashicorp/vault/api"
)

// maxRaw is more than a bundle of the ledger can have: 256 entries of 64 KB.
const maxRaw = 32 << 20

// Raw reads what is no JSON below the mount. What is not there is
// [fs.ErrNotExist]; that the mount is not there is another error.
func (m *Mount) Raw(ctx context.Context, path string) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, m.client.ClientTimeout()) // raw reads have none of their own
	defer stop()
	resp, err := m.client.Logical().ReadRawWithContext(ctx, m.Path+"/"+path)
	if resp != nil {
		defer resp.Body.Close()
	}
	var answer *api.ResponseError
	switch {
	case errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound:
		if said := oneLine(strings.Join(answer.Errors, "; ")); !strings.Contains(said, "no handler for route") {
			return nil, fmt.Errorf("%s/%s: %s: %w", m.Path, path, said, fs.ErrNotExist)
		}
		return nil, m.absent(path)
	case err != nil:
		return nil, m.explain(err, "read", path)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRaw))
	return body, m.explain(err, "read", path)
}

// Ledger is the ledger of a mount. It implements [ledger.Reader].
type Ledger struct{ *Mount }

// Read reads the checkpoint, a tile or a bundle.
func (l Ledger) Read(ctx context.Context, path string) ([]byte, error) {
	return l.Raw(ctx, "ledger/"+path)
}
