package table

import (
	"slices"

	"github.com/klauspost/compress/s2"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/positions"
)

// bodyMax bounds what a section of a damaged record may unpack to: a column of 4 GiB fits no batch.
const bodyMax = 1 << 32

// Decoder reads payloads. It reuses its buffers and belongs to one goroutine.
type Decoder struct {
	Seconds int64 // since 1970, when it was committed
	Token   *Token
	// Edits of the catalog come first, then the deletions, then files and rows.
	Edits     []catalog.Edit
	Deletions []Deletion
	Positions []positions.Move // without where they begin
	Counters  []counter.Move
	Files     []manifest.Segment // without the sequence, which is the record's
	Numbers   []Numbered         // where rows of the record begin, files first
	// Charge, if not nil, is asked before what sections are unpacked to takes more memory.
	Charge func(bytes int64) error

	r       field.Reader // its field is the next section, if more
	part    field.Reader // of a section, or of numbers
	more    bool
	plain   []byte
	numbers []uint64
	columns []Column
	batch   batch.Batch
}

func malformed(what string) error { return errs.Corrupt("log record of a write: malformed %s", what) }

// Begin reads the head of a payload.
func (d *Decoder) Begin(payload []byte) error {
	d.Seconds, d.Token, d.Edits, d.Deletions, d.Files, d.more = 0, nil, nil, d.Deletions[:0], nil, false
	d.Positions, d.Numbers, d.Counters = d.Positions[:0], d.Numbers[:0], d.Counters[:0]
	d.r.Reset("log record of a write", payload)
	for r := &d.r; r.Next(); {
		switch r.Number() {
		case 2:
			d.Seconds = int64(r.Uint())
		case 4:
			d.Token = readToken(r.Record("token"))
		case 6:
			edits, err := catalog.DecodeEdits(r.Bytes())
			if err != nil {
				return err
			}
			d.Edits = edits
		case 8:
			del, err := readDeletion(r.Record("deletion"))
			if err != nil {
				return err
			}
			d.Deletions = append(d.Deletions, del)
		case 10:
			f := manifest.ReadSegment(r.Record("segment of a write"))
			if f.Deleted != "" {
				if _, err := index.RowsIn([]byte(f.Deleted)); err != nil {
					return err
				}
			}
			d.Files = append(d.Files, f)
		case 12:
			d.Positions = append(d.Positions, readPosition(r.Record("position of a source")))
		case 18:
			d.Counters = append(d.Counters, counter.Read(r.Record("counter of a sequence")))
		case 14:
			d.more = true
			return d.r.Err()
		case 16:
			d.Numbers = append(d.Numbers, readNumbered(r.Into(&d.part, "numbers of rows")))
		default:
			r.Unknown()
		}
	}
	return d.r.Err()
}

func readToken(r *field.Reader) *Token {
	t := &Token{}
	for r.Next() {
		switch r.Number() {
		case 2:
			t.Client = r.String()
		case 4:
			t.Key = r.String()
		case 6:
			t.Content = r.Fixed()
		case 8:
			t.Table = catalog.TableID(r.Uint())
		default:
			r.Unknown()
		}
	}
	return t
}

func readPosition(r *field.Reader) (m positions.Move) {
	for r.Next() {
		switch r.Number() {
		case 2:
			m.Source = r.Uint()
		case 4:
			m.Partition = r.String()
		case 6:
			m.To = r.String()
		default:
			r.Unknown()
		}
	}
	return m
}

func readDeletion(r *field.Reader) (d Deletion, err error) {
	for r.Next() {
		switch r.Number() {
		case 2:
			d.Table = catalog.TableID(r.Uint())
		case 4:
			d.Below = r.Uint()
		case 6:
			if d.Rows, err = index.ReadRowIDs(r.Bytes()); err != nil {
				return d, err
			}
		default:
			r.Unknown()
		}
	}
	return d, nil
}

// More tells whether there is a section that Next has not read.
func (d *Decoder) More() bool { return d.more }

// Next reads a section. Its columns and its batch are valid until the following call.
func (d *Decoder) Next() (Section, error) {
	s := Section{Batch: &d.batch}
	var rows, codec, plain uint64
	var stored []byte
	d.columns = d.columns[:0]
	for r := d.r.Into(&d.part, "section of a write"); r.Next(); {
		switch r.Number() {
		case 2:
			s.Table = catalog.TableID(r.Uint())
		case 4:
			s.Version = r.Uint()
		case 6:
			rows = r.Uint()
		case 8:
			d.readColumns(r)
		case 10:
			if codec = r.Uint(); codec > codecS2 {
				return s, errs.Unsupported("codec %d of a log record, written by a newer version,", codec)
			}
		case 12:
			plain = r.Uint()
		case 14:
			stored = r.Bytes()
		default:
			r.Unknown()
		}
	}
	if d.r.Err() == nil && (rows == 0 || rows > batch.MaxAppendRows || plain > bodyMax || codec == codecPlain && plain != uint64(len(stored))) {
		d.r.Fail("a section of %d rows and %d bytes", rows, plain)
	}
	for d.more = d.r.Next(); d.more && d.r.Number() != 14; d.more = d.r.Next() {
		d.r.Unknown() // the head is over
	}
	if err := d.r.Err(); err != nil {
		return s, err
	}
	if codec == codecS2 {
		if n, err := s2.DecodedLen(stored); err != nil || uint64(n) != plain {
			return s, malformed("compressed section")
		}
		if more := int64(plain) - int64(cap(d.plain)); more > 0 && d.Charge != nil {
			if err := d.Charge(more); err != nil {
				return s, err
			}
		}
		var err error
		if d.plain, err = s2.Decode(d.plain[:cap(d.plain)], stored); err != nil {
			return s, malformed("compressed section")
		}
		stored = d.plain
	}
	s.Columns = d.columns
	return s, d.body(stored, int(rows))
}

// readColumns reads ids and types.
func (d *Decoder) readColumns(r *field.Reader) {
	list := r.Uints(d.numbers[:0])
	d.numbers = list
	for len(list) > 0 {
		if len(list) == 1 || list[0] > 1<<32-1 || list[1]&1 == 1 && len(list) < 6 {
			r.Fail("columns of a section")
			return
		}
		modified := list[1] & 1
		list[1] /= 2
		n := 2 + 4*modified
		d.columns = append(d.columns, Column{uint32(list[0]), r.TypeOf(list[1:n])})
		list = list[n:]
	}
}

func (d *Decoder) body(b []byte, rows int) error {
	d.batch.Cols = grow(d.batch.Cols, len(d.columns))
	d.batch.Len, d.batch.Sel = rows, batch.Selection{}
	for i, c := range d.batch.Cols {
		var ok bool
		if b, ok = c.ReadFlat(b, d.columns[i].Type, rows); !ok {
			return errs.Corrupt("log record of a write: malformed column %d", i)
		}
	}
	if len(b) != 0 {
		return malformed("columns")
	}
	return nil
}

// Mentions tells whether the payload brings rows to a table, takes some from it, or changes it.
func (d *Decoder) Mentions(t catalog.TableID) bool {
	for _, n := range d.Numbers {
		if n.Table == t {
			return true
		}
	}
	for i := range d.Deletions {
		if d.Deletions[i].Table == t {
			return true
		}
	}
	for _, e := range d.Edits {
		if slices.Contains(e.IDs(), t) {
			return true
		}
	}
	return false
}
