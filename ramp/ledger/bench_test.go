package ledger_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/ramp-contracts/vault-plugin-secrets-ramp/ramp/ledger"
)

// size of the logs that are measured.
const million = 1_000_000

func benchLog(b *testing.B) (key, *memory, *ledger.Log) {
	b.Helper()
	k, m := newKey(b, origin), &memory{}
	l := k.open(b, m)
	batch := entries(b, 0, ledger.MaxBatch)
	for n := 0; n < million; n += len(batch) {
		if _, err := l.Append(b.Context(), batch[:min(len(batch), million-n)], nil); err != nil {
			b.Fatal(err)
		}
	}
	return k, m, l
}

func BenchmarkAppendMillion(b *testing.B) {
	for b.Loop() {
		start := time.Now()
		_, m, _ := benchLog(b)
		b.ReportMetric(million/time.Since(start).Seconds(), "entries/s")
		stored, entry := 0, len(entries(b, 0, 1)[0])
		for _, v := range m.values {
			stored += len(v)
		}
		b.ReportMetric(float64(stored)/million, "bytes/entry")
		b.ReportMetric(float64(entry), "bytes/body")
		b.ReportMetric(float64(m.writes)/million*256, "writes/256")
	}
}

func BenchmarkAppendOne(b *testing.B) {
	_, m, l := benchLog(b)
	one, writes := entries(b, 0, 1), m.writes
	b.ResetTimer()
	for b.Loop() {
		if _, err := l.Append(b.Context(), one, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(m.writes-writes)/float64(b.N), "writes/op")
}

func BenchmarkVerifyMillion(b *testing.B) {
	k, _, l := benchLog(b)
	b.ResetTimer()
	for b.Loop() {
		start := time.Now()
		r, err := (&ledger.Audit{Log: l, Keys: []note.Verifier{k.Verifier}}).Run(b.Context())
		if err != nil || len(r.Findings) > 0 || r.Entries != million {
			b.Fatal(fmt.Sprint(r, err))
		}
		b.ReportMetric(million/time.Since(start).Seconds(), "entries/s")
	}
}

func BenchmarkProveMillion(b *testing.B) {
	_, _, l := benchLog(b)
	cp, _ := l.Checkpoint()
	size := 0
	b.ResetTimer()
	for b.Loop() {
		p, err := ledger.ProveInclusion(b.Context(), l, cp, 654_321)
		if err != nil {
			b.Fatal(err)
		}
		size = len(p) * 32
	}
	b.ReportMetric(float64(size), "bytes")
}

func BenchmarkMarshal(b *testing.B) {
	e, err := ledger.ParseEntry(entries(b, 0, 1)[0])
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := e.Marshal(); err != nil {
			b.Fatal(err)
		}
	}
}
