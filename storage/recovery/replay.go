// Package recovery brings a database back to what was acknowledged: it decides which parts of the log's records are in
// the manifest already (Replayer), how far files are numbered, and which belong to nobody (Folder).
// What a record changes is done by the Target, which is the database; nobody else uses it meanwhile.
//
// # What is done twice, and what is not
//
//	catalog changes   those of records up to Version.DDL are in the manifest's catalog
//	deletions         are applied again: rows that have gone are not found
//	files             those of records up to Version.Applied are named by the manifest, or were and have gone with all
//	                  their rows; their rows are counted all the same, unless the table's position counts them
//	rows              a table's position says how many records, and rows of the last one, are sealed
//	counters          the last record that moves one has it right
//	positions         the last record that moves a partition has it right
//	tokens            a token that a token file has, too, is the same
//
// Replaying any prefix of the log and starting again replays to the same: positions and watermark move together in edits
// of the manifest, which the Target may make meanwhile.
package recovery

import (
	"fmt"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/positions"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/tokens"
)

// Target is what records are applied to, one after the other. Tables that it does not have were dropped later, in a
// catalog newer than the record.
type Target interface {
	Table(id catalog.TableID) *catalog.Table
	Edit(sequence uint64, edits []catalog.Edit) error
	Delete(d *table.Deletion) error
	// Adopt makes a file a part of its table, with the next row numbers.
	Adopt(sequence uint64, meta manifest.Segment, deleted *index.RowSet) error
	// Skip gives numbers to the rows of a file that is a part of its table already, or was.
	Skip(id catalog.TableID, rows int64)
	Append(id catalog.TableID, rows shelf.Rows) error
	Token(t *table.Token, w tokens.Write, seconds int64)
	Move(moves []positions.Move)
	Count(moves []counter.Move)
	// Applied ends a record.
	Applied(sequence uint64) error
}

// Replayer applies the records above a manifest's watermark.
type Replayer struct {
	to      Target
	v       *manifest.Version
	decoder table.Decoder
	fitter  table.Fitter
	rows    map[catalog.TableID]uint64 // of the record so far
}

// NewReplayer returns one for a database that holds what a version of the manifest says.
func NewReplayer(v *manifest.Version, to Target) *Replayer {
	return &Replayer{to: to, v: v, rows: map[catalog.TableID]uint64{}}
}

// position returns how far the rows of a table are sealed.
func (r *Replayer) position(id catalog.TableID) manifest.Position {
	p, _ := r.v.Positions.Get(id)
	return p
}

// named tells that the manifest names a file.
func (r *Replayer) named(f manifest.FileID) bool {
	_, ok := r.v.Segments.Get(f)
	return ok
}

// Record applies a record of the log.
func (r *Replayer) Record(sequence uint64, t record.Type, payload []byte) error {
	if t != table.RecordWrite {
		return errs.Unsupported("log record of type %d, written by a newer version,", t)
	}
	if err := r.write(sequence, payload); err != nil {
		return err
	}
	return r.to.Applied(sequence)
}

func (r *Replayer) write(sequence uint64, payload []byte) error {
	d := &r.decoder
	if err := d.Begin(payload); err != nil {
		return err
	}
	if len(d.Edits) > 0 && sequence > r.v.DDL {
		if err := r.to.Edit(sequence, d.Edits); err != nil {
			return err
		}
	}
	for i := range d.Deletions {
		if err := r.to.Delete(&d.Deletions[i]); err != nil {
			return err
		}
	}
	var total int64
	for _, f := range d.Files {
		n, err := r.file(sequence, f)
		if err != nil {
			return err
		}
		total += n
	}
	clear(r.rows)
	for d.More() {
		s, err := d.Next()
		if err != nil {
			return err
		}
		if d.Token.Counts(s.Table) {
			total += int64(s.Batch.Len)
		}
		if err := r.section(sequence, s); err != nil {
			return err
		}
	}
	r.to.Move(d.Positions)
	if sequence > r.v.Counted {
		r.to.Count(d.Counters)
	}
	if d.Token != nil {
		r.to.Token(d.Token, tokens.Write{Sequence: sequence, Rows: total}, d.Seconds)
	}
	return nil
}

// file brings back a file that the record names, and returns how many rows it came with.
func (r *Replayer) file(sequence uint64, meta manifest.Segment) (rows int64, err error) {
	deleted, err := Deleted(&meta)
	if err != nil {
		return 0, err
	}
	rows = meta.Rows - int64(deleted.Len())
	switch {
	case r.to.Table(meta.Table) == nil:
	case sequence <= r.position(meta.Table).Sequence: // counted by the position
	case sequence <= r.v.Applied || r.named(meta.File):
		r.to.Skip(meta.Table, meta.Rows)
	default:
		err = r.to.Adopt(sequence, meta, deleted)
	}
	return rows, err
}

// section appends the rows that are not sealed.
func (r *Replayer) section(sequence uint64, s table.Section) error {
	row := r.rows[s.Table]
	r.rows[s.Table] += uint64(s.Batch.Len)
	t := r.to.Table(s.Table)
	if t == nil {
		return nil
	}
	from, p := 0, r.position(s.Table)
	switch {
	case sequence < p.Sequence:
		return nil
	case sequence == p.Sequence && p.Rows > row:
		from = int(min(p.Rows-row, uint64(s.Batch.Len)))
	}
	rows, err := r.fitter.Fit(t, s)
	if err != nil {
		return err
	}
	return r.to.Append(s.Table, shelf.Rows{Batch: rows, From: from, Sequence: sequence, At: row})
}

// Deleted takes the deletion vector out of what a record says of a segment.
func Deleted(meta *manifest.Segment) (*index.RowSet, error) {
	if meta.Deleted == "" {
		return nil, nil
	}
	s, err := index.ReadRowSet([]byte(meta.Deleted), int(meta.Rows))
	meta.Deleted = ""
	if err != nil {
		return nil, fmt.Errorf("segment %d: %w", meta.File, err)
	}
	return s, nil
}
