package storage

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/format/csv"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// pushCSV stores lines of k,v as a push does that leaves out what it cannot store, and returns the indexes of those rows.
func pushCSV(db *DB, tab *catalog.Table, in string, reject bool) (a *table.Appender, bad []int64, err error) {
	account := mem.NewPool(0).Account("push", 0)
	defer account.Close()
	d := table.NewDraft(db, db.Catalog(), account)
	defer d.Close()
	o := table.AppenderOptions{Table: tab, Terms: &table.Terms{}, Sink: d, Keys: true, Account: account,
		Bad: func(b *format.BadRow) error {
			if b.Err.Code == errs.UniqueViolation && !strings.HasPrefix(b.Err.Context, fmt.Sprintf("COPY pairs, line %d", b.Index+1)) {
				return errs.Internal("row %d has the context %s", b.Index, b.Err.Context)
			}
			bad = append(bad, b.Index)
			return nil
		}}
	if reject {
		o.Rejects = &table.Origin{Source: "test"}
	}
	a = table.NewAppender(o)
	r, err := csv.NewReader(strings.NewReader(in), csv.Options{Table: tab.Name, Notes: a.Notes()}, a.Columns())
	if err != nil {
		return a, nil, err
	}
	if err := a.Read(ctx, r); err != nil {
		return a, nil, err
	}
	_, err = d.Commit(ctx)
	slices.Sort(bad)
	return a, bad, err
}

// Rows whose keys are there are left out as if each row had come by itself, with one key and with two, also among rows that
// cannot be read, over several batches, and whatever hashes are worth.
func TestDuplicates(t *testing.T) {
	for round := range 4 {
		large, restore := 10_000, func() {}
		if round%2 == 1 {
			large, restore = 200, keys.Weaken(3) // all hashes are looked through
		}
		db := mustOpen(t, testOptions(vfs.NewMem()))
		def, two := pairs("pairs"), round >= 2
		if two {
			def.Constraints = append(def.Constraints, catalog.Constraint{Kind: catalog.Unique, Name: "v", Columns: []uint32{2}})
		}
		if err := db.Apply(ctx, catalog.Create(def)); err != nil {
			t.Fatal(err)
		}
		tab := db.Catalog().Table("public", "pairs")
		random := rand.New(rand.NewPCG(uint64(round), 1))
		ks, vs := map[int64]bool{}, map[int64]bool{}
		total, rejected := 0, 0
		for push := range 6 {
			var in strings.Builder
			var want []int64
			n := []int{100, 3, large}[push%3]
			for i := range n {
				k, v := random.Int64N(int64(20*n)), random.Int64N(int64(20*n))
				switch {
				case random.IntN(50) == 0:
					fmt.Fprintf(&in, "%d,x\n", k)
					want = append(want, int64(i))
				case ks[k] || two && vs[v]:
					fmt.Fprintf(&in, "%d,%d\n", k, v)
					want = append(want, int64(i))
				default:
					fmt.Fprintf(&in, "%d,%d\n", k, v)
					ks[k], vs[v] = true, true
					total++
				}
			}
			reject := push%2 == 0
			a, bad, err := pushCSV(db, tab, in.String(), reject)
			if err != nil || !slices.Equal(bad, want) || int(a.Rows())+len(bad) != n || int(a.BadRows()) != len(bad) {
				t.Fatalf("round %d, push %d: %v, %d rows, left out %d, want %d", round, push, err, a.Rows(), len(bad), len(want))
			}
			if reject {
				rejected += len(bad)
			}
			if push == 2 {
				if err := db.Checkpoint(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
		countRows(t, db, "pairs", total)
		countRows(t, db, "pairs_rejects", rejected)
		mustClose(t, db)
		restore()
	}
}

func countRows(t *testing.T, db *DB, name string, want int) {
	t.Helper()
	s := db.Snapshot()
	defer s.Release()
	tab := s.Catalog().Table("public", name)
	if tab == nil {
		t.Fatalf("no table %s", name)
	}
	rel, err := s.Table(tab.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got := int(rel.Rows()); got != want {
		t.Errorf("%s has %d rows, want %d", name, got, want)
	}
}

// Pushes of the same keys at the same time, which also make the same reject table: each key is stored once, and nothing is
// lost or stops a push.
func TestDuplicatesOfConcurrentPushes(t *testing.T) {
	db := mustOpen(t, testOptions(vfs.NewMem()))
	if err := db.Apply(ctx, catalog.Create(pairs("pairs"))); err != nil {
		t.Fatal(err)
	}
	tab := db.Catalog().Table("public", "pairs")
	const writers, pushes, n = 4, 5, 50
	var wg sync.WaitGroup
	var mu sync.Mutex
	stored, bad := 0, 0
	for w := range writers {
		wg.Go(func() {
			for p := range pushes {
				var in strings.Builder
				for k := range n {
					fmt.Fprintf(&in, "%d,%d\n", p*n+(k*7+w)%n, w)
				}
				a, left, err := pushCSV(db, tab, in.String(), true)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				stored, bad = stored+int(a.Rows()), bad+len(left)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if stored != pushes*n || bad != (writers-1)*pushes*n {
		t.Errorf("%d rows were stored, %d rejected", stored, bad)
	}
	countRows(t, db, "pairs", pushes*n)
	countRows(t, db, "pairs_rejects", bad)
	mustClose(t, db)
}

// A push that is repeated is answered as it was: with the rows of its table, not those of the reject table, also behind a
// restart.
func TestRejectsAndTokens(t *testing.T) {
	disk := vfs.NewMem()
	db := mustOpen(t, testOptions(disk))
	if err := db.Apply(ctx, catalog.Create(pairs("pairs"))); err != nil {
		t.Fatal(err)
	}
	for try := range 3 {
		tab := db.Catalog().Table("public", "pairs")
		account := mem.NewPool(0).Account("push", 0)
		d := table.NewDraft(db, db.Catalog(), account)
		d.Token = &table.Token{Table: tab.ID, Client: "c", Key: "k", Content: 7}
		a := table.NewAppender(table.AppenderOptions{Table: tab, Terms: &table.Terms{}, Sink: d, Keys: true, Account: account,
			Rejects: &table.Origin{Source: "test"}, Bad: func(*format.BadRow) error { return nil }})
		r, err := csv.NewReader(strings.NewReader("1,1\n2,x\n1,3\n4,4\n"), csv.Options{Table: "pairs", Notes: a.Notes()}, a.Columns())
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Read(ctx, r); err != nil {
			t.Fatal(err)
		}
		ack, err := d.Commit(ctx)
		if err != nil || ack.Rows != 2 || ack.Duplicate != (try > 0) {
			t.Errorf("try %d: %+v, %v", try, ack, err)
		}
		d.Close()
		account.Close()
		if try == 1 {
			mustClose(t, db)
			db = mustOpen(t, testOptions(disk))
		}
	}
	countRows(t, db, "pairs", 2)
	countRows(t, db, "pairs_rejects", 2)
	mustClose(t, db)
}
