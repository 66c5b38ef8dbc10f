package storage

import (
	"bufio"
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/event"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/segment"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// retryMax is the longest pause between attempts to seal: a full disk that got space is noticed within it.
const retryMax = time.Minute

// sealer freezes live segments by age, or by size when memory is short, and seals what is frozen.
func (db *DB) sealer(ctx context.Context) {
	defer db.wg.Done()
	// Ages are minutes and retries seconds; tests use shorter ones.
	tick := time.NewTicker(max(5*time.Millisecond, min(time.Second, db.o.SealAge/8, db.o.SealRetry)))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-db.kick:
		case <-tick.C:
		}
		db.freezeDue()
		for ctx.Err() == nil && db.sealNext(ctx) {
		}
		if ctx.Err() == nil && db.behind() {
			_ = db.flush() // tried again at the next tick
		}
		db.giveBack()
	}
}

const (
	// giveBackBytes is how much live memory sealing has to free before it is worth to collect garbage for.
	giveBackBytes = 64 << 20
	// giveBackEvery is how often idle memory is looked for. A seal less than it ago says that more rows come, which can
	// have the memory.
	giveBackEvery = 5 * time.Second
)

// giveBack returns to the system what is not needed after a load: free pages, and the heap of batches and of the
// sealer's work space, which the runtime would keep for minutes.
func (db *DB) giveBack() {
	now := time.Now()
	db.mu.Lock()
	due := now.Sub(db.gaveBack) >= giveBackEvery
	collect := due && db.freed >= giveBackBytes && now.Sub(db.freedAt) >= giveBackEvery
	if due {
		db.gaveBack = now
	}
	if collect {
		db.freed = 0
	}
	db.mu.Unlock()
	if due {
		mem.TrimIdle()
	}
	if collect {
		debug.FreeOSMemory()
	}
}

// noteFreedLocked counts live memory that was sealed.
func (db *DB) noteFreedLocked(bytes int64) {
	db.freed += bytes
	db.freedAt = time.Now()
}

// sealNext seals what is frozen: a live segment of a table, and one of a load, so that none waits for all others.
func (db *DB) sealNext(ctx context.Context) bool {
	t, l := db.nextFrozen()
	if l != nil {
		db.seal(t, l)
	}
	p, ok := db.nextPending()
	if ok {
		_ = p.run(ctx, db.o.SealWorkers) // noted by the load
	}
	return ok || l != nil
}

// freezeDue freezes the live segments whose age has come, and the largest when a commit waits for memory.
func (db *DB) freezeDue() {
	if l := db.freezeDueLive(); l != nil {
		l.freezeLargest()
	}
}

// freezeDueLive does that for tables, and returns the load whose live segment is the largest to freeze, or nil.
func (db *DB) freezeDueLive() *Load {
	now := db.o.Now()
	db.mu.Lock()
	defer db.mu.Unlock()
	var largest *liveState
	frozen := false
	largestLoad := db.largestLoadLocked(&frozen)
	for _, t := range db.tables {
		l := t.open()
		frozen = frozen || len(t.live) > 1 || len(t.live) == 1 && l == nil
		if l == nil || l.segment.Rows() == 0 {
			continue
		}
		if l.age(now) >= t.limits.age {
			l.frozen = true
			continue
		}
		if largest == nil || l.segment.Bytes() > largest.segment.Bytes() {
			largest = l
		}
	}
	if !db.pressure.Swap(false) || frozen {
		return nil
	}
	if largestLoad != nil && (largest == nil || largestLoad.largest.Load() > largest.segment.Bytes()) {
		return largestLoad
	}
	if largest != nil {
		largest.frozen = true
	}
	return nil
}

// largestLoadLocked returns the load with the largest live segment that takes rows, or nil, and tells whether others
// are frozen.
func (db *DB) largestLoadLocked(frozen *bool) *Load {
	var largest *Load
	for _, l := range db.loads {
		*frozen = *frozen || l.frozen.Load() > 0
		if n := l.largest.Load(); n > 0 && (largest == nil || n > largest.largest.Load()) {
			largest = l
		}
	}
	return largest
}

// nextFrozen returns the oldest frozen segment of some table that is not waiting for its next attempt. The caller gets
// a reference.
func (db *DB) nextFrozen() (*tableState, *liveState) {
	now := db.o.Now()
	db.mu.Lock()
	defer db.mu.Unlock()
	var bestTable *tableState
	var best *liveState
	for _, t := range db.tables {
		if len(t.live) == 0 || !t.live[0].frozen || now.Before(t.live[0].retry) {
			continue
		}
		if best == nil || t.live[0].segment.First() < best.segment.First() {
			bestTable, best = t, t.live[0]
		}
	}
	if best != nil {
		best.segment.Retain()
	}
	return bestTable, best
}

