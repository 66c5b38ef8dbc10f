package storage

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/compact"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// twoClocks is a time of day that a test sets, and how much time has passed by another.
type twoClocks struct {
	mu      sync.Mutex
	now     time.Time
	elapsed time.Duration
}

// pass lets time go by.
func (c *twoClocks) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now, c.elapsed = c.now.Add(d), c.elapsed+d
}

// set moves the time of day alone.
func (c *twoClocks) set(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *twoClocks) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *twoClocks) passed() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.elapsed
}

// feed is a table of rows {id, ts, v} that come as time goes by, and what it should hold: by day.
type feed struct {
	t     testing.TB
	clock *twoClocks
	db    *DB
	table *catalog.Table
	r     *rand.Rand
	next  int64
	start time.Time
	rows  []int64 // by the day of ts
	sums  []int64 // of id
}

// feedOptions are those of a database whose merges and clock are in the hands of the test.
func feedOptions(c *twoClocks, fsys vfs.FS) Options {
	return Options{FS: fsys, NoMerge: true, Now: c.read, Elapsed: c.passed, SealAge: time.Hour, SealRetry: 5 * time.Millisecond,
		CacheBytes: 32 << 20, LogFileMin: 1 << 16, LogFileMax: 1 << 20, Merge: compact.Default(), Events: func(event.Event) {}}
}

func feedTable(key bool, options ...catalog.Option) *catalog.Table {
	def := catalog.NewTable("public", "feed",
		catalog.Column{Name: "id", Type: types.T(types.Int8), NotNull: true},
		catalog.Column{Name: "ts", Type: types.T(types.Timestamptz)},
		catalog.Column{Name: "v", Type: types.T(types.Int4)})
	if key {
		primary(def, 1)
	}
	def.Options.PartitionBy = 2
	for _, o := range options {
		if err := def.Set(o); err != nil {
			panic(err)
		}
	}
	return def
}

func newFeed(t testing.TB, c *twoClocks, o Options, def *catalog.Table) *feed {
	f := &feed{t: t, clock: c, db: mustOpen(t, o), r: rand.New(rand.NewPCG(11, 12)), start: c.read().Truncate(24 * time.Hour)}
	if err := f.db.Apply(ctx, catalog.Create(def)); err != nil {
		t.Fatal(err)
	}
	f.table = f.db.Catalog().Table("public", "feed")
	return f
}

// insert adds rows of these times.
func (f *feed) insert(times ...time.Time) error {
	b := batch.New(f.table.Types())
	b.Reset()
	for _, ts := range times {
		b.Cols[0].AppendDatum(types.IntOf(types.T(types.Int8), f.next))
		b.Cols[1].AppendDatum(types.IntOf(types.T(types.Timestamptz), ts.UnixMicro()))
		b.Cols[2].AppendDatum(types.IntOf(types.T(types.Int4), int64(f.r.IntN(100))))
		day := max(0, int(ts.Sub(f.start)/(24*time.Hour)))
		for len(f.rows) <= day {
			f.rows, f.sums = append(f.rows, 0), append(f.sums, 0)
		}
		f.rows[day]++
		f.sums[day] += f.next
		f.next++
	}
	b.Len = len(times)
	_, err := f.db.Commit(ctx, table.Write{Rows: []table.Rows{{Table: f.table.ID, Version: f.table.Version, Batches: []*batch.Batch{b}}}})
	return err
}

// steps lets time pass and one row come each second, of which 5% are late by up to a week.
func (f *feed) step(d time.Duration) {
	f.t.Helper()
	now := f.clock.read()
	var times []time.Time
	for at := time.Duration(0); at < d; at += time.Second {
		ts := now.Add(at)
		if f.r.IntN(20) == 0 {
			late := time.Duration(f.r.Int64N(int64(7 * 24 * time.Hour)))
			if ts.Sub(f.start) > late {
				ts = ts.Add(-late)
			}
		}
		times = append(times, ts)
	}
	f.clock.pass(d)
	if err := f.insert(times...); err != nil {
		f.t.Fatal(err)
	}
	if err := f.db.Checkpoint(ctx); err != nil {
		f.t.Fatal(err)
	}
	f.merge()
}

