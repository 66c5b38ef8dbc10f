package table

import (
	"encoding/binary"
	"slices"
	"unsafe"

	"github.com/klauspost/compress/s2"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/record"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// The payload of a write's log record, format 1. Integers are unsigned LEB128 unless a width is given, else
// little-endian.
//
//	head     1 byte format (1), seconds since 1970 when it was committed, 1 byte token,
//	         token: client and key as length and bytes, 8 bytes content;
//	         catalog edits (length and bytes, package catalog; 0: none); n deletions, n files, n sections
//	deletion table id, number below which rows go (0: none), set of row numbers (length and bytes, package index; 0: none)
//	file     file id, table id, rows, bytes, set of deleted rows (length and bytes, package index; 0: none): a segment
//	         that was written and made durable before the record
//	section  table id, table version, rows (1 to 65,536), 1 byte codec (0 plain, 1 s2 block), plain bytes,
//	         stored bytes, body
//	body     n columns, each: 1 byte physical form, 1 byte nulls;
//	         nulls: validity, a bit per row in words of 8 bytes
//	         values as in a flat vector; booleans in words of 8 bytes; strings: 4 bytes length each, then the bytes
const payloadFormat = 1

// RecordWrite is the type of the log records that hold such payloads.
const RecordWrite record.Type = 1

// compressFrom is the size of a body that is worth the call of s2: below, records of a few rows.
const compressFrom = 2048

// bodyMax bounds what a section of a damaged record may unpack to: a column of 4 GiB fits no batch.
const bodyMax = 1 << 32

// Encoder makes payloads, as pieces: the head, then one per section. It reuses its buffers and belongs to one goroutine.
type Encoder struct {
	packed, body []byte
	parts        [][]byte // the first is the head
	n            int      // of parts in use
	pieces       [][]byte
}

// Section is one flat batch for one table.
type Section struct {
	Table   catalog.TableID
	Version uint64
	Batch   *batch.Batch
}

// Head is what a write brings besides sections.
type Head struct {
	Seconds   int64 // since 1970, when it was committed
	Token     *Token
	Edits     []catalog.Edit // as catalog.Snapshot.Apply returned them
	Deletions []Deletion
	Files     []Sealed // of which id, table, rows, bytes and what is deleted count
}

// Begin starts a payload. Its sections follow, and then its head, which comes first in the payload all the same: rows
// can be laid out before it is known in which place of the log they will stand.
func (e *Encoder) Begin() { e.n = 0; e.keep(e.part()[:0]) }

// End finishes the payload.
func (e *Encoder) End(h *Head) {
	b := append(e.parts[0], payloadFormat)
	b = binary.AppendUvarint(b, uint64(h.Seconds))
	if h.Token == nil {
		b = append(b, 0)
	} else {
		b = append(b, 1)
		b = appendBlob(b, h.Token.Client)
		b = appendBlob(b, h.Token.Key)
		b = binary.LittleEndian.AppendUint64(b, h.Token.Content)
	}
	var edits []byte
	if len(h.Edits) > 0 {
		edits = catalog.AppendEdits(nil, h.Edits)
	}
	b = appendBlob(b, edits)
	b = binary.AppendUvarint(b, uint64(len(h.Deletions)))
	for _, d := range h.Deletions {
		b = binary.AppendUvarint(b, uint64(d.Table))
		b = binary.AppendUvarint(b, d.Below)
		var rows []byte
		if d.Rows != nil {
			rows = d.Rows.Append(nil)
		}
		b = appendBlob(b, rows)
	}
	b = binary.AppendUvarint(b, uint64(len(h.Files)))
	for _, f := range h.Files {
		for _, v := range [4]uint64{uint64(f.Meta.File), uint64(f.Meta.Table), uint64(f.Meta.Rows), uint64(f.Meta.Bytes)} {
			b = binary.AppendUvarint(b, v)
		}
		var rows []byte
		if f.Deleted.Len() > 0 {
			rows = f.Deleted.Append(nil)
		}
		b = appendBlob(b, rows)
	}
	e.parts[0] = binary.AppendUvarint(b, uint64(e.n-1))
}

func appendBlob[T []byte | string](dst []byte, b T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
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

// Add appends a section.
func (e *Encoder) Add(s Section) {
	e.body = appendBody(e.body[:0], s.Batch)
	stored, codec := e.body, byte(0)
	if len(e.body) >= compressFrom {
		e.packed = s2.Encode(e.packed[:cap(e.packed)], e.body)
		if len(e.packed) < len(e.body)-len(e.body)/8 {
			stored, codec = e.packed, 1
		}
	}
	b := slices.Grow(e.part()[:0], len(stored)+5*binary.MaxVarintLen64+1)
	b = binary.AppendUvarint(b, uint64(s.Table))
	b = binary.AppendUvarint(b, s.Version)
	b = binary.AppendUvarint(b, uint64(s.Batch.Len))
	b = append(b, codec)
	b = binary.AppendUvarint(b, uint64(len(e.body)))
	b = binary.AppendUvarint(b, uint64(len(stored)))
	e.keep(append(b, stored...))
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
	dst = binary.AppendUvarint(dst, uint64(len(b.Cols)))
	for _, c := range b.Cols {
		p := c.Type.Physical()
		dst = append(dst, byte(p))
		if c.Valid == nil {
			dst = append(dst, 0)
		} else {
			dst = append(dst, 1)
			dst = append(dst, bytesOf(c.Valid[:batch.Words(b.Len)])...)
		}
		switch p {
		case types.PhysBool:
			dst = append(dst, c.Data[:8*batch.Words(b.Len)]...)
		case types.PhysBytes:
			for i := range b.Len {
				dst = binary.LittleEndian.AppendUint32(dst, c.Offsets[i+1]-c.Offsets[i])
			}
			dst = append(dst, c.Data[c.Offsets[0]:c.Offsets[b.Len]]...)
		default:
			dst = append(dst, c.Data[:b.Len*p.Width()]...)
		}
	}
	return dst
}

func bytesOf(w []uint64) []byte {
	if len(w) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), len(w)*8)
}

