package table

import (
	"context"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// Appender is the way in for rows of a table, whoever brings them: INSERT, COPY, push, a source that is followed. It lays
// columns out as the table has them, fills in defaults, holds the rows against NOT NULL and CHECK, sets bad ones aside,
// charges what is on its way, and hands on batches to a Sink: a transaction, or a Draft of a write that has positions and
// a token.
//
// Rows come by Read, from a reader of some format, or by Add, as SQL has computed them. What is wrong with a row is found
// in PostgreSQL's order: the values, column by column; the defaults; what is wanted at all (Where); columns computed of others;
// NOT NULL; CHECK. The
// first bad row is the first in the stream, whatever is wrong with it. An Appender belongs to one goroutine.
type Appender struct {
	o     AppenderOptions
	guard *Guard
	notes *format.Notes
	rows  int64
	bad   int64

	fill    filler
	unused  *batch.Batch // got from the sink, and not handed back to it
	where   batch.Bitmap
	one     batch.Batch
	faults  []format.BadRow // of the batch at hand
	rejects *rejects        // nil until there is one
	keyed   *keyedRows      // nil: whoever commits the rows sees to their keys

	buf     *batch.Batch // what Add collects
	bytes   int64        // of buf
	charged int64        // for buf
}

// AppenderOptions say what becomes of rows. Table, Terms and Sink are needed.
type AppenderOptions struct {
	Table *catalog.Table
	Terms *Terms
	Sink  Sink
	// Columns are those that rows come with, by their ordinals, in their order; nil: all of them
	// but those that are computed of others.
	Columns []int
	// Where sets the bits of the rows that are wanted; nil: all are.
	Where func(b *batch.Batch, wanted batch.Bitmap) error
	// Bad is told of each row that cannot be stored, in their order; the row is left out, unless Bad returns an error, which
	// ends the reading. nil: the first bad row does, with its reason.
	Bad func(b *format.BadRow) error
	// Rejects puts the rows that Bad lets pass into the table's reject table, with the rows that are stored. nil: nowhere.
	Rejects *Origin
	// Keys says that rows whose keys are there are bad rows, too. The sink must be a Draft, which finds them when it
	// commits, and leaves them out.
	Keys bool
	// Meter is of what the reader reads: it is settled when that has become rows. nil: there is none.
	Meter *format.Meter
	// Account is charged for rows of Add that wait.
	Account *mem.Account
}

// Sink takes the rows of an Appender, of its table and of the reject table.
type Sink interface {
	// Catalog is the one that the rows will meet, with the sink's own edits.
	Catalog() *catalog.Snapshot
	Edit(edits ...catalog.Edit) error
	// Spare returns a batch to fill: a new one, or one whose rows the sink needs no more.
	Spare() *batch.Batch
	// Insert takes a batch of at most batch.MaxAppendRows rows with the table's columns, and keeps and charges it.
	Insert(ctx context.Context, id catalog.TableID, rows *batch.Batch) error
}

// Reader is what formats have in common. After an error out has the rows in front of it.
type Reader interface {
	Read(out *batch.Batch, maxRows int) (more bool, err error)
}

const (
	// readRows is the most rows of a batch that is read: one that is still in the processor's cache is encoded faster, and
	// a few rows should not make room for a block of them.
	readRows = 8192
	// badMax is how many bad rows end a batch, whose reasons are kept until it is looked at.
	badMax = 128
)

// NewAppender returns an appender. End, or the end of the sink, ends it.
func NewAppender(o AppenderOptions) *Appender {
	a := &Appender{o: o, guard: NewGuard(o.Table, o.Terms), notes: &format.Notes{BadMax: badMax}}
	if o.Bad == nil {
		a.notes.BadMax = 1
	}
	if a.o.Columns == nil {
		for i := range o.Table.Columns {
			if !o.Table.Columns[i].Generated {
				a.o.Columns = append(a.o.Columns, i)
			}
		}
	}
	a.fill = newFiller(o.Table, o.Terms, a.o.Columns)
	if draft, is := o.Sink.(*Draft); is && o.Keys && hasKeys(o.Table) {
		a.keyed = &keyedRows{appender: a}
		draft.keyed = append(draft.keyed, a.keyed)
		a.notes.Texts = o.Rejects != nil
	}
	a.notes.Texts = a.notes.Texts || len(o.Terms.Conditions)+len(o.Terms.Generated) > 0 || o.Where != nil || o.Rejects != nil && a.fill.risky
	return a
}

// Columns describes the columns that rows come with, for the reader.
func (a *Appender) Columns() []format.Column {
	cols := make([]format.Column, len(a.o.Columns))
	for k, i := range a.o.Columns {
		c, d := &a.o.Table.Columns[i], a.o.Terms.of(i)
		cols[k] = format.Column{Name: c.Name, Type: c.Type, NotNull: c.NotNull, Default: d.Value, Computed: d.Compute != nil}
	}
	return cols
}

// Notes are what the reader must be given.
func (a *Appender) Notes() *format.Notes { return a.notes }

// Rows returns how many rows were stored so far.
func (a *Appender) Rows() int64 { return a.rows }

// BadRows returns how many rows were left out so far.
func (a *Appender) BadRows() int64 { return a.bad }

// Generate returns rows with the columns that are computed of the others, for Check and Add: a batch that shares those, until
// the next call.
func (a *Appender) Generate(b *batch.Batch) (*batch.Batch, error) { return a.o.Terms.Generate(b) }

// Check holds rows with all of the table's columns against what it demands of them, as Add will.
func (a *Appender) Check(b *batch.Batch) error { return a.guard.Check(b) }

// Read stores all rows of a reader, which has the appender's columns and notes, and ends the appender.
func (a *Appender) Read(ctx context.Context, r Reader) error {
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		out := a.unused
		if out == nil {
			out = a.o.Sink.Spare()
		}
		a.unused = out
		var failed error
		more, failed = r.Read(a.fill.listed(out), readRows)
		if err := a.take(ctx, out); err != nil { // of rows in front of what the reader failed at
			return err
		}
		if failed != nil {
			return failed
		}
		if a.o.Meter != nil {
			a.o.Meter.Settle()
		}
	}
	return a.End(ctx)
}

// take stores the rows of a batch whose listed columns were read.
func (a *Appender) take(ctx context.Context, out *batch.Batch) error {
	if err := a.fill.rest(out, a.notes.Lacks); err != nil {
		return err
	}
	a.faults = append(a.faults[:0], a.notes.Bad...)
	from, err := a.wanted(out)
	if err != nil {
		return err
	}
	if from, err = a.generate(out, from); err != nil {
		return err
	}
	if from, err = a.held(out, from); err != nil {
		return err
	}
	if err := a.setAside(ctx); err != nil || out.Len == 0 {
		return err
	}
	if a.keyed != nil {
		if err := a.keyed.place(out.Len, func(row int) format.BadRow {
			if from != nil {
				row = int(from[row])
			}
			return a.notes.At(row)
		}); err != nil {
			return err
		}
	}
	a.unused = nil
	a.rows += int64(out.Len)
	return a.o.Sink.Insert(ctx, a.o.Table.ID, out)
}

// End hands on what waits. The appender is of no further use.
func (a *Appender) End(ctx context.Context) error {
	if err := a.flush(ctx); err != nil {
		return err
	}
	if a.rejects != nil {
		return a.rejects.flush(ctx)
	}
	return nil
}
