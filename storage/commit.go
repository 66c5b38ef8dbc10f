package storage

import (
	"context"
	"sync"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// commit is a write on its way. Commits reuse them with their buffers.
type commit struct {
	entry    wal.Entry
	encoder  table.Encoder
	flat     []table.Flattener
	sections []table.Section
	files    []table.Sealed // of a load
	rows     int64
	seconds  int64
	// deletions are what the write takes away, of which so many tables' rows are claimed.
	deletions []deletion
	logged    []table.Deletion
	claimed   int
	token     *table.Token
	id        tokenID // of token
}

// deletion is what a write takes away from one table.
type deletion struct {
	table.Deletion
	truncate bool // Below is not known before the gate is closed
	updated  bool
}

var commits = sync.Pool{New: func() any { return new(commit) }}

// Commit stores the rows of a write, all or nothing: they are durable and visible when it returns. A write whose token
// is known stores nothing and answers as the first time did. The context ends waiting, not a write that is on its way.
// An error of class 58 leaves open whether the write will be found after a restart; any other means that it will not.
func (db *DB) Commit(ctx context.Context, w table.Write) (table.Ack, error) {
	ack, _, err := db.commitFiles(ctx, w, nil)
	return ack, err
}

// commitFiles is Commit with the files of a load, whose references pass to the tables when it stored them. unsure says
// that the write failed, and that a restart may find it all the same.
func (db *DB) commitFiles(ctx context.Context, w table.Write, files []table.Sealed) (ack table.Ack, unsure bool, err error) {
	c := commits.Get().(*commit)
	c.files, c.entry.Sequence = files, 0
	if ack, err = db.commit(ctx, c, w); err != nil {
		db.metrics.Refused.Add(1)
		// What has no sequence did not reach the log, and what met a full disk was cut off again.
		unsure = c.entry.Sequence != 0 && !errs.Is(err, errs.DiskFull)
	}
	if c.encoder.Held() <= 8<<20 { // a huge write must not pin its buffers
		c.entry.Data, c.token, c.files = nil, nil, nil
		clear(c.sections)
		clear(c.deletions)
		clear(c.logged)
		commits.Put(c)
	}
	return ack, unsure, err
}

func (db *DB) commit(ctx context.Context, c *commit, w table.Write) (table.Ack, error) {
	if err := ctx.Err(); err != nil {
		return table.Ack{}, err
	}
	if w.Token != nil {
		c.id = hashToken(w.Token)
		known, err := db.tokens.begin(ctx, c.id)
		if err != nil {
			return table.Ack{}, err
		}
		if known != nil {
			db.metrics.Duplicates.Add(1)
			return table.Ack{Sequence: known.sequence, Rows: known.rows, Duplicate: true}, nil
		}
	}
	c.token = w.Token
	err := db.write(ctx, c, w)
	if err != nil {
		if w.Token != nil {
			db.tokens.abort(c.id)
		}
		return table.Ack{}, err
	}
	db.metrics.Commits.Add(1)
	db.metrics.CommittedRows.Add(c.rows)
	return table.Ack{Sequence: c.entry.Sequence, Rows: c.rows}, nil
}

// write admits, checks, encodes and appends a write.
func (db *DB) write(ctx context.Context, c *commit, w table.Write) error {
	var bytes int64
	truncates := false
	for _, r := range w.Rows {
		bytes += r.Deleted.Bytes()
		truncates = truncates || r.Truncate
		for _, b := range r.Batches {
			bytes += b.Bytes()
		}
	}
	if err := db.admit(ctx, bytes, w.Wait); err != nil {
		return err
	}
	defer db.inFlight.Add(-bytes)
	if truncates { // no other write is on its way: what was committed before is what has a number
		db.gate.Lock()
		defer db.gate.Unlock()
	} else {
		db.gate.RLock()
		defer db.gate.RUnlock()
	}
	if err := c.prepare(db.Catalog(), w); err != nil {
		return err
	}
	defer db.release(c)
	if err := db.claim(ctx, c); err != nil {
		return err
	}
	c.logged = c.logged[:0]
	for _, d := range c.deletions {
		c.logged = append(c.logged, d.Deletion)
	}
	c.seconds = db.o.Now().Unix()
	c.encoder.Begin(c.seconds, w.Token, c.logged, c.files, len(c.sections))
	for _, s := range c.sections {
		c.encoder.Add(s)
	}
	c.entry.Type, c.entry.Pieces, c.entry.Data = recordWrite, c.encoder.Payload(), c
	db.metrics.CommittedBytes.Add(int64(record.Total(c.entry.Pieces)))
	return db.log.Append(ctx, &c.entry)
}

// prepare checks the rows against the catalog and lays them out as flat batches.
func (c *commit) prepare(cat *catalog.Snapshot, w table.Write) error {
	c.sections, c.deletions, c.rows, c.claimed = c.sections[:0], c.deletions[:0], 0, 0
	if err := checkFiles(cat, c.files); err != nil {
		return err
	}
	for _, f := range c.files {
		c.rows += f.Meta.Rows - int64(f.Deleted.Len())
	}
	n := 0
	for _, r := range w.Rows {
		t := cat.TableByID(r.Table)
		if t == nil {
			return droppedMeanwhile(r.Table)
		}
		if r.Version != t.Version {
			return errs.New(errs.SerializationFailure, "table %q was changed while the rows were on their way", t.Name).
				WithHint("Try again.")
		}
		if r.Truncate || r.Deleted.Len() > 0 {
			d := deletion{Deletion: table.Deletion{Table: t.ID}, truncate: r.Truncate, updated: r.Updated}
			if !r.Truncate { // which takes them along
				d.Rows = r.Deleted
				d.Rows.Pack() // before others look at the claim
			}
			c.deletions = append(c.deletions, d)
		}
		for _, b := range r.Batches {
			if b.Rows() == 0 {
				continue
			}
			for len(c.flat) <= n {
				c.flat = append(c.flat, table.Flattener{})
			}
			f := c.flat[n].Flatten(b)
			n++
			if err := checkRows(t, f); err != nil {
				return err
			}
			c.rows += int64(f.Len)
			c.split(t, f)
		}
	}
	return nil
}

// split adds a batch as sections of at most batch.MaxAppendRows rows.
func (c *commit) split(t *catalog.Table, b *batch.Batch) {
	for from := 0; from < b.Len; from += batch.MaxAppendRows {
		part := b
		if b.Len > batch.MaxAppendRows {
			part = batch.New(b.Types())
			part.Len = min(batch.MaxAppendRows, b.Len-from)
			for i, v := range b.Cols {
				part.Cols[i].Slice(v, from, part.Len)
			}
		}
		c.sections = append(c.sections, table.Section{Table: t.ID, Version: t.Version, Batch: part})
	}
}

// checkRows holds a flat batch against its table: types, and NOT NULL.
func checkRows(t *catalog.Table, b *batch.Batch) error {
	if len(b.Cols) != len(t.Columns) {
		return errs.Internal("%d columns for table %q, which has %d", len(b.Cols), t.Name, len(t.Columns))
	}
	for i := range t.Columns {
		col, v := &t.Columns[i], b.Cols[i]
		if v.Len != b.Len || v.Type.Physical() == types.PhysBytes && len(v.Offsets) != b.Len+1 {
			return errs.Internal("column %q has %d rows of %d", col.Name, v.Len, b.Len)
		}
		if v.Type.Physical() != col.Type.Physical() {
			return errs.New(errs.DatatypeMismatch, "column %q is of type %s but expression is of type %s", col.Name, col.Type, v.Type)
		}
		if col.NotNull && v.Valid != nil && v.Valid[:batch.Words(b.Len)].Count() < b.Len {
			return errs.New(errs.NotNullViolation, "null value in column %q of relation %q violates not-null constraint", col.Name, t.Name)
		}
	}
	return nil
}

// admit waits until live segments have room for a write: as long as sealing goes on, or at most wait if that is set.
func (db *DB) admit(ctx context.Context, bytes int64, wait time.Duration) error {
	db.inFlight.Add(bytes)
	if !db.crowded() {
		return nil
	}
	err := db.awaitRoom(ctx, wait)
	if err != nil {
		db.inFlight.Add(-bytes)
	}
	return err
}

// crowded is a quick look: it also counts sealed rows that a reader still holds.
func (db *DB) crowded() bool {
	used := db.liveAccount.Used()
	return used > 0 && used+db.inFlight.Load() > db.o.LiveBytes
}

// crowdedLocked counts the rows that sealing can give room for. Those that were sealed and are held by a reader's
// snapshot do not count: the reader may be the very client that writes, and waiting for it would not end. They are
// charged to the pool, whose limit then refuses.
func (db *DB) crowdedLocked() bool {
	if !db.crowded() {
		return false
	}
	var used int64
	for _, t := range db.tables {
		for _, l := range t.live {
			used += l.segment.Bytes()
		}
	}
	for _, l := range db.loads {
		used += l.bytes.Load()
	}
	return used > 0 && used+db.inFlight.Load() > db.o.LiveBytes
}

func (db *DB) awaitRoom(ctx context.Context, wait time.Duration) error {
	limited := wait > 0
	if !limited {
		wait = db.o.IntakeWait
	}
	late, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	wake := func() { db.mu.Lock(); db.cond.Broadcast(); db.mu.Unlock() }
	defer context.AfterFunc(late, wake)()
	db.mu.Lock()
	defer db.mu.Unlock()
	for db.crowdedLocked() {
		if db.closing {
			return errs.New(errs.AdminShutdown, "the database is closing")
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if late.Err() != nil && (limited || db.sealFailureLocked() != nil) {
			e := errs.New(errs.OutOfMemory, "rows arrive faster than they are sealed: live segments hold %d bytes, the limit is %d",
				db.liveAccount.Used(), db.o.LiveBytes).WithHint("Send slower, or try again. Nothing of this write was stored.")
			if f := db.sealFailureLocked(); f != nil {
				return e.WithDetail("The last attempt to seal failed: %v.", f)
			}
			return e
		}
		db.pressure.Store(true)
		db.wake()
		db.cond.Wait()
	}
	return nil
}

// applyGroup makes a durable group visible. The log calls it, in order, from one goroutine; so does recovery.
func (db *DB) applyGroup(group []*wal.Entry) {
	db.mu.Lock()
	defer db.mu.Unlock()
	for _, e := range group {
		if db.fatal != nil {
			e.Err = db.fatal
			continue
		}
		var err error
		switch x := e.Data.(type) {
		case *commit:
			for i := range x.logged {
				if err == nil {
					err = db.deleteLocked(&x.logged[i])
				}
			}
			if err == nil {
				db.adoptLocked(e.Sequence, x.files)
				err = db.appendLocked(e.Sequence, x.sections)
			}
		case *ddl:
			err = db.applyDDLLocked(e.Sequence, x.done)
		}
		if err != nil {
			db.fatal = errs.New(errs.OutOfMemory, "rows that are durable could not be shown: %w", err).
				WithHint("Restart the server: it recovers everything that was acknowledged.")
			e.Err = db.fatal
			continue
		}
		db.applied = e.Sequence
	}
	db.publishLocked()
	// Only now: a repetition is answered from its token, and what is answered is visible.
	for _, e := range group {
		if x, ok := e.Data.(*commit); ok && e.Err == nil && x.token != nil {
			db.tokens.commit(x.id, e.Sequence, x.rows, x.seconds)
		}
	}
}

// appendLocked adds the rows of a record to their tables' live segments.
func (db *DB) appendLocked(sequence uint64, sections []table.Section) error {
	for i := range sections {
		s := &sections[i]
		t := db.tables[s.Table]
		if t == nil {
			continue // dropped later, in a catalog newer than the record
		}
		var row uint64 // of the table in the record
		for j := range sections[:i] {
			if sections[j].Table == s.Table {
				row += uint64(sections[j].Batch.Len)
			}
		}
		if err := db.appendRowsLocked(t, sequence, row, s.Batch, 0); err != nil {
			return err
		}
	}
	return nil
}

// appendRowsLocked adds rows [from, b.Len) of a batch; row is the number that row 0 of it has in its record.
func (db *DB) appendRowsLocked(t *tableState, sequence, row uint64, b *batch.Batch, from int) error {
	for from < b.Len {
		l := t.open()
		if l != nil && !l.segment.Fits(b) {
			l.frozen, l = true, nil
			db.wake()
		}
		if l == nil {
			l = &liveState{
				segment: live.New(liveColumns(t.info), db.liveAccount, sequence, db.o.Now()), base: t.next,
				start: manifest.Position{Sequence: sequence, Rows: row + uint64(from), Next: t.next},
			}
			t.live = append(t.live, l)
			db.dirty = true
		}
		n := min(b.Len-from, max(1, t.limits.rows-l.segment.Rows()))
		if err := l.segment.Append(b, from, from+n); err != nil {
			return err
		}
		from += n
		t.next += uint64(n)
		l.segment.Mark(sequence)
		l.end = manifest.Position{Sequence: sequence, Rows: row + uint64(from), Next: t.next}
		if l.segment.Rows() >= t.limits.rows || l.segment.Bytes() >= t.limits.bytes {
			l.frozen = true
			db.wake()
		}
	}
	return nil
}

// open returns the live segment that takes rows, or nil.
func (t *tableState) open() *liveState {
	if n := len(t.live); n > 0 && !t.live[n-1].frozen {
		return t.live[n-1]
	}
	return nil
}

func liveColumns(t *catalog.Table) []live.Column {
	cols := make([]live.Column, len(t.Columns))
	for i, c := range t.Columns {
		cols[i] = live.Column{Type: c.Type, Nullable: !c.NotNull}
	}
	return cols
}

// age is how long rows have waited in a live segment.
func (l *liveState) age(now time.Time) time.Duration { return now.Sub(l.segment.Born()) }