// Decoder reads payloads. It reuses its buffers and belongs to one goroutine.
type Decoder struct {
	Seconds int64 // since 1970, when it was committed
	Token   *Token
	// Edits of the catalog come first, then the deletions, then files and rows.
	Edits     []catalog.Edit
	Deletions []Deletion
	Files     []manifest.Segment // without the sequence, which is the record's
	Sections  int                // not read yet

	b     []byte
	bad   bool
	plain []byte
	batch batch.Batch
}

func (d *Decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *Decoder) take(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	b := d.b[:n]
	d.b = d.b[n:]
	return b
}

func malformed(what string) error { return errs.Corrupt("log record of a write: malformed %s", what) }

// Begin reads the head of a payload.
func (d *Decoder) Begin(payload []byte) error {
	d.b, d.bad, d.Token, d.Edits, d.Files = payload, false, nil, nil, nil
	if f := d.take(1); f != nil && f[0] != payloadFormat {
		return errs.Unsupported("format %d of log records (this server knows up to %d), written by a newer version,", f[0], payloadFormat)
	}
	d.Seconds = int64(d.uint())
	if t := d.take(1); t != nil && t[0] != 0 {
		d.Token = &Token{Client: string(d.take(d.uint()))}
		d.Token.Key = string(d.take(d.uint()))
		if b := d.take(8); b != nil {
			d.Token.Content = binary.LittleEndian.Uint64(b)
		}
	}
	if edits := d.take(d.uint()); len(edits) > 0 {
		var err error
		if d.Edits, err = catalog.DecodeEdits(edits); err != nil {
			return err
		}
	}
	if err := d.deletions(); err != nil {
		return err
	}
	files := d.uint()
	if d.bad || files > uint64(len(d.b))/5 {
		return malformed("head")
	}
	for range files {
		f := manifest.Segment{
			File: manifest.FileID(d.uint()), Table: catalog.TableID(d.uint()), Rows: int64(d.uint()), Bytes: int64(d.uint()),
			Deleted: string(d.take(d.uint())),
		}
		if f.Deleted != "" {
			if _, err := index.RowsIn([]byte(f.Deleted)); err != nil {
				return err
			}
		}
		d.Files = append(d.Files, f)
	}
	n := d.uint()
	if d.bad || n > uint64(len(d.b)) {
		return malformed("head")
	}
	d.Sections = int(n)
	return nil
}