// merge does all merges that are due.
func (f *feed) merge() {
	f.t.Helper()
	for {
		m := f.db.nextMerge(false)
		if m == nil {
			m = f.db.nextMerge(true)
		}
		if m == nil {
			return
		}
		if err := f.db.runMerge(ctx, m); err != nil {
			f.t.Fatal(err)
		}
	}
}

// want returns the rows that should be there, and the sum of their ids, from a day on.
func (f *feed) want(day int) (rows, sum int64) {
	for i := max(day, 0); i < len(f.rows); i++ {
		rows, sum = rows+f.rows[i], sum+f.sums[i]
	}
	return rows, sum
}

// known returns what statistics know of the table; the sum is 0 while rows are deleted.
func (f *feed) known() (rows, sum int64) {
	f.t.Helper()
	s := f.db.Snapshot()
	defer s.Release()
	rel, err := s.Table(f.table.ID)
	if err != nil {
		f.t.Fatal(err)
	}
	if k, ok := rel.(scan.Totaler).Totals(0); ok {
		sum = int64(k.SumLo)
	}
	return rel.Rows(), sum
}

// holds waits until the table has the rows of a day and those that follow, and no others. The background may be just about
// to drop them.
func (f *feed) holds(day int) {
	f.t.Helper()
	wantRows, wantSum := f.want(day)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		f.db.retain(ctx)
		rows, sum := f.known()
		if rows == wantRows && sum == wantSum {
			return
		}
		if rows < wantRows || time.Now().After(deadline) {
			f.t.Fatalf("%s: %d rows with the sum %d, want %d with %d", f.clock.read(), rows, sum, wantRows, wantSum)
		}
	}
}

// months returns how many segments there are of each month, mixed ones of any.
func (f *feed) months() map[string]int {
	months := map[string]int{}
	mixed := 0
	for _, s := range f.db.Segments() {
		switch {
		case s.State != table.Published:
		case s.Partition == "mixed":
			mixed++
		default:
			months[s.Partition[:len("2026-01")]]++
		}
	}
	for m := range months {
		months[m] += mixed
	}
	return months
}

// TestFeed: a row each second for 60 days, 5% of them late by up to a week; a live segment is sealed every ten minutes. There
// are never more than 40 segments for a month, each byte is written four times at most, and all totals are right at every
// step, with partitions of months and of days; and rows that are older than retained are gone.
// SILTSTONE_FEED_DAYS makes it as long as that.
func TestFeed(t *testing.T) {
	days := 6
	if testing.Short() {
		days = 2
	}
	if text := os.Getenv("SILTSTONE_FEED_DAYS"); text != "" {
		if _, err := fmt.Sscan(text, &days); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		unit   string
		retain int // days
	}{{"month", 0}, {"day", 0}, {"day", max(1, days/4)}} {
		name := strings.TrimSuffix(fmt.Sprintf("%s/retain=%d", c.unit, c.retain), "/retain=0")
		t.Run(name, func(t *testing.T) {
			clock := &twoClocks{now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
			options := []catalog.Option{{Name: "partition", Value: c.unit}}
			if c.retain > 0 {
				options = append(options, catalog.Option{Name: "retain", Value: fmt.Sprintf("%d days", c.retain)})
			}
			f := newFeed(t, clock, feedOptions(clock, vfs.NewMem()), feedTable(false, options...))
			most, all := 0, 0
			for range days * 144 {
				f.step(10 * time.Minute)
				from := 0
				if c.retain > 0 {
					from = int(clock.read().Sub(f.start)/(24*time.Hour)) - c.retain
				}
				f.holds(from)
				n := 0
				for _, segments := range f.months() {
					most = max(most, segments)
					n += segments
				}
				all = max(all, n)
			}
			t.Logf("%d days: %d segments for a month at most, %d at the same time, write amplification %.2f, %d rows expired", days, most, all,
				float64(f.db.Metrics().Amplification())/100, f.db.Metrics().ExpiredRows.Value())
			if most > 40 || f.db.Metrics().Amplification() > 400 {
				t.Errorf("%d segments for a month, write amplification %d%%", most, f.db.Metrics().Amplification())
			}
			mustClose(t, f.db)
		})
	}
}
