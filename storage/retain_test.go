package storage

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/rebuild"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// heard collects kinds of events.
type heard struct {
	mu   sync.Mutex
	list []event.Event
}

func (h *heard) listen(e event.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, e)
}

func (h *heard) count(k event.Kind) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.list {
		if e.Kind == k {
			n++
		}
	}
	return n
}

func retainFeed(t *testing.T, c *twoClocks, m *vfs.Mem, retain string) (*feed, *heard, Options) {
	o, h := feedOptions(c, m), new(heard)
	o.Events = h.listen
	f := newFeed(t, c, o, feedTable(true, catalog.Option{Name: "partition", Value: "day"}, catalog.Option{Name: "retain", Value: retain}))
	return f, h, o
}

// days inserts a row for each of the last days and seals them.
func (f *feed) days(n int) {
	f.t.Helper()
	for i := range n {
		if err := f.insert(f.clock.read().Add(-time.Duration(i) * 24 * time.Hour)); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := f.db.Checkpoint(ctx); err != nil {
		f.t.Fatal(err)
	}
}

// left waits until so many rows are there.
func (f *feed) left(rows int64) {
	f.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		f.db.retain(ctx)
		if got, _ := f.known(); got == rows {
			return
		} else if got < rows || time.Now().After(deadline) {
			f.t.Fatalf("%d rows are left, want %d", got, rows)
		}
	}
}

// stays looks that rows stay.
func (f *feed) stays(rows int64) {
	f.t.Helper()
	for range 3 {
		f.db.retain(ctx)
		if got, _ := f.known(); got != rows {
			f.t.Fatalf("%d rows are left, want %d", got, rows)
		}
	}
}

var noon = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// TestRetain: partitions go when they have ended so long ago, files of them from the disk, too; late rows are taken and go;
// rows of NULL and of the future stay; keys of what has gone may come again.
func TestRetain(t *testing.T) {
	m := vfs.NewMem()
	c := &twoClocks{now: noon}
	f, h, o := retainFeed(t, c, m, "3 days")
	f.days(10) // ten partitions, of which those of the 30th to the 26th have not ended for three days
	f.left(4)
	if n := h.count(event.Expired); n == 0 {
		t.Error("nobody was told")
	}
	expired := f.db.Metrics().ExpiredRows.Value()
	if expired != 6 {
		t.Errorf("%d rows have expired, want 6", expired)
	}
	f.days(10) // late ones
	f.left(8)
	info := f.db.Compactions()
	last := info[len(info)-1]
	if last.Reason != "retain" || last.State != "done" {
		t.Errorf("the last merge is %+v", last)
	}
	f.next = 9 // a key that is gone: the seventh row of the first ten was of the 24th
	if err := f.insert(c.read()); err != nil {
		t.Fatal(err)
	}
	f.next = 0
	if err := f.insert(c.read()); !errs.Is(err, errs.UniqueViolation) {
		t.Fatalf("a key that is there: %v", err)
	}
	c.pass(24 * time.Hour)
	f.left(7)
	mustClose(t, f.db)
	c.pass(24 * time.Hour)
	f.db = mustOpen(t, o)
	f.left(5)
	c.pass(7 * 24 * time.Hour)
	f.left(0)
	if err := f.db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if n := segmentFiles(t, m); n != 0 {
		t.Errorf("%d files are left", n)
	}
	mustClose(t, f.db)
}

// TestRetainMixed: rows of partitions that have ended go out of files that have others, deleted rows stay deleted, and
// nobody sees one without the other.
func TestRetainMixed(t *testing.T) {
	c := &twoClocks{now: noon}
	f, _, o := retainFeed(t, c, vfs.NewMem(), "5 days")
	var times []time.Time
	for i := range 200 {
		times = append(times, noon.Add(-time.Duration(i%20)*24*time.Hour))
	}
	c.set(-30 * 24 * time.Hour) // nothing is old, yet
	if err := f.insert(times...); err != nil {
		t.Fatal(err)
	}
	if err := deleteFed(f, 0, 1, 7, 19); err != nil { // of the present, yesterday, old ones
		t.Fatal(err)
	}
	if err := f.db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if err := deleteFed(f, 20, 27, 199); err != nil {
		t.Fatal(err)
	}
	if got := pieces(f.db, f.table); got != "mixed: 200 rows in 1" {
		t.Fatalf("files %s", got)
	}
	f.stays(200 - 7)
	c.set(30 * 24 * time.Hour)
	f.left(6*10 - 3) // 30th to 25th
	// The log has the rows that were dropped: nobody misses them.
	lines, err := f.db.Verify(ctx, f.table.ID)
	if err != nil || len(lines) == 0 {
		t.Fatal(err)
	}
	for _, l := range lines {
		if len(l.Wrong) > 0 || l.Sum != l.Of {
			t.Errorf("%+v", l)
		}
	}
	if err := f.db.Reindex(ctx, f.table.ID, func(rebuild.Line) error { return nil }); err != nil {
		t.Error(err)
	}
	f.stays(6*10 - 3)
	mustClose(t, f.db)
	f.db = mustOpen(t, o)
	f.stays(6*10 - 3)
	mustClose(t, f.db)
}

// deleteFed deletes rows by their ids.
func deleteFed(f *feed, ids ...int) error {
	s := f.db.Snapshot()
	defer s.Release()
	numbers, err := rowNumbersOf(s, f.table.ID)
	if err != nil {
		return err
	}
	var rows []uint64
	for _, id := range ids {
		rows = append(rows, numbers[int64(id)])
	}
	_, err = f.db.Commit(ctx, table.Write{Rows: []table.Rows{remove(f.table, rows...)}})
	return err
}