func (d *Decoder) deletions() error {
	n := d.uint()
	if d.bad || n > uint64(len(d.b)) {
		return malformed("head")
	}
	d.Deletions = d.Deletions[:0]
	for range n {
		del := Deletion{Table: catalog.TableID(d.uint()), Below: d.uint()}
		rows := d.take(d.uint())
		if d.bad {
			return malformed("deletion")
		}
		if len(rows) > 0 {
			var err error
			if del.Rows, err = index.ReadRowIDs(rows); err != nil {
				return err
			}
		}
		d.Deletions = append(d.Deletions, del)
	}
	return nil
}

// Next reads a section. Its batch is valid until the following call.
func (d *Decoder) Next() (Section, error) {
	s := Section{Table: catalog.TableID(d.uint()), Version: d.uint()}
	rows := d.uint()
	codec := d.take(1)
	plain := d.uint()
	stored := d.take(d.uint())
	if d.bad || rows == 0 || rows > batch.MaxAppendRows || plain > bodyMax || codec[0] > 1 || codec[0] == 0 && plain != uint64(len(stored)) {
		return s, malformed("section")
	}
	if codec[0] == 1 {
		if n, err := s2.DecodedLen(stored); err != nil || uint64(n) != plain {
			return s, malformed("compressed section")
		}
		var err error
		if d.plain, err = s2.Decode(d.plain[:cap(d.plain)], stored); err != nil {
			return s, malformed("compressed section")
		}
		stored = d.plain
	}
	d.Sections--
	s.Batch = &d.batch
	return s, d.body(stored, int(rows))
}

func (d *Decoder) body(b []byte, rows int) error {
	rest := d.b
	defer func() { d.b = rest }()
	d.b = b
	n := d.uint()
	if n > uint64(len(d.b))/2 {
		return malformed("columns")
	}
	d.batch.Cols = grow(d.batch.Cols, int(n))
	d.batch.Len, d.batch.Sel = rows, batch.Selection{}
	for i, c := range d.batch.Cols {
		h := d.take(2)
		if d.bad || h[1] > 1 {
			return malformed("column")
		}
		if !d.column(c, types.Physical(h[0]), h[1] == 1, rows) {
			return errs.Corrupt("log record of a write: malformed column %d", i)
		}
	}
	if d.bad || len(d.b) != 0 {
		return malformed("columns")
	}
	return nil
}

// column reads one column into a vector of any type with the physical form: the catalog knows the type.
func (d *Decoder) column(c *batch.Vector, p types.Physical, nulls bool, rows int) bool {
	t, ok := anyType(p)
	if !ok {
		return false
	}
	var valid []byte
	if nulls {
		valid = d.take(uint64(8 * batch.Words(rows)))
	}
	switch p {
	case types.PhysBool:
		c.Reset(t, rows)
		copy(c.Data, d.take(uint64(len(c.Data))))
	case types.PhysBytes:
		lengths := d.take(uint64(4 * rows))
		if d.bad {
			return false
		}
		c.Reset(t, rows)
		for i := range rows {
			c.AppendBytes(d.take(uint64(binary.LittleEndian.Uint32(lengths[4*i:]))))
			if d.bad {
				return false
			}
		}
	default:
		c.Reset(t, rows)
		copy(c.Data, d.take(uint64(len(c.Data))))
	}
	if nulls && !d.bad {
		copy(bytesOf(c.Nulls(rows)), valid)
	}
	return !d.bad
}

// anyType returns some type with a physical form.
func anyType(p types.Physical) (types.Type, bool) {
	switch p {
	case types.PhysBool:
		return types.T(types.Bool), true
	case types.PhysInt16:
		return types.T(types.Int2), true
	case types.PhysInt32:
		return types.T(types.Int4), true
	case types.PhysInt64:
		return types.T(types.Int8), true
	case types.PhysFloat32:
		return types.T(types.Float4), true
	case types.PhysFloat64:
		return types.T(types.Float8), true
	case types.PhysInt128:
		return types.NumericOf(decimal.Precision128, 0), true
	case types.PhysInterval:
		return types.T(types.Interval), true
	case types.PhysUUID:
		return types.T(types.UUID), true
	case types.PhysBytes:
		return types.T(types.Bytea), true
	}
	return types.Type{}, false
}