// seal writes the oldest live segment of a table into a file and puts the file in its place. It takes over a
// reference to the segment.
func (db *DB) seal(t *tableState, l *liveState) {
	defer l.segment.Release()
	db.sealMu.Lock()
	defer db.sealMu.Unlock()
	db.mu.Lock()
	if len(t.live) == 0 || t.live[0] != l { // dropped, or sealed by a checkpoint meanwhile
		db.mu.Unlock()
		return
	}
	info := t.info
	db.mu.Unlock()
	start := time.Now()
	meta, err := db.sealLocked(info, t, l)
	db.mu.Lock()
	defer db.mu.Unlock()
	if err != nil {
		l.failures++
		l.err = err
		l.retry = db.o.Now().Add(db.retryAfter(l.failures))
		db.metrics.SealFailures.Add(1)
		db.o.Events(event.Event{Kind: event.SealFailed, Table: info.Name, Rows: int64(l.segment.Rows()), Err: err})
	} else {
		l.err = nil
		db.countSeal(info, &meta, time.Since(start))
	}
	db.cond.Broadcast()
}

// retryAfter is the pause after a number of failed attempts.
func (db *DB) retryAfter(failures int) time.Duration {
	return min(retryMax, db.o.SealRetry<<min(failures-1, 10))
}

func (db *DB) countSeal(info *catalog.Table, meta *manifest.Segment, took time.Duration) {
	db.metrics.Seals.Add(1)
	db.metrics.SealedRows.Add(meta.Rows)
	db.metrics.SealedBytes.Add(meta.Bytes)
	db.o.Events(event.Event{Kind: event.Sealed, Table: info.Name, File: uint64(meta.File), Rows: meta.Rows, Bytes: meta.Bytes, Took: took})
}

