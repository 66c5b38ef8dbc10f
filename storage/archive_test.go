package storage

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/archive"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// handClock is a clock that is set by hand.
type handClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *handClock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// move moves the hand, and lets the database look at it.
func (c *handClock) move(t *testing.T, db *DB, d time.Duration) {
	t.Helper()
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
	if err := db.archive.Sweep(); err != nil {
		t.Fatal(err)
	}
}

// told is the events that there were.
type told struct {
	mu   sync.Mutex
	list []event.Event
}

func (l *told) listen(e event.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, e)
}

func (l *told) has(k event.Kind, text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.list {
		if e.Kind == k && strings.Contains(e.String(), text) {
			return true
		}
	}
	return false
}

// retaining makes a table that keeps its log for some time.
func retaining(t *testing.T, db *DB, name, keep string) *catalog.Table {
	t.Helper()
	def := clicks(name)
	def.Constraints = nil
	set(def, "retain_log", keep)
	if err := db.Apply(ctx, catalog.Create(def)); err != nil {
		t.Fatal(err)
	}
	return db.Catalog().Table("public", name)
}

// fill writes rows to a table until the log has another file, and lets it retire that.
func fill(t *testing.T, db *DB, tab *catalog.Table, first int) (next int) {
	t.Helper()
	files := db.log.Files()
	for last := files[len(files)-1].Number; last == files[len(files)-1].Number; files = db.log.Files() {
		if err := insert(db, tab, first, 20); err != nil {
			t.Fatal(err)
		}
		first += 20
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	return first
}

// archivedNumbers lists the files of the archive.
func archivedNumbers(db *DB) (list []uint64) {
	for _, f := range db.set.Version().Archive.Files {
		list = append(list, f.Number)
	}
	return list
}

func wantNumbers(t *testing.T, db *DB, what string, want ...uint64) {
	t.Helper()
	if got := archivedNumbers(db); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%s: the archive has files %v, want %v", what, got, want)
	}
	infos, err := db.o.FS.List(db.dir + "/archive")
	if err != nil || len(infos) != len(want) {
		t.Fatalf("%s: the folder has %v: %v", what, infos, err)
	}
}

// rowsInLog counts the rows that the log has of a table from a record on.
func rowsInLog(db *DB, id catalog.TableID, from uint64) (n int, err error) {
	c, err := db.Archive().Cursor(archive.CursorOptions{Table: id, From: archive.Position{Sequence: from}, Until: db.Sequence()})
	if err != nil {
		return 0, err
	}
	defer c.Close()
	for {
		if _, err := c.Next(ctx); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, err
		}
		for {
			rows, err := c.Rows(ctx)
			if err != nil {
				return n, err
			}
			if rows == nil {
				break
			}
			n += rows.Batch.Len
		}
	}
}

func wantInLog(t *testing.T, db *DB, tab *catalog.Table, from uint64, want int) {
	t.Helper()
	if n, err := rowsInLog(db, tab.ID, from); err != nil || n != want {
		t.Fatalf("from record %d on the log has %d rows of table %s, want %d: %v", from, n, tab.Name, want, err)
	}
}

