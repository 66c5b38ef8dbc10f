package storage

import (
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// spread is a bijection on the first 2^k numbers: keys that come in no order.
func spread(i int64) int64 { return int64(uint64(i)*0x9e3779b97f4a7c15>>20) | i&0xff<<50 }

// fill makes b rows of a table of pairs, with keys of numbers.
func fillPairs(b *batch.Batch, n int, key func(i int) int64) {
	int8s := types.T(types.Int8)
	if len(b.Cols) == 0 {
		*b = *batch.New([]types.Type{int8s, int8s})
	}
	b.Len = n
	for _, v := range b.Cols {
		v.Reset(int8s, n)
	}
	k, v := batch.Values[int64](b.Cols[0]), batch.Values[int64](b.Cols[1])
	for i := range n {
		k[i], v[i] = key(i), int64(i)
	}
}

// loadPairs brings rows into a table in loads of a million.
func loadPairs(b *testing.B, db *DB, tab *catalog.Table, rows int, key func(i int64) int64) {
	var in batch.Batch
	for first := 0; first < rows; first += 1 << 20 {
		l := db.NewLoad()
		for at := first; at < min(first+1<<20, rows); at += 8192 {
			fillPairs(&in, min(8192, rows-at), func(i int) int64 { return key(int64(at + i)) })
			if err := l.Append(ctx, tab, &in); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := l.Commit(ctx, table.Write{}, db.Catalog(), none); err != nil {
			b.Fatal(err)
		}
	}
}

func benchPairs(b *testing.B, name string, options ...catalog.Option) (*DB, *catalog.Table) {
	b.Helper()
	db, err := Open(ctx, b.TempDir(), Options{FS: vfs.Disk, CacheBytes: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	if err := db.Apply(ctx, catalog.Create(pairs(name, options...))); err != nil {
		b.Fatal(err)
	}
	return db, db.Catalog().Table("public", name)
}

// BenchmarkUpsert commits batches of 8,192 rows into 10 million keys in no order: rows that are there, and rows that are
// new.
func BenchmarkUpsert(b *testing.B) {
	const rows, n = 10 << 20, 8192
	db, tab := benchPairs(b, "pairs", catalog.Option{Name: "on_conflict", Value: "update"})
	loadPairs(b, db, tab, rows, spread)
	r := rand.New(rand.NewPCG(1, 2))
	fresh := int64(rows)
	for name, key := range map[string]func(int) int64{
		"there": func(int) int64 { return spread(r.Int64N(rows)) },
		"new":   func(int) int64 { fresh++; return spread(fresh) },
	} {
		b.Run(name, func(b *testing.B) {
			var in batch.Batch
			for b.Loop() {
				fillPairs(&in, n, key)
				w := table.Rows{Table: tab.ID, Version: tab.Version, Batches: []*batch.Batch{&in}}
				if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{w}}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkLoadKeyed loads a million rows into an empty table, with and without a key.
func BenchmarkLoadKeyed(b *testing.B) {
	for name, keyed := range map[string]bool{"key": true, "no key": false} {
		b.Run(name, func(b *testing.B) {
			db, tab := benchPairs(b, "pairs")
			if !keyed {
				def := pairs("plain")
				def.Constraints = nil
				if err := db.Apply(ctx, catalog.Create(def)); err != nil {
					b.Fatal(err)
				}
				tab = db.Catalog().Table("public", "plain")
			}
			round := int64(0)
			for b.Loop() {
				loadPairs(b, db, tab, 1<<20, func(i int64) int64 { return spread(round<<20 + i) })
				round++
			}
			b.ReportMetric(float64(1<<20)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// BenchmarkCommitKeyed commits a million rows in one write, with and without a key.
func BenchmarkCommitKeyed(b *testing.B) {
	for name, keyed := range map[string]bool{"key": true, "no key": false} {
		b.Run(name, func(b *testing.B) {
			db, tab := benchPairs(b, "pairs")
			if !keyed {
				def := pairs("plain")
				def.Constraints = nil
				if err := db.Apply(ctx, catalog.Create(def)); err != nil {
					b.Fatal(err)
				}
				tab = db.Catalog().Table("public", "plain")
			}
			round := int64(0)
			for b.Loop() {
				w := table.Rows{Table: tab.ID, Version: tab.Version}
				for at := range int64(16) {
					in := new(batch.Batch)
					fillPairs(in, 1<<16, func(i int) int64 { return spread(round<<20 + at<<16 + int64(i)) })
					w.Batches = append(w.Batches, in)
				}
				if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{w}}); err != nil {
					b.Fatal(err)
				}
				round++
			}
			b.ReportMetric(float64(1<<20)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
