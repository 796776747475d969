package backend

import (
	"context"
	"errors"

	"github.com/hashicorp/vault/sdk/logical"
)

// periodic is called by Vault about once a minute. It writes nothing that a
// request could wait for.
func (b *backend) periodic(ctx context.Context, req *logical.Request) error {
	if !b.WriteSafeReplicationState() {
		return nil
	}
	err := errors.Join(
		b.loadConfig(ctx, req.Storage), // the mount may have been tuned
		b.tendKeys(ctx, req.Storage),
		b.forgetKills(ctx, req.Storage),
		b.forgetResumed(ctx, req.Storage),
		b.storeStandings(ctx, req.Storage),
		b.keepLedger(ctx),
		b.storeAccounts(ctx, req.Storage),
	)
	if err != nil {
		b.report(req, err)
	}
	return nil
}
