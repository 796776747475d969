package backend

import (
	"context"
	"fmt"

	"github.com/hashicorp/vault/sdk/logical"
)

// schemaVersion is the version of the storage layout that this code writes.
const schemaVersion = 1

type schema struct {
	Version int `json:"version"`
}

// upgrade marks fresh storage, and refuses storage of a newer engine: reading
// it with old eyes could revive what was revoked.
func (b *backend) upgrade(ctx context.Context, s logical.Storage) error {
	stored, err := get[schema](ctx, s, schemaKey)
	switch {
	case err != nil:
		return err
	case stored == nil:
		return put(ctx, s, schemaKey, schema{schemaVersion})
	case stored.Version > schemaVersion:
		return fmt.Errorf("storage has version %d, written by a newer plugin; this one knows versions up to %d", stored.Version, schemaVersion)
	}
	return nil
}
