package relay

import (
	"sync"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/revocation"
)

// maxDue bounds what is remembered to be read again; beyond it everything is.
const maxDue = 100_000

// settled is when a status list read again after a death is sure to show it:
// Vault may answer with one signed up to five seconds before.
const settled = 6 * time.Second

// due is which contracts' status lists have to be read again, and when, because
// of what the feed said.
type due struct {
	mu         sync.Mutex
	lists      map[dueList]struct{}
	everything bool
}

type dueList struct {
	contract string
	at       int64 // NumericDate
}

// hear notes what a message of the feed changes.
func (d *due) hear(m *revocation.Feed, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range m.Lists {
		d.add(c.Contract, now.Unix(), now)
	}
	for _, e := range m.Events {
		switch {
		case e.Type == revocation.EventKey:
			d.everything = true // it may have signed any of them
		case e.Contract != "":
			d.add(e.Contract, max(e.From, now.Unix()), now)
		}
	}
}

func (d *due) add(contract string, at int64, now time.Time) {
	if len(d.lists) >= maxDue {
		d.lists, d.everything = nil, true
	}
	if d.lists == nil {
		d.lists = make(map[dueList]struct{})
	}
	d.lists[dueList{contract, at}] = struct{}{}
	d.lists[dueList{contract, max(at, now.Unix()) + int64(settled/time.Second)}] = struct{}{}
}

// take returns the contracts that are due by now, or that all are.
func (d *due) take(now time.Time) (contracts map[string]bool, everything bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	contracts = make(map[string]bool)
	for l := range d.lists {
		if l.at <= now.Unix() {
			contracts[l.contract] = true
			delete(d.lists, l)
		}
	}
	everything, d.everything = d.everything, false
	return contracts, everything
}