// sealLocked does the work of seal: BUILDING, DURABLE, PUBLISHED. sealMu is held. Rows that are deleted while the file
// is built are deleted in the file, too; a live segment without any row left needs none.
func (db *DB) sealLocked(info *catalog.Table, t *tableState, l *liveState) (manifest.Segment, error) {
	db.mu.Lock()
	empty := l.deleted.Len() == l.segment.Rows()
	fatal := db.fatal
	db.mu.Unlock()
	if fatal != nil { // live rows may be part of a record: a position says where a record ends
		return manifest.Segment{}, fatal
	}
	meta := manifest.Segment{
		File: manifest.FileID(db.nextFile.Add(1)), Table: info.ID, Rows: int64(l.segment.Rows()),
		First: l.segment.First(), Last: l.end.Sequence, Base: l.base,
	}
	e := &manifest.Edit{Positions: map[catalog.TableID]manifest.Position{info.ID: l.end}}
	if empty {
		meta.Rows = 0
		if err := db.edit(e, &sealing{table: t, live: l}); err != nil {
			return meta, err
		}
		db.mu.Lock()
		defer db.mu.Unlock()
		if db.replaceLocked(t, l) {
			db.publishLocked()
		}
		return meta, nil
	}
	var err error
	b := build{info: info, live: l.segment, rows: l.segment.Rows(), workers: db.o.SealWorkers}
	if meta.Bytes, err = db.build(context.Background(), &b, meta.File); err != nil {
		return meta, err
	}
	w := &sealing{table: t, live: l, places: b.places()}
	s, err := db.openSegment(meta)
	if err != nil {
		_ = db.o.FS.Remove(db.segmentName(meta.File))
		return meta, err
	}
	e.Add, e.NextFile = []manifest.Segment{meta}, meta.File+1
	if err := db.edit(e, w); err != nil {
		// The edit may be on the disk all the same, until the next one starts a new manifest without it: the file
		// must stay so long.
		db.mu.Lock()
		db.dropped = append(db.dropped, s)
		db.mu.Unlock()
		return meta, err
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	if !db.replaceLocked(t, l) {
		db.dropped = append(db.dropped, s)
		return meta, nil
	}
	if len(t.claims) > 0 && w.places != nil {
		s.Keep(w.places)
	}
	t.segments = append(t.segments[:len(t.segments):len(t.segments)], sealedState{Sealed: table.Sealed{Segment: s}})
	n := &t.segments[len(t.segments)-1]
	n.Deleted = db.countedLocked(nil, w.written)
	if now := w.deleted(l.deleted); l.deleted != w.collected {
		db.setDeletedLocked(n, now)
		db.dropEmptyLocked(t)
	}
	db.publishLocked()
	return meta, nil
}

// sealing is a live segment on its way into a file.
type sealing struct {
	table     *tableState
	live      *liveState
	places    []uint32      // of its rows in the file; nil: as they were
	collected *index.RowSet // its deleted rows as of the edit
	written   *index.RowSet // their places
}

// deleted returns the places in the file of some of the rows.
func (w *sealing) deleted(rows *index.RowSet) *index.RowSet {
	if w.places == nil {
		return rows
	}
	return rows.Moved(w.places)
}

// stillLive tells whether the segment is there to be replaced: its table may have been dropped or truncated.
func (t *tableState) stillLive(l *liveState) bool { return len(t.live) > 0 && t.live[0] == l }

// replaceLocked takes the oldest live segment out of its table; false when it has gone already. What takes its place is
// published with it.
func (db *DB) replaceLocked(t *tableState, l *liveState) bool {
	if !t.stillLive(l) {
		return false
	}
	t.live = append([]*liveState(nil), t.live[1:]...)
	db.countedLocked(l.deleted, nil)
	db.dirty = true
	db.noteFreedLocked(l.segment.Bytes())
	l.segment.Release() // the version that readers see has a reference, too
	return true
}

func (db *DB) segmentName(f manifest.FileID) string {
	return fmt.Sprintf("%s/segments/%010d.seg", db.dir, f)
}

// build is a live segment on its way into a file.
type build struct {
	info    *catalog.Table
	live    *live.Segment
	rows    int
	workers int
	order   []uint32 // set by build: how the rows were sorted; nil: they were not
}

// places returns where the rows stand in the file; nil: as they stood.
func (b *build) places() []uint32 {
	if b.order == nil {
		return nil
	}
	places := make([]uint32, len(b.order))
	for place, row := range b.order {
		places[row] = uint32(place)
	}
	return places
}

// build writes a live segment into a file and returns its size. If the rows are sorted, the file has a column that
// tells where they stood. One file is written at a time: what it takes of memory and processors is bounded.
func (db *DB) build(ctx context.Context, b *build, id manifest.FileID) (bytes int64, err error) {
	select {
	case db.building <- struct{}{}:
		defer func() { <-db.building }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	b.order = sortOrder(b.info, b.live)
	in := &segment.Input{ID: uint64(id), Rows: b.rows, Columns: segmentColumns(b.info), Account: db.sealAccount,
		Workers: b.workers, Order: b.order}
	if b.order != nil {
		in.Columns = append(in.Columns, segment.Column{ID: segment.RowNumber, Name: "row number", Type: types.T(types.Int8)})
	}
	in.Chunks = func(col int) ([]*batch.Vector, error) {
		if col == len(b.info.Columns) {
			return []*batch.Vector{rowNumbers(b.rows)}, ctx.Err()
		}
		return b.live.Chunks(col), ctx.Err()
	}
	name := db.segmentName(id)
	tmp := name + ".tmp"
	f, err := db.o.FS.Create(tmp)
	if err != nil {
		return 0, vfs.Error("create", tmp, err)
	}
	defer func() {
		if err != nil {
			_ = db.o.FS.Remove(tmp)
			_ = db.o.FS.Remove(name)
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	out, err := segment.Write(w, in)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = db.o.FS.Rename(tmp, name)
	}
	if err == nil {
		err = db.o.FS.SyncDir(db.dir + "/segments")
	}
	if err != nil {
		return 0, vfs.Error("write", name, err)
	}
	return out.Bytes, nil
}

// rowNumbers returns the first n numbers.
func rowNumbers(n int) *batch.Vector {
	v := &batch.Vector{}
	v.Reset(types.T(types.Int8), n)
	for i, values := 0, batch.Values[int64](v); i < n; i++ {
		values[i] = int64(i)
	}
	return v
}

func segmentColumns(t *catalog.Table) []segment.Column {
	cols := make([]segment.Column, len(t.Columns))
	for i, c := range t.Columns {
		cols[i] = segment.Column{ID: c.ID, Name: c.Name, Type: c.Type}
	}
	return cols
}

// openSegment opens a segment file.
func (db *DB) openSegment(meta manifest.Segment) (*table.Segment, error) {
	name := db.segmentName(meta.File)
	f, err := db.o.FS.Open(name)
	if err != nil {
		return nil, vfs.Error("open", name, err)
	}
	size, err := f.Size()
	if err != nil {
		f.Close()
		return nil, vfs.Error("open", name, err)
	}
	s, err := segment.Open(f, size, segment.Options{Name: name, Cache: db.cache})
	if err == nil && (s.ID() != uint64(meta.File) || int64(s.Rows()) != meta.Rows) {
		err = errs.Corrupt("segment %s: it is segment %d with %d rows, want %d rows", name, s.ID(), s.Rows(), meta.Rows)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	t := table.NewSegment(meta, s, func() { s.Close(); _ = f.Close() }, db.remover(name))
	t.Damaged = db.damaged
	return t, nil
}

// remover returns what removes the file of an obsolete segment. A file that cannot be removed now goes at the next
// start, when nobody names it.
func (db *DB) remover(name string) func() { return func() { _ = db.o.FS.Remove(name) } }

// edit makes a manifest edit that also brings along what happened since the last one: catalog changes, tokens, and how
// far the log is not needed any more, deletion vectors, and segments that have gone. w, if not nil, is a live segment
// that the edit replaces, unless it has gone meanwhile. sealMu is held.
func (db *DB) edit(e *manifest.Edit, w *sealing) error {
	known := db.set.Version().Positions
	db.mu.Lock()
	var sealed *liveState
	switch {
	case w == nil:
	case w.table.stillLive(w.live):
		sealed, w.collected = w.live, w.live.deleted
	default:
		e.Add, e.Positions = nil, nil
	}
	e.Catalog, e.DDL = db.ddl[:len(db.ddl):len(db.ddl)], db.ddlLast
	e.Watermark, e.Applied = db.applied, db.applied
	for _, t := range db.tables {
		for _, l := range t.live {
			if l != sealed {
				e.Watermark = min(e.Watermark, l.segment.First()-1)
				break
			}
		}
	}
	db.positionsLocked(e, known, sealed)
	vectors, dropped, unnamed := db.takeVectorsLocked(), len(db.dropped), len(db.unnamed)
	for _, s := range db.dropped {
		e.Remove = append(e.Remove, s.Meta.File)
	}
	for _, m := range db.unnamed {
		if db.tables[m.Table] != nil {
			e.Add = append(e.Add, m)
		}
	}
	db.mu.Unlock()
	e.Deleted = make(map[manifest.FileID]string, len(vectors))
	for f, s := range vectors {
		e.Deleted[f] = string(s.Append(nil))
	}
	if sealed != nil && len(e.Add) > 0 {
		if w.written = w.deleted(w.collected); w.written.Len() > 0 {
			e.Add[0].Deleted = string(w.written.Append(nil))
		}
	}
	// Tokens of all records up to the watermark were committed before it was read.
	if err := db.tokens.save(); err != nil {
		return err
	}
	v, err := db.set.Apply(e)
	if err != nil {
		return err
	}
	db.mu.Lock()
	db.ddl = db.ddl[len(e.Catalog):]
	db.unnamed = db.unnamed[unnamed:]
	gone := db.dropped[:dropped]
	db.dropped = db.dropped[dropped:]
	for f, s := range vectors {
		if db.vectors[f] == s {
			delete(db.vectors, f)
		}
	}
	db.vectorsBorn = db.o.Now()
	db.mu.Unlock()
	for _, s := range gone {
		s.Obsolete()
		s.Release()
	}
	if db.log == nil { // still replaying it
		return nil
	}
	if n, err := db.log.Retire(v.Watermark); err == nil && n > 0 {
		db.o.Events(event.Event{Kind: event.Retired, Rows: int64(n)})
	}
	return nil
}

// behind tells that there are files which a manifest edit must name, or let go, or deletions that the log need not keep
// any more.
func (db *DB) behind() bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	return len(db.dropped) > 0 || len(db.unnamed) > 0 || db.vectorsDueLocked()
}

// flush brings the manifest up to date.
func (db *DB) flush() error {
	db.sealMu.Lock()
	defer db.sealMu.Unlock()
	return db.edit(&manifest.Edit{}, nil)
}

// Checkpoint seals every row that is visible when it is called, and lets the log files go that held them.
func (db *DB) Checkpoint(ctx context.Context) error {
	type work struct {
		t *tableState
		l *liveState
	}
	var todo []work
	db.mu.Lock()
	for _, t := range db.tables {
		for _, l := range t.live {
			if l.segment.Rows() > 0 {
				l.frozen = true
				l.segment.Retain()
				todo = append(todo, work{t, l})
			}
		}
	}
	db.mu.Unlock()
	var first error
	for _, w := range todo {
		if first == nil {
			first = ctx.Err()
		}
		if first != nil {
			w.l.segment.Release()
			continue
		}
		db.seal(w.t, w.l)
		db.mu.Lock()
		first = w.l.err
		for _, l := range w.t.live {
			if l == w.l && first == nil { // an older one of the table is in the way
				first = errs.New(errs.ObjectNotInPrerequisiteState, "table %q could not be sealed", w.t.info.Name)
			}
		}
		if db.closing && first == nil {
			first = errs.New(errs.AdminShutdown, "the database is closing")
		}
		db.mu.Unlock()
	}
	if first != nil {
		return first
	}
	return db.flush()
}

// sealFailureLocked returns the error of a live segment whose last attempt failed, or nil.
func (db *DB) sealFailureLocked() error {
	for _, t := range db.tables {
		for _, l := range t.live {
			if l.err != nil && l.failures > 0 {
				return l.err
			}
		}
	}
	for _, l := range db.loads {
		if l.failure != nil {
			return l.failure
		}
	}
	return nil
}
