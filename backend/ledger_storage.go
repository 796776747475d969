package backend

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/journal"
)

// ledgerStorage is where the ledger lies in Vault's storage.
type ledgerStorage struct{ logical.Storage }

// Read implements ledger.Storage.
func (s ledgerStorage) Read(ctx context.Context, path string) ([]byte, error) {
	entry, err := s.Get(ctx, ledgerPrefix+path)
	if err != nil {
		return nil, fmt.Errorf("read %s%s: %w", ledgerPrefix, path, err)
	}
	if entry == nil {
		return nil, fmt.Errorf("%s%s: %w", ledgerPrefix, path, fs.ErrNotExist)
	}
	return entry.Value, nil
}

// Write implements ledger.Storage.
func (s ledgerStorage) Write(ctx context.Context, key string, value []byte) error {
	if err := s.Put(ctx, &logical.StorageEntry{Key: ledgerPrefix + key, Value: value, SealWrap: key == journal.KeyPath}); err != nil {
		return fmt.Errorf("write %s%s: %w", ledgerPrefix, key, err)
	}
	return nil
}

// Delete implements ledger.Storage.
func (s ledgerStorage) Delete(ctx context.Context, key string) error {
	if err := s.Storage.Delete(ctx, ledgerPrefix+key); err != nil {
		return fmt.Errorf("delete %s%s: %w", ledgerPrefix, key, err)
	}
	return nil
}