// TestRetention: files go when none of their tables wants them any more; what is in between is known to be missing; it is all
// the same after a restart.
func TestRetention(t *testing.T) {
	clock := &handClock{now: time.Unix(1_700_000_000, 0)}
	m := vfs.NewMem()
	o := testOptions(m)
	o.Now, o.NoMerge = clock.time, true
	db := mustOpen(t, o)
	short, long, none := retaining(t, db, "short", "1s"), retaining(t, db, "long", "forever"), retaining(t, db, "none", "0")
	a := fill(t, db, short, 0)
	wantNumbers(t, db, "one file", 1)
	b := fill(t, db, long, 0)
	start := db.Sequence() + 1
	fill(t, db, none, 0)
	c := fill(t, db, short, a)
	had := archivedNumbers(db)
	wantInLog(t, db, short, 1, c)
	clock.move(t, db, 999*time.Millisecond)
	wantNumbers(t, db, "after less than a second", had...)
	clock.move(t, db, time.Millisecond)
	if got := archivedNumbers(db); len(got) == 0 || len(got) >= len(had) {
		t.Fatalf("after a second the archive has %v of %v", got, had)
	}
	left := archivedNumbers(db)
	for range 2 {
		wantInLog(t, db, long, 0, b)
		if n, err := rowsInLog(db, short.ID, 3); !errs.Is(err, errs.ObjectNotInPrerequisiteState) {
			t.Fatalf("%d rows that have gone: %v", n, err)
		}
		if s := db.Archive().Start(short.ID); s < start {
			t.Fatalf("the log of the short one starts with %d", s)
		}
		if _, err := rowsInLog(db, 0, 1); !errs.Is(err, errs.ObjectNotInPrerequisiteState) {
			t.Fatalf("all records: %v", err)
		}
		mustClose(t, db)
		if found := check.Check(m, "db", check.Options{}); len(found) > 0 {
			t.Fatal(found)
		}
		db = mustOpen(t, o)
		wantNumbers(t, db, "after a restart", left...)
	}
	alter := func(tab *catalog.Table) (*catalog.Table, error) {
		return tab, tab.Set(catalog.Option{Name: "retain_log", Value: "0"})
	}
	if err := db.Apply(ctx, catalog.Replace(db.Catalog().TableByID(long.ID), alter)); err != nil {
		t.Fatal(err)
	}
	clock.move(t, db, 0)
	wantNumbers(t, db, "when nobody wants it")
	if gone := db.set.Version().Archive.Gone; len(gone) > 0 {
		t.Errorf("%v is gone though nothing older is there", gone)
	}
	mustClose(t, db)
}

// TestClockJumps: a clock that jumps a year either way, while the database is open or not, drops nothing and keeps nothing for
// ever.
func TestClockJumps(t *testing.T) {
	const year = 365 * 24 * time.Hour
	for _, jump := range []time.Duration{year, -year} {
		for _, closed := range []bool{false, true} {
			clock := &handClock{now: time.Unix(1_700_000_000, 0)}
			o := testOptions(vfs.NewMem())
			o.Now, o.NoMerge = clock.time, true
			db := mustOpen(t, o)
			fill(t, db, mustCreate(t, db, "a"), 0)
			clock.move(t, db, 0)
			wantNumbers(t, db, "before", 1)
			if closed {
				mustClose(t, db)
				clock.now = clock.now.Add(jump)
				db = mustOpen(t, o)
			}
			clock.move(t, db, jump)
			wantNumbers(t, db, "after the jump", 1)
			for range 21 {
				clock.move(t, db, time.Hour)
			}
			wantNumbers(t, db, "after 21 hours", 1)
			for range 4 {
				clock.move(t, db, time.Hour)
			}
			wantNumbers(t, db, "after a day")
			mustClose(t, db)
		}
	}
}

// TestNothingKept: when no table wants its log, files go as if there were no archive, and no file of a load stays.
func TestNothingKept(t *testing.T) {
	m := vfs.NewMem()
	o := testOptions(m)
	o.RetainLog = -1
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "a")
	n := 0
	for range 3 {
		l := db.NewLoad()
		if err := appendRows(l, tab, n, 130, 30); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Commit(ctx, table.Write{}, db.Catalog(), none); err != nil {
			t.Fatal(err)
		}
		n = fill(t, db, tab, n+130)
	}
	if err := db.Vacuum(ctx, tab.ID, true); err != nil {
		t.Fatal(err)
	}
	wantNumbers(t, db, "at the end")
	if a := db.set.Version().Archive; len(a.Attached) > 0 {
		t.Errorf("%+v", a)
	}
	if files := db.log.Files(); len(files) > 1 || files[0].First < 10 {
		t.Errorf("the log has %v", files)
	}
	wantTotals(t, db, tab, n)
	mustClose(t, db)
}

