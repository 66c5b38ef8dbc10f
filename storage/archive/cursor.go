package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/table"
)

// Position is a place between rows of the log: behind the first Row rows that record Sequence brings, of whatever table; in
// front of the record when Row is 0. Rows of a load that its own record deletes do not count.
type Position struct {
	Sequence uint64
	Row      int64
}

// String prints the position as people and errors see it.
func (p Position) String() string {
	if p.Row == 0 {
		return fmt.Sprint(p.Sequence)
	}
	return fmt.Sprintf("%d+%d", p.Sequence, p.Row)
}

// CursorOptions say what a cursor reads.
type CursorOptions struct {
	// Table is whose records are read: those that bring it rows, take rows from it or change it. 0: all records are.
	Table catalog.TableID
	// From is where reading begins; zero: with the first record from which on the log has all that is asked for.
	From Position
	// Until is the last record that is read, which may be one to come. With Follow there is no last one: what comes is waited
	// for.
	Until  uint64
	Follow bool
	// Holder names who reads: what he has not read yet is kept, of his table or all, whatever retain_log says. "": nothing is
	// held.
	Holder string
	// MayLose lets the bound of the archive's size take what is held all the same. The cursor then fails with 55000.
	MayLose bool
	// Confirmed lets only Confirm give up what is held, not the reading.
	Confirmed bool
}

// Record is what a record of the log says besides rows. It is whole, also where a cursor reads the rows of one table, and
// valid until the following Next.
type Record struct {
	Sequence uint64
	*table.Decoder
}

// Cursor reads records of the log, in order, through the archive, the closed log files and the one that is written. It sees
// what is committed and visible. It belongs to one goroutine; Close must be called before the database closes.
type Cursor struct {
	a       *Archive
	o       CursorOptions
	account *mem.Account
	held    *holder

	src  source // nil: none is open
	last uint64 // last record of it; 0: it grows
	next uint64 // sequence of the next record
	skip int64  // rows of it that were read before
	rec  Record
	d    table.Decoder
	rows rows
}

// source is an open file of the log or of the archive.
type source interface {
	// next returns the next record, io.EOF behind the last one. The payload is valid until the following call.
	next() (sequence uint64, t record.Type, payload []byte, err error)
	close()
}

// Cursor opens a cursor. A position that is not there any more is 55000.
func (a *Archive) Cursor(o CursorOptions) (*Cursor, error) {
	c := &Cursor{a: a, o: o, account: a.o.Pool.Account("log cursor", 0)}
	c.rec.Decoder, c.rows.c = &c.d, c
	c.d.Charge = c.account.Reserve
	// What is held must be there now and stay, so nothing goes in between.
	a.dropping.Lock()
	defer a.dropping.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.o.From == (Position{}) {
		c.o.From.Sequence = a.startLocked(o.Table)
	}
	c.next, c.skip = c.o.From.Sequence, c.o.From.Row
	if err := a.thereLocked(o.Table, c.next); err != nil {
		c.account.Close()
		return nil, err
	}
	if o.Holder != "" {
		c.held = a.holdLocked(&c.o)
	}
	return c, nil
}

// Close ends the cursor and what it holds.
func (c *Cursor) Close() {
	c.rows.end()
	c.leave()
	if c.held != nil {
		c.a.release(c.held)
		c.held = nil
	}
	c.account.Close()
}

// Position returns where the next row, or record, is read: behind the record when Rows has returned nil.
func (c *Cursor) Position() Position {
	if c.rows.open {
		return Position{c.rec.Sequence, c.rows.row}
	}
	return Position{c.next, c.skip}
}

// Confirm gives up what is held before a position, of a cursor that is Confirmed.
func (c *Cursor) Confirm(p Position) {
	if c.held != nil {
		c.a.advance(c.held, p.Sequence)
	}
}

// Next returns the next record, which it waits for; io.EOF behind the last one that is asked for. Rows of the record before
// that were not read are skipped.
func (c *Cursor) Next(ctx context.Context) (*Record, error) {
	if c.rows.open {
		c.pass()
	}
	for {
		if c.held != nil && !c.o.Confirmed {
			c.a.advance(c.held, c.next)
		}
		if !c.o.Follow && c.next > c.o.Until {
			return nil, io.EOF
		}
		if err := c.a.await(ctx, c.next); err != nil {
			return nil, err
		}
		payload, err := c.read(ctx)
		if err != nil {
			return nil, err
		}
		if payload == nil { // the table has nothing up to the next file
			continue
		}
		if err := c.d.Begin(payload); err != nil {
			return nil, fmt.Errorf("record %d of the log: %w", c.next, err)
		}
		if c.o.Table != 0 && !c.d.Mentions(c.o.Table) {
			c.next, c.skip = c.next+1, 0
			continue
		}
		c.rec.Sequence = c.next
		return &c.rec, c.rows.begin(c.skip)
	}
}

// pass ends with the record.
func (c *Cursor) pass() {
	c.rows.end()
	c.next, c.skip = c.rec.Sequence+1, 0
}

// read returns the payload of the next record, which is visible. nil: it is not there, nor is anything of the table up to
// the record that is the next one now.
func (c *Cursor) read(ctx context.Context) ([]byte, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if c.src == nil {
			first, err := c.enter()
			if err != nil {
				return nil, err
			}
			if first > c.next {
				c.next, c.skip = first, 0
				return nil, nil
			}
		}
		at := c.next
		seq, t, payload, err := c.src.next()
		switch {
		case errors.Is(err, io.EOF):
			c.leave()
			if c.last >= at && c.o.Table != 0 {
				c.next, c.skip = c.last+1, 0
				return nil, nil
			}
			continue
		case err != nil:
			c.leave()
			return nil, err
		case seq < c.next:
			continue
		case seq > c.next && c.o.Table != 0: // what the table has nothing of was left out
			c.next, c.skip = seq, 0
		case seq > c.next: // a file that was lost, whose loss was accepted
			c.leave()
			return nil, gone(c.next, seq-1)
		}
		if t != table.RecordWrite {
			return nil, errs.Unsupported("log record of type %d, written by a newer version,", t)
		}
		return payload, nil
	}
}

// leave closes the file that is open.
func (c *Cursor) leave() {
	if c.src != nil {
		c.src.close()
		c.src = nil
	}
}

// gone is the error for records that are not there any more.
func gone(from, to uint64) error {
	return errs.New(errs.ObjectNotInPrerequisiteState, "requested position %d of the log is no longer there", from).
		WithDetail("Records %d to %d are gone.", from, to).
		WithHint("Raise retain_log of the table, or the size of the archive, and begin again with the table as it is.")
}
