package table

import (
	"slices"

	"github.com/klauspost/compress/s2"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/positions"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/types"
)

// The payload of a write's log record is tagged fields (package field); sections come behind all others.
//
//	 2  seconds since 1970 when it was committed
//	 4  token {2 client, 4 key, 6 content, 8 bytes, 8 table id}
//	 6  catalog edits (package catalog)
//	 8  deletions {2 table id, 4 number below which rows go, 6 set of row numbers (package index)}
//	10  segments that were written and made durable before the record (package manifest): file, table, rows, bytes, deleted
//	12  positions of sources {2 source, 4 partition, 6 position: left out where there is none any more}
//	16  numbers of rows: where those that come to a table next in the record begin {2 table id, 4 number and 1}. First come
//	    the files, then the sections, each list in its order; what follows on the one before of the same table has none
//	18  counters of sequences {2 counter, 4 number, 6 it was given out}
//	14  sections {2 table id, 4 table version, 6 rows, 1 to 65,536, 8 columns, 10 codec: 0 plain, 1 s2 block, 12 bytes of
//	    the plain body, 14 body}
//
// columns is a list of numbers: of each column its id and 2 times its kind, or that and 1 where kind of elements, width,
// precision and scale follow as package field lists them. The body has the columns as batch.AppendFlat writes them, one
// after the other.

// RecordWrite is the type of the log records that hold such payloads.
const RecordWrite record.Type = 1

// The codecs of a body.
const (
	codecPlain = 0
	codecS2    = 1
)

// compressFrom is the size of a body that is worth the call of s2: below, records of a few rows.
const compressFrom = 2048

// Encoder makes payloads, as pieces: the head, then one per section. It reuses its buffers and belongs to one goroutine.
type Encoder struct {
	packed, body, head []byte
	columns            []uint64
	parts              [][]byte // the first is the head
	n                  int      // of parts in use
	pieces             [][]byte
	runs               []run // of the sections, and then of the files
}

// Section is one flat batch for one table.
type Section struct {
	Table   catalog.TableID
	Version uint64
	// Columns are those of the batch as they were named in the log. A section that was not read back has the columns of
	// its table's version.
	Columns []Column
	Batch   *batch.Batch
	// Hashes are those of the rows' keys, a list for each key of the table. They are not in the log.
	Hashes [][]uint64
}

// Column is what the log tells of a column.
type Column struct {
	ID   uint32
	Type types.Type
}

// Head is what a write brings besides sections.
type Head struct {
	Seconds   int64 // since 1970, when it was committed
	Token     *Token
	Edits     []catalog.Edit // as catalog.Snapshot.Apply returned them
	Deletions []Deletion
	Positions []positions.Move
	Counters  []counter.Move
	Files     []shelf.Sealed // of which id, table, rows, bytes and what is deleted count
}

// Begin starts a payload. Its sections follow, and then its head, which comes first in the payload all the same: rows
// can be laid out before it is known in which place of the log they will stand.
func (e *Encoder) Begin() { e.n, e.runs = 0, e.runs[:0]; e.keep(e.part()[:0]) }

// End finishes the payload.
func (e *Encoder) End(h *Head) {
	w := field.NewWriter(e.parts[0])
	w.Uint(2, uint64(h.Seconds))
	if t := h.Token; t != nil {
		m := w.Begin(4)
		w.String(2, t.Client)
		w.String(4, t.Key)
		w.Fixed(6, t.Content)
		w.Uint(8, uint64(t.Table))
		w.End(m)
	}
	if len(h.Edits) > 0 {
		w.Bytes(6, catalog.AppendEdits(nil, h.Edits))
	}
	for _, d := range h.Deletions {
		m := w.Begin(8)
		w.Uint(2, uint64(d.Table))
		w.Uint(4, d.Below)
		if d.Rows != nil {
			w.Bytes(6, d.Rows.Append(nil))
		}
		w.End(m)
	}
	for _, f := range h.Files {
		meta := f.Meta
		if meta.Deleted = ""; f.Deleted.Len() > 0 {
			meta.Deleted = string(f.Deleted.Append(nil))
		}
		m := w.Begin(10)
		meta.WriteFields(w)
		w.End(m)
	}
	for i := range h.Positions {
		p := &h.Positions[i]
		m := w.Begin(12)
		w.Uint(2, p.Source)
		w.String(4, p.Partition)
		w.String(6, p.To)
		w.End(m)
	}
	for _, c := range h.Counters {
		m := w.Begin(18)
		c.WriteFields(w)
		w.End(m)
	}
	e.number(w, h.Files)
	e.parts[0] = w.Record()
}

// part returns the buffer of the next piece, keep puts it back.
func (e *Encoder) part() []byte {
	if e.n == len(e.parts) {
		e.parts = append(e.parts, nil)
	}
	return e.parts[e.n]
}

func (e *Encoder) keep(b []byte) {
	e.parts[e.n] = b
	e.n++
}

// Add appends a section: a flat batch with the columns of a table, and maybe the hidden one of identities.
func (e *Encoder) Add(t *catalog.Table, b *batch.Batch) {
	e.body = appendBody(e.body[:0], b)
	stored, codec := e.body, uint64(codecPlain)
	if len(e.body) >= compressFrom {
		e.packed = s2.Encode(e.packed[:cap(e.packed)], e.body)
		if len(e.packed) < len(e.body)-len(e.body)/8 {
			stored, codec = e.packed, codecS2
		}
	}
	e.columns = e.columns[:0]
	for i := range t.Columns {
		e.columns = appendColumn(e.columns, &t.Columns[i])
	}
	if len(b.Cols) > len(t.Columns) {
		e.columns = append(e.columns, uint64(shelf.IdentityColumn.ID), 2*uint64(shelf.IdentityColumn.Type.Kind))
	}
	h := field.NewWriter(e.head[:0])
	h.Uint(2, uint64(t.ID))
	h.Uint(4, t.Version)
	h.Uint(6, uint64(b.Len))
	h.Uints(8, e.columns)
	h.Uint(10, codec)
	h.Uint(12, uint64(len(e.body)))
	e.head = h.Record()
	w := field.NewWriter(e.part()[:0])
	w.Enclose(14, e.head, 14, stored)
	e.keep(w.Record())
	e.runs = continued(e.runs, t.ID, uint64(b.Len))
}

func appendColumn(dst []uint64, c *catalog.Column) []uint64 {
	dst = append(dst, uint64(c.ID), 2*uint64(c.Type.Kind))
	if c.Type != types.T(c.Type.Kind) {
		dst[len(dst)-1]++
		at := len(dst)
		dst = append(dst, 0, 0, 0, 0)
		var list [5]uint64
		copy(dst[at:], field.AppendType(list[:0], c.Type)[1:])
	}
	return dst
}

// Payload returns the pieces of the finished payload, valid until the next Begin. The list is the caller's to change.
func (e *Encoder) Payload() [][]byte {
	e.pieces = append(e.pieces[:0], e.parts[:e.n]...)
	return e.pieces
}

// Held returns the bytes of the buffers that are kept for the next payload.
func (e *Encoder) Held() int {
	n := cap(e.packed) + cap(e.body)
	for _, p := range e.parts {
		n += cap(p)
	}
	return n
}

func appendBody(dst []byte, b *batch.Batch) []byte {
	dst = slices.Grow(dst, int(b.Bytes())+batch.Words(b.Len)*8+16*(1+len(b.Cols)))
	for _, c := range b.Cols {
		dst = batch.AppendFlat(dst, c)
	}
	return dst
}