// TestRetainASecond: what is retained for a second goes soon after its partition, an hour if nobody says how long, has ended.
func TestRetainASecond(t *testing.T) {
	c := &twoClocks{now: noon.Add(30 * time.Minute)}
	f := newFeed(t, c, feedOptions(c, vfs.NewMem()), feedTable(false, catalog.Option{Name: "retain", Value: "1 second"}))
	if err := f.insert(c.read(), c.read().Add(-time.Hour), c.read().Add(-48*time.Hour)); err != nil {
		t.Fatal(err)
	}
	f.stays(3) // live rows wait to be sealed
	if err := f.db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	f.left(1)
	c.pass(30 * time.Minute)
	f.stays(1)
	c.pass(time.Second)
	f.left(0)
	mustClose(t, f.db)
}

// TestClockAhead: a clock that jumps a year ahead takes nothing along until it has stood so for long, one that goes back
// does no harm, and the time that was believed is known after a restart.
func TestClockAhead(t *testing.T) {
	const year = 365 * 24 * time.Hour
	c := &twoClocks{now: noon}
	f, h, o := retainFeed(t, c, vfs.NewMem(), "100 days")
	f.days(10)
	f.stays(10)
	c.set(year)
	f.stays(10)
	if n := h.count(event.ClockDoubted); n != 1 || f.db.Metrics().ClockAhead.Load() != int64(year/time.Second) {
		t.Fatalf("%d events, the clock is %d s ahead", n, f.db.Metrics().ClockAhead.Load())
	}
	c.pass(5 * time.Hour)
	f.stays(10)
	mustClose(t, f.db) // with a wrong clock
	f.db = mustOpen(t, o)
	f.stays(10)
	c.pass(5 * time.Hour) // the hours before do not count
	f.stays(10)
	c.set(-year)
	f.stays(10)
	if h.count(event.ClockBelieved) == 0 {
		t.Error("nobody was told that the clock is right again")
	}
	c.set(-year)
	f.stays(10)
	c.set(year)
	f.stays(10)
	c.set(year)
	f.stays(10)
	c.pass(6 * time.Hour)
	f.left(0) // it has been wrong for so long that it is right
	mustClose(t, f.db)
}

// TestRetainWhileWritesAreOnTheirWay: rows that writes are about to replace are dropped before they do.
func TestRetainWhileWritesAreOnTheirWay(t *testing.T) {
	c := &twoClocks{now: noon}
	o := feedOptions(c, vfs.NewMem())
	def := feedTable(true, catalog.Option{Name: "partition", Value: "day"}, catalog.Option{Name: "on_conflict", Value: "update"})
	f := newFeed(t, c, o, def)
	var wg sync.WaitGroup
	for round := range 20 {
		f.next = 0
		var old, now []time.Time
		for i := range 60 {
			old, now = append(old, noon.Add(-time.Duration(20+i%9)*24*time.Hour)), append(now, noon)
		}
		if err := f.alter("0"); err != nil {
			t.Fatal(err)
		}
		if err := f.insert(old...); err != nil {
			t.Fatal(err)
		}
		if err := f.db.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		f.next = 0
		if err := f.alter("5 days"); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() { f.db.retain(ctx) })
		if err := f.insert(now...); err != nil && !errs.Is(err, errs.SerializationFailure) {
			t.Fatalf("round %d: %v", round, err)
		}
		wg.Wait()
		f.left(60)
		s := f.db.Snapshot()
		numbers, err := rowNumbersOf(s, f.table.ID)
		s.Release()
		if err != nil || len(numbers) != 60 {
			t.Fatalf("round %d: %d keys: %v", round, len(numbers), err)
		}
	}
	mustClose(t, f.db)
}

// alter sets or, with 0, resets the option retain.
func (f *feed) alter(retain string) error {
	err := f.db.Apply(ctx, catalog.Replace(f.table, func(t *catalog.Table) (*catalog.Table, error) {
		if retain == "0" {
			return t, t.Reset("retain")
		}
		return t, t.Set(catalog.Option{Name: "retain", Value: retain})
	}))
	f.table = f.db.Catalog().Table("public", "feed")
	return err
}

// TestExpiredDamage: a segment that was set aside goes with its partition, and the table answers again.
func TestExpiredDamage(t *testing.T) {
	m := vfs.NewMem()
	c := &twoClocks{now: noon}
	f, _, o := retainFeed(t, c, m, "3 days")
	f.days(2)
	mustClose(t, f.db)
	infos, err := m.List("db/segments")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Remove("db/segments/" + infos[0].Name); err != nil { // of yesterday
		t.Fatal(err)
	}
	f.db = mustOpen(t, o)
	s := f.db.Snapshot()
	if _, err := s.Table(f.table.ID); err == nil || !strings.Contains(err.Error(), "set aside") {
		t.Errorf("the table answers: %v", err)
	}
	s.Release()
	c.pass(3 * 24 * time.Hour)
	for deadline := time.Now().Add(time.Minute); f.db.Metrics().Expired.Value() == 0; time.Sleep(time.Millisecond) {
		if f.db.retain(ctx); time.Now().After(deadline) {
			t.Fatal("it does not go")
		}
	}
	f.left(1)
	mustClose(t, f.db)
}
