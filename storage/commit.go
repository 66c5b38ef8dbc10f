package storage

import (
	"context"
	"sync"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/positions"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/tokens"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// commit is a write on its way. Commits reuse them with their buffers.
type commit struct {
	entry     wal.Entry
	encoder   table.Encoder
	flat      []*batch.Flattener
	sections  []table.Section
	edits     []catalog.Edit // as they take effect
	files     []shelf.Sealed // of a load
	extended  []*shelf.File  // of files: those that took the places of the load's own
	rows      int64
	beside    int64 // of rows: those of other tables than the token's
	seconds   int64
	flattened int // flat that are in use
	deletions []deletion
	logged    []table.Deletion
	token     *table.Token
	id        tokens.ID // of token
	moves     []positions.Move
	counters  []counter.Move

	keyed  []keyed // by table that has keys
	pieces []piece // in the order of the write
}

// deletion is what a write takes away from one table.
type deletion struct {
	table.Deletion
	truncate bool // Below is not known before the gate is closed
	updated  bool
	taken    bool // since its rows have keys of the write
	claimed  bool
}

var commits = sync.Pool{New: func() any { return new(commit) }}

// Commit stores a write, all or nothing: its rows, deletions and catalog changes are durable and visible when it
// returns. A write whose token is known stores nothing and answers as the first time did. The context ends waiting, not
// a write that is on its way.
// An error of class 58 leaves open whether the write will be found after a restart; any other means that it will not.
func (db *DB) Commit(ctx context.Context, w table.Write) (table.Ack, error) {
	ack, _, err := db.commitFiles(ctx, w, nil)
	return ack, err
}

// commitFiles is Commit with the files of a load, whose references pass to the tables when it stored them. unsure says
// that the write failed, and that a restart may find it all the same.
func (db *DB) commitFiles(ctx context.Context, w table.Write, files []shelf.Sealed) (ack table.Ack, unsure bool, err error) {
	c := commits.Get().(*commit)
	c.files, c.extended, c.entry.Sequence = files, nil, 0
	if ack, err = db.commit(ctx, c, &w); err != nil {
		db.metrics.Refused.Add(1)
		// What has no sequence did not reach the log, and what met a full disk was cut off again.
		unsure = c.entry.Sequence != 0 && !vfs.Passes(err)
		c.dropExtended(unsure)
	}
	if c.held() <= 8<<20 { // a huge write must not pin its buffers
		c.entry.Data, c.token, c.edits, c.files, c.extended, c.moves, c.counters = nil, nil, nil, nil, nil, nil, nil
		clear(c.sections)
		clear(c.deletions)
		clear(c.logged)
		clear(c.pieces)
		c.flattened = 0
		commits.Put(c)
	}
	return ack, unsure, err
}

func (db *DB) commit(ctx context.Context, c *commit, w *table.Write) (table.Ack, error) {
	if err := ctx.Err(); err != nil {
		return table.Ack{}, err
	}
	if w.Token != nil {
		c.id = tokens.NewID(uint64(w.Token.Table), w.Token.Client, w.Token.Key, w.Token.Content)
		known, err := db.tokens.Begin(ctx, c.id)
		if err != nil {
			return table.Ack{}, err
		}
		if known != nil {
			db.metrics.Duplicates.Add(1)
			return table.Ack{Sequence: known.Sequence, Rows: known.Rows, Duplicate: true}, nil
		}
	}
	c.token = w.Token
	err := db.positions.Begin(ctx, w.Positions)
	if err == nil {
		if err = db.write(ctx, c, w); err != nil {
			db.positions.Abort(w.Positions)
		}
	}
	if err != nil {
		if w.Token != nil {
			db.tokens.Abort(c.id)
		}
		return table.Ack{}, err
	}
	db.metrics.Commits.Add(1)
	db.metrics.CommittedRows.Add(c.rows)
	return table.Ack{Sequence: c.entry.Sequence, Rows: c.rows - c.beside}, nil
}

// write admits, checks, encodes and appends a write.
func (db *DB) write(ctx context.Context, c *commit, w *table.Write) error {
	if err := db.awaitHolds(ctx, c, w); err != nil { // before it has a share of anything
		return err
	}
	bytes, exclusive := measure(w)
	if bytes > 0 {
		if err := db.admit(ctx, bytes, w.Wait); err != nil {
			return err
		}
		defer db.inFlight.Add(-bytes)
	}
	cat, edits := db.Catalog(), w.Edits
	if len(edits) > 0 {
		edits = db.numbers.Fill(edits)
		var err error
		if cat, _, err = db.Catalog().Apply(edits...); err != nil {
			return err
		}
	}
	if err := db.prepare(ctx, c, cat, w); err != nil {
		return err
	}
	held := c.held()
	_ = db.writeAccount.Reserve(held) // does not refuse
	defer db.writeAccount.Free(held)
	if err := db.enter(ctx, c, w, exclusive); err != nil {
		return err
	}
	defer db.leave(exclusive)
	if err := db.fit(c, w, edits); err != nil {
		return err
	}
	defer db.release(c)
	if err := db.claim(ctx, c); err != nil {
		return err
	}
	if err := db.inherit(ctx, c); err != nil {
		return err
	}
	more := max(0, c.held()-held)
	_ = db.writeAccount.Reserve(more)
	defer db.writeAccount.Free(more)
	c.logged = c.logged[:0]
	for _, d := range c.deletions {
		c.logged = append(c.logged, d.Deletion)
	}
	if w.Token == nil && len(w.Positions)+len(w.Counters)+len(c.edits)+len(c.logged)+len(c.files)+len(c.sections) == 0 {
		return nil // as CREATE TABLE IF NOT EXISTS of one that is there
	}
	c.seconds = db.o.Now().Unix()
	c.encoder.End(&table.Head{Seconds: c.seconds, Token: w.Token, Edits: c.edits, Deletions: c.logged, Files: c.files, Positions: w.Positions, Counters: w.Counters})
	c.moves, c.counters = w.Positions, w.Counters
	c.entry.Type, c.entry.Pieces, c.entry.Data = table.RecordWrite, c.encoder.Payload(), c
	db.metrics.CommittedBytes.Add(int64(record.Total(c.entry.Pieces)))
	return db.log.Append(ctx, &c.entry)
}

// measure returns the bytes of a write's rows and deletions, and whether no other write may be on its way meanwhile: a
// truncation takes what has a number, and tables must not go while rows come.
func measure(w *table.Write) (bytes int64, exclusive bool) {
	exclusive = len(w.Edits) > 0
	for _, r := range w.Rows {
		bytes += r.Deleted.Bytes()
		exclusive = exclusive || r.Truncate
		for _, b := range r.Batches {
			bytes += b.Bytes()
		}
	}
	return bytes, exclusive
}

// held returns the bytes of copies and buffers that a commit keeps.
func (c *commit) held() int64 {
	n := int64(c.encoder.Held())
	for _, f := range c.flat {
		n += f.Held()
	}
	for i := range c.keyed[:cap(c.keyed)] {
		n += c.keyed[:cap(c.keyed)][i].rows.Held()
	}
	return n
}
