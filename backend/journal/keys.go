package journal

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// KeyPath is where the private keys lie in the storage of the ledger.
const KeyPath = "key"

// keys sign checkpoints: the newest, and the one before, so that whoever has
// pinned that can check the change.
type keys struct {
	Origin string `json:"origin"`
	Keys   []key  `json:"keys"` // newest first
}

type key struct {
	Private string    `json:"private"`
	Public  string    `json:"public"`
	Created time.Time `json:"created"`

	signer   note.Signer
	verifier note.Verifier
}

// PublicKey verifies checkpoints.
type PublicKey struct {
	Text    string // for [note.NewVerifier]
	Created time.Time
}

// readKeys returns a *[ledger.Damage] error when what is stored are no keys.
func readKeys(ctx context.Context, s ledger.Storage) (*keys, error) {
	text, err := s.Read(ctx, KeyPath)
	if err != nil {
		return nil, err
	}
	k := &keys{}
	if err := json.Unmarshal(text, k); err != nil || len(k.Keys) == 0 {
		return nil, &ledger.Damage{Err: errors.New("its keys are no keys")} // and err could quote them
	}
	for i := range k.Keys {
		if err := k.Keys[i].load(); err != nil {
			return nil, &ledger.Damage{Err: err}
		}
	}
	return k, nil
}

func (k *key) load() (err error) {
	if k.signer, err = note.NewSigner(k.Private); err != nil {
		return errors.New("one of its keys is no key")
	}
	if k.verifier, err = note.NewVerifier(k.Public); err != nil {
		return fmt.Errorf("public key of the ledger: %w", err)
	}
	return nil
}

func (k *key) signed(checkpoint []byte) bool {
	_, err := ledger.OpenCheckpoint(checkpoint, k.verifier)
	return err == nil
}

func newKey(origin string, now time.Time) (key, error) {
	private, public, err := ledger.NewKey(rand.Reader, origin)
	if err != nil {
		return key{}, err
	}
	k := key{Private: private, Public: public, Created: now.UTC()}
	return k, k.load()
}

func (k *keys) store(ctx context.Context, s ledger.Storage) error {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	return s.Write(ctx, KeyPath, text)
}

func (k *keys) signers() (list []note.Signer) {
	for _, each := range k.Keys {
		list = append(list, each.signer)
	}
	return list
}

func (k *keys) verifiers() (list []note.Verifier) {
	for _, each := range k.Keys {
		list = append(list, each.verifier)
	}
	return list
}

// Begin makes a ledger with a name, if there is none. It keeps the name for ever.
func (j *Journal) Begin(ctx context.Context, origin string) error {
	j.committing.Lock()
	defer j.committing.Unlock()
	if j.log.Load() != nil || j.storage == nil {
		return nil
	}
	if _, err := readKeys(ctx, j.storage); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	first, err := newKey(origin, j.now())
	if err != nil {
		return err
	}
	return (&keys{origin, []key{first}}).store(ctx, j.storage)
}

// Keys are the name of the ledger, and the public keys that sign its
// checkpoints now, the newest first.
func (j *Journal) Keys(ctx context.Context) (origin string, list []PublicKey, err error) {
	j.committing.Lock()
	defer j.committing.Unlock()
	if j.storage == nil {
		return "", nil, ErrOff
	}
	k, err := readKeys(ctx, j.storage)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, ErrOff
	} else if err != nil {
		return "", nil, err
	}
	for _, each := range k.Keys {
		list = append(list, PublicKey{each.Public, each.Created})
	}
	return k.Origin, list, nil
}

// Rotate makes a new key. From the next commit on it signs beside the one that
// was the newest so far.
func (j *Journal) Rotate(ctx context.Context) (public string, err error) {
	j.committing.Lock()
	defer j.committing.Unlock()
	log, err := j.opened(ctx)
	if err != nil {
		return "", err
	}
	k, err := readKeys(ctx, j.storage)
	if err != nil {
		return "", err
	}
	if _, signed := log.Checkpoint(); !k.Keys[0].signed(signed) {
		return "", errors.New("the rotation before is not complete: nothing was written since")
	}
	fresh, err := newKey(k.Origin, j.now())
	if err != nil {
		return "", err
	}
	k.Keys = []key{fresh, k.Keys[0]}
	if err := k.store(ctx, j.storage); err != nil {
		return "", err
	}
	log.SignWith(k.signers()...)
	return fresh.Public, nil
}
