package storage

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/siltstone-db/siltstone/storage/archive"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/table"
)

// archiving feeds a table that keeps its log for ever, one that keeps it for a moment and one that does not keep it, by writes
// and loads, which are merged, truncated and dropped: so files go into the archive and out of it all the time.
type archiving struct{ progress }

const archivingSteps = 18

// rows returns how many rows a step adds to the long one.
func (*archiving) rows(i int) int {
	if i%4 == 1 {
		return 120
	}
	return 20
}

func (w *archiving) until(steps int) (n int) {
	for i := range steps {
		n += w.rows(i)
	}
	return n
}

func keeping(name, keep string) catalog.Edit {
	c := clicks(name)
	c.Constraints = nil
	set(c, "retain_log", keep)
	return catalog.CreateIfNotExists(c)
}

func (w *archiving) run(db *DB) {
	if w.failed = db.Apply(ctx, keeping("long", "forever"), keeping("brief", "1 ms"), keeping("none", "0")); w.failed != nil {
		return
	}
	for i := range archivingSteps {
		w.tried.Store(int64(i + 1))
		if w.failed = w.step(db, i, w.until(i)); w.failed != nil {
			return
		}
		w.acked.Store(int64(i + 1))
	}
}

func (w *archiving) step(db *DB, i, first int) error {
	c := db.Catalog()
	long, brief, none_ := c.Table("public", "long"), c.Table("public", "brief"), c.Table("public", "none")
	n := w.rows(i)
	if n > 100 {
		l := db.NewLoad()
		if err := errors.Join(appendRows(l, long, first, n, 60), appendRows(l, brief, first, n, 60), appendRows(l, none_, first, n, 60)); err != nil {
			l.Abort()
			return err
		}
		if _, err := l.Commit(ctx, table.Write{}, c, none); err != nil {
			return err
		}
	} else {
		wr := table.Write{Rows: []table.Rows{rowsOf(long, first, n), rowsOf(brief, first, 2), rowsOf(none_, first, 10)}}
		wr.Rows[1].Truncate = i%8 == 7
		if _, err := db.Commit(ctx, wr); err != nil {
			return err
		}
	}
	if err := db.archive.Sweep(); err != nil {
		return err
	}
	if i%3 == 2 {
		if err := db.Checkpoint(ctx); err != nil {
			return err
		}
	}
	if i%6 == 5 {
		return db.Vacuum(ctx, long.ID, true)
	}
	return nil
}

func (w *archiving) verify(db *DB, acked, tried int) error {
	s := db.Snapshot()
	defer s.Release()
	t := s.Catalog().Table("public", "long")
	if t == nil {
		if acked > 0 {
			return fmt.Errorf("the table is missing after %d steps", acked)
		}
		return nil
	}
	got, err := read(s, t.ID)
	if err != nil {
		return err
	}
	for n := acked; n <= tried; n++ {
		if got != upTo(w.until(n)) {
			continue
		}
		if r, err := rowsInLog(db, t.ID, 1); err != nil || r != got.rows {
			return fmt.Errorf("the log has %d rows of %d: %w", r, got.rows, err)
		}
		if err := logAgrees(db); err != nil {
			return err
		}
		return db.archive.Sweep()
	}
	return fmt.Errorf("%+v is no whole number of steps from %d to %d", got, acked, tried)
}

// TestCrashWhileArchiving: a crash before each change of the disk leaves an archive that has what it must have.
func TestCrashWhileArchiving(t *testing.T) { crashEverywhere(t, new(archiving), 16, 2000) }

// TestErrorWhileArchiving: each operation fails, once or from then on. What the archive must have is there in the end.
func TestErrorWhileArchiving(t *testing.T) {
	errorEverywhere(t, func() crashing { return new(archiving) }, 4)
}

// logAgrees reads all that the log has, and holds the rows that it has of each table against those that are there: by numbers,
// since columns may have changed.
func logAgrees(db *DB) error {
	all := replica{}
	if err := all.read(db, 0); err != nil {
		return fmt.Errorf("all of the log: %w", err)
	}
	s := db.Snapshot()
	defer s.Release()
	for _, t := range s.Catalog().Tables() {
		r := replica{}
		if err := r.read(db, t.ID); err != nil {
			return fmt.Errorf("the log of table %s: %w", t.Name, err)
		}
		want, err := scanned(s, t.ID)
		if err != nil {
			return err
		}
		least := int64(1 << 62)
		for n := range r[t.ID] {
			least = min(least, n)
		}
		for n := range want {
			if _, ok := r[t.ID][n]; !ok && n >= least {
				return fmt.Errorf("the log of table %s has not row %d", t.Name, n)
			}
		}
		_, expired := db.set.Version().Expired[t.ID]
		for n := range r[t.ID] {
			if _, ok := want[n]; !ok && !expired {
				return fmt.Errorf("table %s has not row %d of the log", t.Name, n)
			}
		}
	}
	return nil
}

// read takes all that the log has of a table, or of all.
func (r replica) read(db *DB, id catalog.TableID) error {
	c, err := db.Archive().Cursor(archive.CursorOptions{Table: id, Until: db.Sequence(), Holder: "check"})
	if err != nil {
		return err
	}
	defer c.Close()
	for {
		rec, err := c.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = r.take(rec, c)
		}
		if err != nil {
			return err
		}
	}
}
