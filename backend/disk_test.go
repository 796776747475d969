package backend

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/vault/sdk/logical"
)

// disk is in-memory storage that counts, and fails or panics when told to.
type disk struct {
	logical.InmemStorage

	mu     sync.Mutex
	reads  int // Get and List
	writes int // Put and Delete
	ledger int // operations below ledger/, which are counted here alone
	fault  *fault
	log    []string // keys written

	readOnly atomic.Bool // as on a standby
}

// fault strikes at the n-th operation from now on, once.
type fault struct {
	n      int
	kind   faultKind
	struck bool
}

type faultKind string

const (
	before     faultKind = "before" // the operation fails and was not done
	after      faultKind = "after"  // it was done, and its answer got lost
	panicking  faultKind = "panic"
	noFault    faultKind = ""
	faultWords           = "the disk is on fire"
)

// operation counts an operation and reports which fault strikes it.
func (d *disk) operation(key string, counter *int) faultKind {
	d.mu.Lock()
	defer d.mu.Unlock()
	if strings.HasPrefix(key, ledgerPrefix) {
		counter = &d.ledger
	}
	*counter++
	if d.fault == nil {
		return noFault
	}
	if d.fault.n--; d.fault.n != 0 {
		return noFault
	}
	d.fault.struck = true
	return d.fault.kind
}

func (d *disk) do(key string, counter *int, op func() error) error {
	kind := d.operation(key, counter)
	switch kind {
	case panicking:
		panic(faultWords)
	case before:
		return errors.New(faultWords)
	case after:
		return errors.Join(op(), errors.New(faultWords))
	}
	return op()
}

func (d *disk) Get(ctx context.Context, key string) (entry *logical.StorageEntry, err error) {
	err = d.do(key, &d.reads, func() error { entry, err = d.InmemStorage.Get(ctx, key); return err })
	return entry, err
}

// List sorts nothing, as storage promises no order.
func (d *disk) List(ctx context.Context, prefix string) (names []string, err error) {
	err = d.do(prefix, &d.reads, func() error { names, err = d.InmemStorage.List(ctx, prefix); return err })
	return names, err
}

func (d *disk) Put(ctx context.Context, e *logical.StorageEntry) error {
	if d.readOnly.Load() {
		return logical.ErrReadOnly
	}
	d.wrote(e.Key)
	return d.do(e.Key, &d.writes, func() error { return d.InmemStorage.Put(ctx, e) })
}

func (d *disk) Delete(ctx context.Context, key string) error {
	if d.readOnly.Load() {
		return logical.ErrReadOnly
	}
	d.wrote(key)
	return d.do(key, &d.writes, func() error { return d.InmemStorage.Delete(ctx, key) })
}

func (d *disk) wrote(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, key)
}

// written returns the keys written since it was last asked.
func (d *disk) written() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	keys := d.log
	d.log = nil
	return keys
}

// breakAt makes the n-th operation from now on fail.
func (d *disk) breakAt(n int, kind faultKind) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = &fault{n: n, kind: kind}
}

// mend reports whether the fault struck.
func (d *disk) mend() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	struck := d.fault != nil && d.fault.struck
	d.fault = nil
	return struck
}

// counted returns the reads and writes made by f.
func (d *disk) counted(f func()) (reads, writes int) {
	d.mu.Lock()
	reads, writes = d.reads, d.writes
	d.mu.Unlock()
	f()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.reads - reads, d.writes - writes
}

// countedLedger returns the operations on the ledger made by f.
func (d *disk) countedLedger(f func()) int {
	d.mu.Lock()
	before := d.ledger
	d.mu.Unlock()
	f()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ledger - before
}

// keys returns all keys below a prefix.
func (d *disk) keys(prefix string) []string {
	var all []string
	names, _ := d.InmemStorage.List(context.Background(), prefix)
	for _, name := range names {
		if strings.HasSuffix(name, "/") {
			all = append(all, d.keys(prefix+name)...)
		} else {
			all = append(all, prefix+name)
		}
	}
	return all
}