// TestHolders: what is held stays though no table wants it; what may be lost goes beyond the bound, and the reader is told.
func TestHolders(t *testing.T) {
	for _, mayLose := range []bool{false, true} {
		var events told
		o := testOptions(vfs.NewMem())
		o.RetainLog, o.Events, o.ArchiveBytes = -1, events.listen, 2000
		db := mustOpen(t, o)
		tab := mustCreate(t, db, "a")
		c, err := db.Archive().Cursor(archive.CursorOptions{Table: tab.ID, Follow: true, Holder: "reader", MayLose: mayLose})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Next(ctx); err != nil {
			t.Fatal(err)
		}
		l := db.NewLoad()
		if err := appendRows(l, tab, 0, 300, 50); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Commit(ctx, table.Write{}, db.Catalog(), none); err != nil {
			t.Fatal(err)
		}
		n := 300
		for range 4 {
			n = fill(t, db, tab, n)
		}
		if err := db.Vacuum(ctx, tab.ID, true); err != nil {
			t.Fatal(err)
		}
		if err := db.archive.Sweep(); err != nil {
			t.Fatal(err)
		}
		files, attached := db.Archive().Bytes()
		if held := files+attached > o.ArchiveBytes; held == mayLose || !events.has(event.ArchiveFull, "max=2000") {
			t.Errorf("may lose %v: %d and %d bytes: %v", mayLose, files, attached, events.list)
		}
		_, err = c.Next(ctx)
		for err == nil && c.Position().Sequence <= db.Sequence() {
			var rows *archive.Rows
			for rows, err = c.Rows(ctx); rows != nil; rows, err = c.Rows(ctx) {
				n -= rows.Batch.Len
			}
			if err == nil && c.Position().Sequence <= db.Sequence() {
				_, err = c.Next(ctx)
			}
		}
		if lost := errs.Is(err, errs.ObjectNotInPrerequisiteState); lost != mayLose || err != nil && !lost || n != 0 && !lost {
			t.Errorf("may lose %v: %d rows are left: %v", mayLose, n, err)
		}
		if mayLose && !strings.Contains(errs.From(err).Message, "no longer there") {
			t.Error(err)
		}
		c.Close()
		if err := db.archive.Sweep(); err != nil {
			t.Fatal(err)
		}
		wantNumbers(t, db, "when it is read")
		mustClose(t, db)
	}
}

// TestArchiveFullDisk: a disk that is full in the middle of a step leaves the log file where it is; with space the step goes on
// by itself.
func TestArchiveFullDisk(t *testing.T) {
	for _, room := range []int64{0, 100, 300, 500, 700} {
		m := vfs.NewMem()
		var events told
		var full sync.Once
		o := testOptions(m)
		o.NoMerge, o.SealRows = true, 100_000
		o.Events = func(e event.Event) {
			if e.Kind == event.Sealed { // the manifest names the segment: log files may go
				full.Do(func() { m.SetCapacity(m.Used() + room) })
			}
			events.listen(e)
		}
		db := mustOpen(t, o)
		tab := mustCreate(t, db, "a")
		n := 0
		for len(db.log.Files()) < 4 {
			if err := insert(db, tab, n, 20); err != nil {
				t.Fatal(err)
			}
			n += 20
		}
		err := db.Checkpoint(ctx)
		if err != nil && !errs.Is(err, errs.DiskFull) {
			t.Fatal(err)
		}
		until(t, func() bool { return events.has(event.ArchiveFailed, "could not") })
		if len(db.log.Files()) < 4-len(archivedNumbers(db)) {
			t.Fatalf("room for %d bytes: the log has %v, the archive %v", room, db.log.Files(), archivedNumbers(db))
		}
		wantTotals(t, db, tab, n)
		wantInLog(t, db, tab, 1, n)
		m.SetCapacity(0)
		until(t, func() bool { return len(archivedNumbers(db)) == 3 && len(db.log.Files()) == 1 })
		wantInLog(t, db, tab, 1, n)
		mustClose(t, db)
		if found := check.Check(m, "db", check.Options{}); len(found) > 0 {
			t.Fatal(found)
		}
	}
}

// TestNumbersOfACutGroup: a group of writes that a full disk has cut off takes no numbers of rows.
func TestNumbersOfACutGroup(t *testing.T) {
	fsys := errorfs.New(vfs.NewMem(), errorfs.Write)
	o := testOptions(fsys)
	o.NoMerge, o.SealRows = true, 100_000 // nothing else is written
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "a")
	if err := insert(db, tab, 0, 10); err != nil {
		t.Fatal(err)
	}
	fsys.FailKinds(errorfs.Write, 1, false, syscall.ENOSPC)
	if err := insert(db, tab, 10, 10); !errs.Is(err, errs.DiskFull) {
		t.Fatal(err)
	}
	fsys.Heal()
	if err := insert(db, tab, 10, 5); err != nil {
		t.Fatal(err)
	}
	if err := logAgrees(db); err != nil {
		t.Error(err)
	}
	wantTotals(t, db, tab, 15)
	mustClose(t, db)
}

