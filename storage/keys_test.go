package storage

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/unique"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// pairs is a table with a key.
func pairs(name string, options ...catalog.Option) *catalog.Table {
	t := primary(catalog.NewTable("public", name,
		catalog.Column{Name: "k", Type: types.T(types.Int8), NotNull: true},
		catalog.Column{Name: "v", Type: types.T(types.Int8)}), 1)
	for _, o := range options {
		set(t, o.Name, o.Value)
	}
	return t
}

// pair is a row of such a table.
type pair struct{ k, v int64 }

func batchOf(list []pair) *batch.Batch {
	b := batch.New([]types.Type{types.T(types.Int8), types.T(types.Int8)})
	b.Reset()
	for _, p := range list {
		b.Cols[0].AppendDatum(types.IntOf(types.T(types.Int8), p.k))
		b.Cols[1].AppendDatum(types.IntOf(types.T(types.Int8), p.v))
	}
	b.Len = len(list)
	return b
}

func pairRows(tab *catalog.Table, list ...pair) table.Rows {
	return table.Rows{Table: tab.ID, Version: tab.Version, Batches: []*batch.Batch{batchOf(list)}}
}

// stored is a row with its number.
type stored struct {
	pair
	number   uint64
	identity int64
}

// pairsOf reads a table of pairs.
func pairsOf(s *table.Snapshot, id catalog.TableID) ([]stored, error) {
	rel, err := s.Table(id)
	if err != nil {
		return nil, err
	}
	account := mem.NewPool(0).Account("test", 0)
	defer account.Close()
	sc, err := rel.Open(ctx, &scan.Request{Columns: []int{0, 1, scan.RowNumber, scan.Identity}, Account: account})
	if err != nil {
		return nil, err
	}
	defer sc.Close()
	r, err := sc.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	int8 := types.T(types.Int8)
	out := batch.New([]types.Type{int8, int8, int8, int8})
	var list []stored
	for {
		ok, err := r.Next(ctx, out)
		if err != nil || !ok {
			return list, err
		}
		for i := range out.Len {
			list = append(list, stored{pair{out.Cols[0].Datum(i).I, out.Cols[1].Datum(i).I}, uint64(out.Cols[2].Datum(i).I), out.Cols[3].Datum(i).I})
		}
	}
}

// keyModel is a table of pairs as a map.
type keyModel struct {
	t      *testing.T
	db     *DB
	tab    *catalog.Table
	r      *rand.Rand
	o      Options
	upsert bool
	rows   map[int64]int64
	values int64           // given out
	loads  int             // committed
	wrong  int             // refused
	kept   int             // rows that took the place of others
	ids    map[int64]int64 // identities by key, of rows that were read
	used   map[int64]bool  // all that there were
}

func (m *keyModel) next() int64 { m.values++; return m.values }

// compare holds the table against the model.
func (m *keyModel) compare() map[int64]uint64 {
	m.t.Helper()
	s := m.db.Snapshot()
	defer s.Release()
	list, err := pairsOf(s, m.tab.ID)
	if err != nil {
		m.t.Fatal(err)
	}
	got, numbers, ids := map[int64]int64{}, map[int64]uint64{}, map[int64]int64{}
	for _, x := range list {
		if _, ok := got[x.k]; ok {
			m.t.Fatalf("key %d is there twice", x.k)
		}
		got[x.k], numbers[x.k] = x.v, x.number
		ids[x.k] = m.identity(x)
	}
	if !maps.Equal(got, m.rows) {
		m.t.Fatalf("%d rows, want %d: %v, want %v", len(got), len(m.rows), got, m.rows)
	}
	m.ids = ids
	return numbers
}

// identity holds that of a row against the model: a row that took the place of another has its identity, and a new one its
// number, which none has had.
func (m *keyModel) identity(x stored) int64 {
	m.t.Helper()
	id, known := m.ids[x.k]
	switch {
	case known && id != x.identity:
		m.t.Fatalf("key %d has the identity %d, had %d", x.k, x.identity, id)
	case !known && (x.identity != int64(x.number) || m.used[x.identity]):
		m.t.Fatalf("the new key %d, number %d, has the identity %d, used %v", x.k, x.number, x.identity, m.used[x.identity])
	case known && id != int64(x.number):
		m.kept++
	}
	m.used[x.identity] = true
	return x.identity
}

