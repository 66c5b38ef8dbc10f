package table

import (
	"context"
	"sync"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/positions"
)

// Store is what a Draft needs of a database.
type Store interface {
	Catalog() *catalog.Snapshot
	// Numbered returns edits whose objects have their numbers.
	Numbered(edits ...catalog.Edit) []catalog.Edit
	Commit(ctx context.Context, w Write) (Ack, error)
	// Duplicates returns which rows of batches for a table have a key that is there, in their order.
	Duplicates(ctx context.Context, id catalog.TableID, batches []*batch.Batch) ([]Duplicate, error)
}

// Duplicate is a row of some batches whose key is there.
type Duplicate struct {
	Batch, Row int
	Err        *errs.Error
}

// Draft is a write of rows that no statement brings while it is put together: a Sink of appenders whose rows, with bad ones
// in the reject table, become one record of the log, with the token of a push or the positions of a source. It belongs to
// one goroutine. Close gives its memory back.
type Draft struct {
	// Token, Positions and Wait are as in Write.
	Token     *Token
	Positions []positions.Move
	Wait      time.Duration

	store   Store
	catalog *catalog.Snapshot
	account *mem.Account
	edits   []catalog.Edit
	rows    []Rows
	spare   []*batch.Batch // handed out
	keyed   []*keyedRows   // of appenders that leave out what has a key that is there
}

// NewDraft returns an empty draft for a catalog of the store, whose batches the account is charged for.
func NewDraft(store Store, cat *catalog.Snapshot, account *mem.Account) *Draft {
	return &Draft{store: store, catalog: cat, account: account}
}

// Catalog returns the catalog that the rows will meet.
func (d *Draft) Catalog() *catalog.Snapshot { return d.catalog }

// Edit changes it.
func (d *Draft) Edit(edits ...catalog.Edit) error {
	edits = d.store.Numbered(edits...)
	next, _, err := d.catalog.Apply(edits...)
	if err != nil {
		return err
	}
	d.catalog, d.edits = next, append(d.edits, edits...)
	return nil
}

// spares are batches of drafts that have ended, of any table: vectors change their types and keep their memory.
var spares = sync.Pool{New: func() any { return new(batch.Batch) }}

// spareMaxBytes is the most that an unused batch may hold: a huge one must not stay for the sake of small ones.
const spareMaxBytes = 4 << 20

// Spare returns a batch to fill.
func (d *Draft) Spare() *batch.Batch {
	b := spares.Get().(*batch.Batch)
	d.spare = append(d.spare, b)
	return b
}

// Insert keeps a batch.
func (d *Draft) Insert(_ context.Context, id catalog.TableID, rows *batch.Batch) error {
	if err := d.account.Reserve(rows.Bytes()); err != nil {
		return err
	}
	for i := range d.rows {
		if d.rows[i].Table == id {
			d.rows[i].Batches = append(d.rows[i].Batches, rows)
			return nil
		}
	}
	t := d.catalog.TableByID(id)
	if t == nil {
		return errs.New(errs.UndefinedTable, "table with id %d does not exist", id)
	}
	d.rows = append(d.rows, Rows{Table: id, Version: t.Version, Batches: []*batch.Batch{rows}})
	return nil
}

// Empty tells that there is nothing to commit.
func (d *Draft) Empty() bool { return len(d.rows) == 0 && len(d.Positions) == 0 }

// attempts is how often a draft commits again: others would have to be there first each time.
const attempts = 100

// Commit stores everything. A reject table that somebody else has made meanwhile is taken in place of the own one. Rows whose
// keys are there are left out where their appender says so.
func (d *Draft) Commit(ctx context.Context) (ack Ack, err error) {
	for range attempts {
		ack, err = d.store.Commit(ctx, Write{Edits: d.edits, Rows: d.rows, Token: d.Token, Positions: d.Positions, Wait: d.Wait})
		switch {
		case errs.Is(err, errs.DuplicateTable) && len(d.edits) > 0:
			err = d.rebase()
		case errs.Is(err, errs.UniqueViolation) && len(d.keyed) > 0:
			err = d.leaveOut(ctx)
		default:
			return ack, err
		}
		if err != nil {
			return ack, err
		}
	}
	return ack, errs.New(errs.SerializationFailure, "could not serialize access due to concurrent update")
}

// rebase gives the rows of tables that the draft makes to those that have their names by now.
func (d *Draft) rebase() error {
	now := d.store.Catalog()
	for i := range d.rows {
		own := d.catalog.TableByID(d.rows[i].Table)
		if now.TableByID(own.ID) != nil {
			continue
		}
		there := now.Table(own.Schema, own.Name)
		if there == nil || !sameColumns(own, there) {
			return errs.New(errs.SerializationFailure, "could not serialize access due to concurrent update").
				WithDetail("Somebody else has made %q meanwhile.", own.Name)
		}
		d.rows[i].Table, d.rows[i].Version = there.ID, there.Version
	}
	d.catalog, d.edits = now, nil
	return nil
}

func sameColumns(a, b *catalog.Table) bool {
	if len(a.Columns) != len(b.Columns) {
		return false
	}
	for i := range a.Columns {
		if a.Columns[i].Name != b.Columns[i].Name || a.Columns[i].Type != b.Columns[i].Type {
			return false
		}
	}
	return true
}

// Close gives the batches back. The account is its owner's.
func (d *Draft) Close() {
	for _, b := range d.spare {
		if b.Bytes() <= spareMaxBytes {
			spares.Put(b)
		}
	}
	d.spare, d.rows = nil, nil
}