// until waits for a condition.
func until(t *testing.T, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come about")
		}
	}
}

// TestMissingArchive: files of the archive that are missing or cut are named at the start and by check, and readers get XX001;
// the database opens.
func TestMissingArchive(t *testing.T) {
	m := vfs.NewMem()
	o := testOptions(m)
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "a")
	l := db.NewLoad()
	if err := appendRows(l, tab, 0, 100, 50); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Commit(ctx, table.Write{}, db.Catalog(), none); err != nil {
		t.Fatal(err)
	}
	n := fill(t, db, tab, 100)
	if err := db.Vacuum(ctx, tab.ID, true); err != nil {
		t.Fatal(err)
	}
	v := db.set.Version().Archive
	mustClose(t, db)
	if len(v.Files) == 0 || len(v.Attached) == 0 {
		t.Fatalf("%+v", v)
	}
	for _, name := range []string{archive.FileName("db", v.Files[0].Number), db.files.Name(v.Attached[0].File)} {
		for _, cut := range []bool{false, true} {
			c := m.CrashClone(1, 1)
			if cut {
				f, err := c.OpenWrite(name)
				if err == nil {
					err = errors.Join(f.Truncate(40), f.Close())
				}
				if err != nil {
					t.Fatal(err)
				}
			} else if err := c.Remove(name); err != nil {
				t.Fatal(err)
			}
			found := check.Check(c, "db", check.Options{})
			if len(found) != 1 || !found[0].Fatal || !strings.Contains(found[0].String(), name) {
				t.Errorf("%s, cut %v: %v", name, cut, found)
			}
			var events told
			o.FS, o.Events = c, events.listen
			db := mustOpen(t, o)
			if !events.has(event.ArchiveDamaged, name) {
				t.Errorf("%s, cut %v: %v", name, cut, events.list)
			}
			wantTotals(t, db, tab, n)
			if _, err := rowsInLog(db, tab.ID, 1); err == nil {
				t.Errorf("%s, cut %v: the log reads to the end", name, cut)
			}
			mustClose(t, db)
		}
	}
}

// TestDamagedLogFile: a log file whose rows are sealed, and that turns out to be damaged when it goes into the archive, is set
// aside; nothing waits for it.
func TestDamagedLogFile(t *testing.T) {
	m := vfs.NewMem()
	var events told
	o := testOptions(m)
	o.SealRows, o.Events, o.Pool = 100_000, events.listen, mem.NewPool(0)
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "a")
	n := 0
	for len(db.log.Files()) < 4 {
		if err := insert(db, tab, n, 20); err != nil {
			t.Fatal(err)
		}
		n += 20
	}
	bad := db.log.Files()[1]
	flipBit(t, m, db.log.FileName(bad.Number), 8*100)
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if !events.has(event.ArchiveDamaged, fmt.Sprintf("%010d.wal", bad.Number)) {
		t.Errorf("%v", events.list)
	}
	if i, err := m.Stat(fmt.Sprintf("db/quarantine/%010d.wal", bad.Number)); err != nil || i.Size == 0 {
		t.Errorf("it was not set aside: %v", err)
	}
	wantTotals(t, db, tab, n)
	for range 2 {
		if s := db.Archive().Start(tab.ID); s != bad.Last+1 {
			t.Errorf("the log starts with %d, want %d", s, bad.Last+1)
		}
		if _, err := rowsInLog(db, tab.ID, 0); err != nil {
			t.Error(err)
		}
		if len(db.log.Files()) > 1 {
			t.Errorf("the log has %v", db.log.Files())
		}
		mustClose(t, db)
		db = mustOpen(t, o)
	}
	mustClose(t, db)
	if o.Pool.Used() != 0 {
		t.Errorf("%d bytes are left", o.Pool.Used())
	}
}
