package egress

import (
	"context"
	"time"
)

// Source mints credentials: Vault, seen from here.
type Source interface {
	// Fetch asks for a credential, bound to a key when there is one. The
	// error is a [*Denied] when asking again will not help until somebody
	// changes something.
	Fetch(ctx context.Context, key Key) (*Credential, error)
	// Renew extends the lease of a credential and returns how long it lasts
	// from now. A [*Denied] says that the credential is dead.
	Renew(ctx context.Context, lease string) (time.Duration, error)
	// Revoke ends the lease, and the credential with it.
	Revoke(ctx context.Context, lease string) error
}

// Key is what a credential is to be bound to; the zero value binds it to nothing.
type Key struct {
	Thumbprint  string // of a JWK, RFC 7638, for DPoP
	Certificate string // PEM, for mTLS
}

// Credential is what a [Source] mints.
type Credential struct {
	Token     string
	Type      string        // how to present it: Bearer or DPoP
	Lease     string        // what renews and revokes it
	TTL       time.Duration // of the lease, since it was asked for
	Renewable bool
	// Doomed is closed when the credential ends before its lease does,
	// because what minted it goes away. Nil means that it does not.
	Doomed <-chan struct{}
}

// Denied is the error of a [Source] that answered: no.
type Denied struct{ Reason string }

func (d *Denied) Error() string { return d.Reason }
