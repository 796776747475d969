package auditlog

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// pass joins those requests whose ID falls to it.
type pass struct {
	*Join
	*Report
	ctx    context.Context
	n, of  uint64
	oldest time.Time

	requests map[key]request
}

func (p *pass) mine(k key) bool { return binary.BigEndian.Uint64(k[:])%p.of == p.n }

func (p *pass) run(first int64) error {
	p.requests = make(map[key]request)
	if err := p.load(first); err != nil {
		return err
	}
	var before, all int64
	for _, f := range p.Files {
		all += f.Size
	}
	for _, f := range p.Files {
		unreadable, err := f.each(p.ctx, func(read int64) { p.tell(before+read, all) }, p.line)
		if err != nil {
			return err
		}
		if p.n == 0 {
			p.Unreadable += unreadable
		}
		before += f.Size
	}
	p.tell(all, all)
	p.unaudited()
	return nil
}

func (p *pass) tell(done, all int64) {
	if p.Progress != nil {
		p.Progress(int64(p.n)*all+done, int64(p.of)*all)
	}
}

// load takes what the ledger has.
func (p *pass) load(first int64) error {
	return ledger.Entries(p.ctx, p.Ledger, first, p.Size, func(index int64, text []byte) (bool, error) {
		e, err := ledger.ParseEntry(text)
		if err != nil {
			return true, nil // of a later version; an audit says what is wrong
		}
		if e.RequestID == "" {
			p.ownAccount(e)
			return true, nil
		}
		k := keyOf(e.RequestID)
		if !p.mine(k) {
			return true, nil
		}
		q, ok := p.requests[k]
		if !ok {
			q = request{index: index, at: e.Time.UnixMilli()}
		}
		q.entries++
		p.requests[k] = q
		return true, nil
	})
}

// ownAccount counts what Vault did for leases.
func (p *pass) ownAccount(e *ledger.Entry) {
	if p.n > 0 || e.Time.Before(p.From) {
		return
	}
	p.Leases++
	if e.Type == ledger.Renew {
		p.Renewed.Entries++
	}
}

func (p *pass) line(l *Line) bool {
	if l.Time.After(p.To) {
		p.To = l.Time
	}
	if p.n == 0 {
		p.Lines++
		if l.Renewal(p.Namespace, p.Mount) {
			p.Renewed.Lines++
		}
	}
	k := keyOf(l.Request.ID)
	if !p.mine(k) {
		return true
	}
	q, ok := p.requests[k]
	switch {
	case ok && !q.seen:
		q.seen = true
		p.requests[k] = q
		p.Joined++
	case !ok && l.Recorded(p.Namespace, p.Mount) && !l.Time.Before(p.oldest):
		p.Unrecorded++
		if len(p.ListedLost) < p.Most {
			p.ListedLost = append(p.ListedLost, UnrecordedLine{l.Time, l.Request.ID, l.Request.Operation, l.Request.Path})
		}
	}
	return true
}

// unaudited takes the entries of the time of the files that no line is about.
func (p *pass) unaudited() {
	for _, q := range p.requests {
		if at := time.UnixMilli(q.at); at.Before(p.From) || at.After(p.To) {
			continue
		}
		p.Entries += int64(q.entries)
		if !q.seen {
			p.Unaudited += int64(q.entries)
			p.ListedBare = append(p.ListedBare, UnauditedEntry{Index: q.index})
		}
	}
	// Of many, the first ones are listed.
	slices.SortFunc(p.ListedBare, func(a, b UnauditedEntry) int { return cmp.Compare(a.Index, b.Index) })
	p.ListedBare = p.ListedBare[:min(len(p.ListedBare), p.Most)]
}