// random returns rows of which some may have the same key, or one that is there.
func (m *keyModel) random(n int) []pair {
	list := make([]pair, n)
	for i := range list {
		list[i] = pair{m.r.Int64N(3000), m.next()}
		if m.r.IntN(4) > 0 {
			list[i].k = 3000 + m.next()
		}
	}
	return list
}

// apply adds rows to a copy of the model, and returns it, or the key that is there twice.
func (m *keyModel) apply(was map[int64]int64, list []pair) (rows map[int64]int64, twice []int64) {
	rows = maps.Clone(was)
	for _, p := range list {
		if _, ok := rows[p.k]; ok && !m.upsert {
			twice = append(twice, p.k)
		}
		rows[p.k] = p.v
	}
	return rows, twice
}

// expect holds what a commit says against the model, which takes it over.
func (m *keyModel) expect(err error, rows map[int64]int64, twice []int64) {
	m.t.Helper()
	if len(twice) == 0 {
		if err != nil {
			m.t.Fatal(err)
		}
		m.rows = rows
		return
	}
	e := errs.From(err)
	if err == nil || e.Code != errs.UniqueViolation || e.Message != `duplicate key value violates unique constraint "pairs_pkey"` {
		m.t.Fatalf("keys %v are there twice: %v", twice, err)
	}
	if !slices.ContainsFunc(twice, func(k int64) bool { return e.Detail == fmt.Sprintf("Key (k)=(%d) already exists.", k) }) {
		m.t.Fatalf("keys %v are there twice: %s", twice, e.Detail)
	}
	m.wrong++
}

func (m *keyModel) step() {
	switch m.r.IntN(10) {
	case 0, 1, 2, 3: // rows, in two batches
		a, b := m.random(1+m.r.IntN(20)), m.random(m.r.IntN(20))
		w := pairRows(m.tab, a...)
		w.Batches = append(w.Batches, batchOf(b))
		rows, twice := m.apply(m.rows, append(a, b...))
		_, err := m.db.Commit(ctx, table.Write{Rows: []table.Rows{w}})
		m.expect(err, rows, twice)
	case 4, 5: // other rows in the place of some, keys exchanged among them
		m.replace()
	case 6:
		m.load()
	case 7:
		if err := m.db.Checkpoint(ctx); err != nil {
			m.t.Fatal(err)
		}
	case 8:
		mustClose(m.t, m.db)
		m.db = mustOpen(m.t, m.o)
		m.tab = m.db.Catalog().Table("public", "pairs")
	case 9: // a truncation frees all keys
		if m.r.IntN(10) > 0 {
			return
		}
		list := m.random(5)
		w := pairRows(m.tab, list...)
		w.Truncate = true
		rows, twice := m.apply(map[int64]int64{}, list)
		_, err := m.db.Commit(ctx, table.Write{Rows: []table.Rows{w}})
		if err == nil {
			clear(m.ids)
		}
		m.expect(err, rows, twice)
	}
}

func (m *keyModel) replace() {
	numbers := m.compare()
	left, updated := maps.Clone(m.rows), m.r.IntN(2) == 0
	var freed []int64
	ids := index.NewRowIDs()
	for k := range m.rows {
		if len(freed) == 8 {
			break
		}
		freed = append(freed, k)
		ids.Add(numbers[k])
		delete(left, k)
	}
	list := m.random(m.r.IntN(4))
	for _, k := range freed {
		if m.r.IntN(3) > 0 {
			list = append(list, pair{k, m.next()})
		}
	}
	w := pairRows(m.tab, list...)
	w.Deleted, w.Updated = ids, updated
	was := m.upsert
	m.upsert = was && !updated // an UPDATE never takes other rows away
	rows, twice := m.apply(left, list)
	m.upsert = was
	_, err := m.db.Commit(ctx, table.Write{Rows: []table.Rows{w}})
	if err == nil {
		for _, k := range freed {
			delete(m.ids, k)
		}
	}
	m.expect(err, rows, twice)
}

