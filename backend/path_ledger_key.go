package backend

import (
	"context"
	"errors"
	"net/http"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/endpoint"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/backend/journal"
	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

type ledgerKeyResponse struct {
	Origin string            `json:"origin" doc:"Name of the ledger: the issuer it began with, without scheme."`
	Keys   []ledgerPublicKey `json:"keys" doc:"Keys that sign checkpoints now, the newest first: key, a verifier key of C2SP signed-note, and created."`
}

type ledgerPublicKey struct {
	Key     string `json:"key"`
	Created string `json:"created"`
}

func (b *backend) pathLedgerKey() endpoint.Path {
	return endpoint.Path{
		Pattern:  "ledger/key",
		Suffix:   "ledger-key",
		Synopsis: "Public keys that verify checkpoints of the ledger.",
		Help:     "Pin one outside of Vault. After a rotation the key before signs too, so that whoever has pinned that can take over the new one.",
		Read: endpoint.Handle("Read the public keys of the ledger.", func(ctx context.Context, _ *endpoint.Call, _ *endpoint.None) (*ledgerKeyResponse, error) {
			origin, keys, err := b.journal.Keys(ctx)
			if errors.Is(err, journal.ErrOff) {
				return nil, endpoint.NotFound("%v", err)
			}
			resp := &ledgerKeyResponse{Origin: origin}
			for _, k := range keys {
				resp.Keys = append(resp.Keys, ledgerPublicKey{k.Text, stamp(k.Created)})
			}
			return resp, err
		}),
	}
}

type ledgerRotateResponse struct {
	Key string `json:"key" doc:"The new key, to be pinned."`
}

func (b *backend) pathLedgerKeyRotate() endpoint.Path {
	return endpoint.Path{
		Pattern:  "ledger/key/rotate",
		Suffix:   "ledger-key",
		Verb:     "rotate",
		Synopsis: "Rotate the key that signs checkpoints of the ledger.",
		Help:     "The new key and the one that was the newest sign from now on. If a key was compromised, rotate twice.",
		Write: endpoint.Handle("Rotate the key of the ledger.", func(ctx context.Context, _ *endpoint.Call, _ *endpoint.None) (*ledgerRotateResponse, error) {
			if !b.recording.Load() {
				return nil, endpoint.BadRequest("the ledger is off: vault write <mount>/config ledger=on")
			}
			public, err := b.journal.Rotate(ctx)
			var damage *ledger.Damage
			switch {
			case errors.Is(err, journal.ErrOff):
				return nil, endpoint.NotFound("%v", err)
			case errors.As(err, &damage):
				return nil, &endpoint.Error{Status: http.StatusServiceUnavailable, Message: damage.Error()}
			case err != nil:
				return nil, err
			}
			told := &event{kind: kindKeyRotate, key: "ledger", detail: "the ledger's own key is now " + public}
			return &ledgerRotateResponse{public}, b.tell(ctx, told)
		}),
	}
}