// load commits rows in files, of which it has deleted some again, and rows in no file.
func (m *keyModel) load() {
	l := m.db.NewLoad()
	defer l.Abort()
	var list []pair
	gone := index.NewRowIDs()
	rows := m.rows
	n := 50 + m.r.IntN(300)
	for i := 0; i < n; i += 40 {
		list = append(list, m.random(40)...)
		if err := l.Append(ctx, m.tab, batchOf(list[len(list)-40:])); err != nil {
			m.t.Fatal(err)
		}
	}
	kept := list[:0:0]
	clean := m.r.IntN(3) > 0 // without the rows that would be refused
	seen := maps.Clone(rows)
	for i, p := range list {
		_, there := seen[p.k]
		if m.r.IntN(10) == 0 || there && clean && !m.upsert {
			gone.Add(scan.OwnRows + uint64(i))
			continue
		}
		seen[p.k] = p.v
		kept = append(kept, p)
	}
	next, twice := m.apply(rows, kept)
	_, err := l.Commit(ctx, table.Write{}, m.db.Catalog(), func(catalog.TableID) *index.RowIDs { return gone })
	if m.expect(err, next, twice); err == nil {
		m.loads++
	}
}

// TestKeysAgainstModel runs random writes, loads, seals and restarts over tables with a key, with and without a sort key,
// with good and with very bad hashes.
func TestKeysAgainstModel(t *testing.T) {
	for seed := range 12 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			if seed%3 == 2 {
				defer keys.Weaken(4)()
			}
			m := &keyModel{t: t, r: rand.New(rand.NewPCG(uint64(seed), 7)), o: testOptions(vfs.NewMem()), rows: map[int64]int64{}, used: map[int64]bool{}}
			m.db = mustOpen(t, m.o)
			var options []catalog.Option
			if seed%2 == 1 {
				options = append(options, catalog.Option{Name: "sort_key", Value: "v, k"})
			}
			if m.upsert = seed%4 >= 2; m.upsert {
				options = append(options, catalog.Option{Name: "on_conflict", Value: "update"})
			}
			if err := m.db.Apply(ctx, catalog.Create(pairs("pairs", options...))); err != nil {
				t.Fatal(err)
			}
			m.tab = m.db.Catalog().Table("public", "pairs")
			steps := 150
			if testing.Short() {
				steps = 60
			}
			for range steps {
				m.step()
				m.compare()
			}
			m.compare()
			if m.loads == 0 || m.wrong == 0 && !m.upsert || m.kept == 0 && m.upsert {
				t.Errorf("%d loads, %d writes refused, %d identities kept", m.loads, m.wrong, m.kept)
			}
			mustClose(t, m.db)
		})
	}
}

// TestKeysOfConcurrentCommits: of writes at the same time, each key gets into the table once, and the others are told so.
func TestKeysOfConcurrentCommits(t *testing.T) {
	for _, bits := range []uint{64, 3} {
		if bits < 64 {
			defer keys.Weaken(bits)()
		}
		db := mustOpen(t, testOptions(vfs.NewMem()))
		if err := db.Apply(ctx, catalog.Create(pairs("pairs"))); err != nil {
			t.Fatal(err)
		}
		tab := db.Catalog().Table("public", "pairs")
		const writers, n = 8, 60
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := map[int64]int{}
		for w := range writers {
			wg.Go(func() {
				for k := range int64(n) {
					_, err := db.Commit(ctx, table.Write{Rows: []table.Rows{pairRows(tab, pair{k, int64(w)}, pair{-k - 1, int64(w)})}})
					mu.Lock()
					if err == nil {
						won[k]++
					} else if !errs.Is(err, errs.UniqueViolation) {
						t.Error(err)
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for k := range int64(n) {
			if won[k] != 1 {
				t.Errorf("key %d was stored %d times", k, won[k])
			}
		}
		s := db.Snapshot()
		if list, err := pairsOf(s, tab.ID); err != nil || len(list) != 2*n {
			t.Errorf("%d rows, want %d: %v", len(list), 2*n, err)
		}
		s.Release()
		mustClose(t, db)
	}
}

// TestKeysExchanged: writers move keys among rows of one table in every direction, in one record each. Nobody waits for
// ever, and no key is lost or doubled.
func TestKeysExchanged(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	if err := db.Apply(ctx, catalog.Create(pairs("pairs"))); err != nil {
		t.Fatal(err)
	}
	tab := db.Catalog().Table("public", "pairs")
	const n = 12
	var list []pair
	for k := range int64(n) {
		list = append(list, pair{k, k})
	}
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{pairRows(tab, list...)}}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 3))
			for range 40 {
				if err := exchange(db, tab, r); err != nil && !errs.Is(err, errs.SerializationFailure) && !errs.Is(err, errs.UniqueViolation) {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s := db.Snapshot()
	got, err := pairsOf(s, tab.ID)
	s.Release()
	if err != nil {
		t.Fatal(err)
	}
	seen, values := map[int64]bool{}, map[int64]bool{}
	for _, x := range got {
		if seen[x.k] || values[x.v] {
			t.Errorf("key %d or value %d is there twice", x.k, x.v)
		}
		seen[x.k], values[x.v] = true, true
	}
	if len(got) != n {
		t.Errorf("%d rows, want %d", len(got), n)
	}
	mustClose(t, db)
}

// exchange lets two rows change their keys, or gives one row the key that another has just left or not.
func exchange(db *DB, tab *catalog.Table, r *rand.Rand) error {
	s := db.Snapshot()
	list, err := pairsOf(s, tab.ID)
	s.Release()
	if err != nil {
		return err
	}
	a, b := list[r.IntN(len(list))], list[r.IntN(len(list))]
	ids := index.NewRowIDs()
	ids.Add(a.number)
	rows := []pair{{r.Int64N(12), a.v}}
	if r.IntN(2) == 0 && a.k != b.k {
		ids.Add(b.number)
		rows = []pair{{b.k, a.v}, {a.k, b.v}}
	}
	w := pairRows(tab, rows...)
	w.Deleted, w.Updated = ids, true
	_, err = db.Commit(ctx, table.Write{Rows: []table.Rows{w}})
	return err
}

// TestKeysOfConcurrentUpserts: the last one of each key stays, whoever else writes, deletes, seals and loads.
func TestKeysOfConcurrentUpserts(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	if err := db.Apply(ctx, catalog.Create(pairs("pairs", catalog.Option{Name: "on_conflict", Value: "update"}, catalog.Option{Name: "sort_key", Value: "v"}))); err != nil {
		t.Fatal(err)
	}
	tab := db.Catalog().Table("public", "pairs")
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 5))
			for i := range 60 {
				var list []pair
				for range 30 {
					list = append(list, pair{r.Int64N(200), int64(i)})
				}
				var err error
				if w == 0 && i%10 == 0 {
					l := db.NewLoad()
					for range 4 {
						err = errors.Join(err, l.Append(ctx, tab, batchOf(list)))
					}
					_, e := l.Commit(ctx, table.Write{}, db.Catalog(), none)
					err = errors.Join(err, e)
				} else {
					_, err = db.Commit(ctx, table.Write{Rows: []table.Rows{pairRows(tab, list...)}})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s := db.Snapshot()
	got, err := pairsOf(s, tab.ID)
	s.Release()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int64]bool{}
	for _, x := range got {
		if seen[x.k] {
			t.Errorf("key %d is there twice", x.k)
		}
		seen[x.k] = true
	}
	if len(seen) != 200 {
		t.Errorf("%d keys, want 200", len(seen))
	}
	mustClose(t, db)
}

// TestKeyWaitEnds: a write that waits for a key of another ends with its context.
func TestKeyWaitEnds(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	if err := db.Apply(ctx, catalog.Create(pairs("pairs"))); err != nil {
		t.Fatal(err)
	}
	tab := db.Catalog().Table("public", "pairs")
	k := keys.Key{Columns: []int{0}}
	hash := k.Hash(nil, batchOf([]pair{{5, 0}}).Cols[:1], 1)
	db.mu.Lock()
	if err := db.tables[tab.ID].Adding[0].Add(hash); err != nil {
		t.Fatal(err)
	}
	db.mu.Unlock()
	short, cancel := context.WithCancel(ctx)
	done := make(chan error)
	go func() {
		_, err := db.Commit(short, table.Write{Rows: []table.Rows{pairRows(tab, pair{5, 1})}})
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the wait ended with %v", err)
	}
	db.mu.Lock()
	db.tables[tab.ID].Adding[0].Remove(hash)
	db.mu.Unlock()
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{pairRows(tab, pair{5, 1})}}); err != nil {
		t.Error(err)
	}
	mustClose(t, db)
}

// TestKeyDetail shows keys of several columns and of odd values in the detail of the error.
func TestKeyDetail(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, c := range []struct {
		types  []types.Type
		values []string
		want   string
	}{
		{[]types.Type{types.T(types.Int4), types.T(types.Text)}, []string{"1", "x"}, "(c0, c1)=(1, x)"},
		{[]types.Type{types.T(types.Float8)}, []string{"NaN"}, "(c0)=(NaN)"},
		{[]types.Type{types.T(types.Numeric)}, []string{"1.50"}, "(c0)=(1.50)"},
		{[]types.Type{types.T(types.Text)}, []string{long}, "(c0)=(" + long + ")"},
		{slices.Repeat([]types.Type{types.T(types.Int2)}, 40), slices.Repeat([]string{"7"}, 40), ""},
	} {
		db := mustOpen(t, testOptions(vfs.NewMem()))
		var columns []catalog.Column
		var ids []uint32
		b := batch.New(c.types)
		b.Reset()
		b.Len = 1
		for i, typ := range c.types {
			columns, ids = append(columns, catalog.Column{Name: fmt.Sprint("c", i), Type: typ, NotNull: true}), append(ids, uint32(i+1))
			d, err := types.Parse(typ, c.values[i])
			if err != nil {
				t.Fatal(err)
			}
			b.Cols[i].AppendDatum(d)
		}
		if err := db.Apply(ctx, catalog.Create(primary(catalog.NewTable("public", "odd", columns...), ids...))); err != nil {
			t.Fatal(err)
		}
		tab := db.Catalog().Table("public", "odd")
		w := table.Write{Rows: []table.Rows{{Table: tab.ID, Version: tab.Version, Batches: []*batch.Batch{b}}}}
		if _, err := db.Commit(ctx, w); err != nil {
			t.Fatal(err)
		}
		for range 2 { // live, sealed
			_, err := db.Commit(ctx, w)
			if e := errs.From(err); err == nil || e.Code != errs.UniqueViolation || c.want != "" && e.Detail != "Key "+c.want+" already exists." {
				t.Errorf("%v: %v %.100s", c.types, err, errs.From(err).Detail)
			}
			if err := db.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
		mustClose(t, db)
	}
}

// TestKeyWaits: a write waits for a load, which claims all keys of its table, and for another write that deletes the row
// with its key.
func TestKeyWaits(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	defer func() { mustClose(t, db) }()
	if err := db.Apply(ctx, catalog.Create(pairs("pairs"))); err != nil {
		t.Fatal(err)
	}
	tab := db.Catalog().Table("public", "pairs")
	waits := func(what string, p pair) {
		t.Helper()
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		if _, err := db.Commit(short, table.Write{Rows: []table.Rows{pairRows(tab, p)}}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: the write ended with %v", what, err)
		}
	}
	c := &commit{keyed: []keyed{{table: tab.ID, all: true}}}
	c.keyed[0].rows.Reset(unique.Of(tab))
	if err := db.reserve(ctx, c); err != nil {
		t.Fatal(err)
	}
	waits("a load is on its way", pair{5, 1})
	db.release(c)
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{pairRows(tab, pair{5, 1})}}); err != nil {
		t.Fatal(err)
	}
	d := remove(tab, 0).Deleted
	db.mu.Lock()
	db.tables[tab.ID].Claims = append(db.tables[tab.ID].Claims, d)
	db.mu.Unlock()
	waits("the row is deleted", pair{5, 2})
	db.mu.Lock()
	db.tables[tab.ID].Claims = nil
	db.mu.Unlock()
	if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{pairRows(tab, pair{5, 2})}}); !errs.Is(err, errs.UniqueViolation) {
		t.Errorf("the row has stayed: %v", err)
	}
}
