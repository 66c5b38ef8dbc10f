package segment

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/encoding"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Metadata blob of a column:
//
//	name                u16 length, bytes
//	flags               u32: 1 min and max, 2 sum, 4 dictionary, 8 distinct is exact
//	nulls, distinct     u64 each
//	sum                 u64 low, i64 high: of integers and scaled decimals
//	string bytes        u64: of all values
//	min, max            when flagged: i64, i64 (Datum.I, Datum.Hi; floats as the bits of a float64 first), u32 length, bytes
//	blocks              u32 count, then 64 bytes each:
//	    values          reference (stored 0: all NULL)
//	    validity        reference (stored 0: none or all NULL)
//	    rows, nulls     u32 each
//	    encoding        u8, 7 zero bytes
//	zone maps           package index
//	sketch              u32 length, bytes
//	dictionary          when flagged: u32 entries, u64 heap bytes, u32 groups, 3 references each (hashes, lengths, counts),
//	                    u32 chunks, a reference each
type meta struct {
	Column
	stats  Totals
	blocks []blockMeta
	zones  index.Zones
	sketch *index.Sketch
	dict   *dictMeta
}

type blockMeta struct {
	values, validity ref
	rows, nulls      uint32
	encoding         encoding.ID
}

const blockMetaBytes = 64

type dictMeta struct {
	entries int
	heap    uint64
	groups  [][3]ref
	chunks  []ref
}

// Totals is what a segment knows exactly of a column.
type Totals = scan.Totals

// The flags of a metadata blob.
const (
	flagRange = 1 << iota
	flagSum
	flagDict
	flagExact
)

func (m *meta) append(dst []byte) []byte {
	dst = le.AppendUint16(dst, uint16(len(m.Name)))
	dst = append(dst, m.Name...)
	s := &m.stats
	var flags uint32
	for f, on := range map[uint32]bool{flagRange: s.HasRange, flagSum: s.HasSum, flagDict: m.dict != nil, flagExact: s.DistinctExact} {
		if on {
			flags |= f
		}
	}
	dst = le.AppendUint32(dst, flags)
	dst = le.AppendUint64(dst, uint64(s.Nulls))
	dst = le.AppendUint64(dst, uint64(s.Distinct))
	dst = le.AppendUint64(dst, s.SumLo)
	dst = le.AppendUint64(dst, uint64(s.SumHi))
	dst = le.AppendUint64(dst, uint64(s.StringBytes))
	if s.HasRange {
		dst = appendDatum(dst, s.Min)
		dst = appendDatum(dst, s.Max)
	}
	dst = le.AppendUint32(dst, uint32(len(m.blocks)))
	for _, b := range m.blocks {
		dst = b.values.append(dst)
		dst = b.validity.append(dst)
		dst = le.AppendUint32(dst, b.rows)
		dst = le.AppendUint32(dst, b.nulls)
		dst = append(dst, byte(b.encoding), 0, 0, 0, 0, 0, 0, 0)
	}
	dst = m.zones.Append(dst)
	sketch := m.sketch.Append(nil)
	dst = le.AppendUint32(dst, uint32(len(sketch)))
	dst = append(dst, sketch...)
	if m.dict != nil {
		dst = m.dict.append(dst)
	}
	return dst
}

func (d *dictMeta) append(dst []byte) []byte {
	dst = le.AppendUint32(dst, uint32(d.entries))
	dst = le.AppendUint64(dst, d.heap)
	dst = le.AppendUint32(dst, uint32(len(d.groups)))
	for _, g := range d.groups {
		for _, r := range g {
			dst = r.append(dst)
		}
	}
	dst = le.AppendUint32(dst, uint32(len(d.chunks)))
	for _, r := range d.chunks {
		dst = r.append(dst)
	}
	return dst
}

func appendDatum(dst []byte, d types.Datum) []byte {
	i := d.I
	if p := d.Type.Physical(); p == types.PhysFloat32 || p == types.PhysFloat64 {
		i = int64(math.Float64bits(d.F))
	}
	dst = le.AppendUint64(dst, uint64(i))
	dst = le.AppendUint64(dst, uint64(d.Hi))
	dst = le.AppendUint32(dst, uint32(len(d.S)))
	return append(dst, d.S...)
}

// reader takes numbers off a blob; after the end everything is zero and bad is set.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.bad = true
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) u16() int {
	if b := r.take(2); b != nil {
		return int(le.Uint16(b))
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return le.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return le.Uint64(b)
	}
	return 0
}

func (r *reader) ref() ref {
	if b := r.take(refBytes); b != nil {
		return readRef(b)
	}
	return ref{}
}

func (r *reader) datum(t types.Type) types.Datum {
	d := types.Datum{Type: t, I: int64(r.u64()), Hi: int64(r.u64())}
	d.S = string(r.take(int(r.u32())))
	if p := t.Physical(); p == types.PhysFloat32 || p == types.PhysFloat64 {
		d.F, d.I = math.Float64frombits(uint64(d.I)), 0
	}
	return d
}

// count reads the number of things of size bytes each, which must all be there.
func (r *reader) count(size int) int {
	n := int(r.u32())
	if n > len(r.b)/size {
		r.bad = true
		return 0
	}
	return n
}

// readMeta reads the blob of a column of a segment with rows rows, in a file whose buffers end at end.
func readMeta(b []byte, col Column, rows int, end uint64) (*meta, error) {
	r := &reader{b: b}
	m := &meta{Column: col}
	m.Name = string(r.take(r.u16()))
	flags := r.u32()
	s := &m.stats
	s.Rows = int64(rows)
	s.Nulls, s.Distinct = int64(r.u64()), int64(r.u64())
	s.SumLo, s.SumHi = r.u64(), int64(r.u64())
	s.StringBytes = int64(r.u64())
	s.HasRange, s.HasSum, s.DistinctExact = flags&flagRange != 0, flags&flagSum != 0, flags&flagExact != 0
	if s.HasRange {
		s.Min, s.Max = r.datum(col.Type), r.datum(col.Type)
	}
	m.blocks = make([]blockMeta, r.count(blockMetaBytes))
	for i := range m.blocks {
		b := &m.blocks[i]
		b.values, b.validity = r.ref(), r.ref()
		b.rows, b.nulls = r.u32(), r.u32()
		b.encoding = encoding.ID(r.u64())
	}
	if r.bad {
		return nil, errs.Corrupt("metadata ends too early")
	}
	var err error
	if m.zones, r.b, err = index.ReadZones(r.b); err != nil {
		return nil, err
	}
	if m.sketch, err = index.ReadSketch(r.take(int(r.u32()))); err != nil {
		return nil, err
	}
	if flags&flagDict != 0 {
		m.dict = readDictMeta(r)
	}
	if r.bad {
		return nil, errs.Corrupt("metadata ends too early")
	}
	return m, m.check(rows, end)
}

func readDictMeta(r *reader) *dictMeta {
	d := &dictMeta{entries: int(r.u32()), heap: r.u64()}
	d.groups = make([][3]ref, r.count(3*refBytes))
	for i := range d.groups {
		d.groups[i] = [3]ref{r.ref(), r.ref(), r.ref()}
	}
	d.chunks = make([]ref, r.count(refBytes))
	for i := range d.chunks {
		d.chunks[i] = r.ref()
	}
	return d
}

// check holds what later code relies on: row counts that add up and buffers inside the file.
func (m *meta) check(rows int, end uint64) error {
	if want := (rows + scan.BlockRows - 1) / scan.BlockRows; len(m.blocks) != want {
		return errs.Corrupt("%d blocks, want %d", len(m.blocks), want)
	}
	if want := (rows + scan.ZoneRows - 1) / scan.ZoneRows; m.zones.Len() != want {
		return errs.Corrupt("%d zones, want %d", m.zones.Len(), want)
	}
	if m.zones.Ranges && !index.HasRange(m.Type.Physical()) {
		return errs.Corrupt("zone maps for %s", m.Type)
	}
	for i := range m.blocks {
		b := &m.blocks[i]
		if want := min(rows-i*scan.BlockRows, scan.BlockRows); int(b.rows) != want || b.nulls > b.rows {
			return errs.Corrupt("block %d: %d rows with %d nulls, want %d rows", i, b.rows, b.nulls, want)
		}
		if (b.nulls == b.rows) != (b.values.stored == 0) || (b.nulls > 0 && b.nulls < b.rows) != (b.validity.stored != 0) {
			return errs.Corrupt("block %d: buffers do not fit its %d nulls", i, b.nulls)
		}
		if err := checkRefs(end, b.values, b.validity); err != nil {
			return err
		}
	}
	if m.dict == nil {
		return nil
	}
	return m.dict.check(m, end)
}

func (d *dictMeta) check(m *meta, end uint64) error {
	if m.Type.Physical() != types.PhysBytes || d.entries == 0 || d.entries > int(m.stats.Rows) || d.heap > math.MaxUint32 {
		return errs.Corrupt("dictionary of %d entries and %d bytes for %s", d.entries, d.heap, m.Type)
	}
	if want := (d.entries + scan.BlockRows - 1) / scan.BlockRows; len(d.groups) != want {
		return errs.Corrupt("dictionary of %d groups, want %d", len(d.groups), want)
	}
	var heap uint64
	for _, c := range d.chunks {
		heap += uint64(c.plain)
		if err := checkRefs(end, c); err != nil {
			return err
		}
	}
	if heap != d.heap {
		return errs.Corrupt("dictionary chunks of %d bytes, want %d", heap, d.heap)
	}
	for _, g := range d.groups {
		if err := checkRefs(end, g[:]...); err != nil {
			return err
		}
	}
	return nil
}

// plainMax bounds what a buffer may decompress to: 65,536 strings of 1 GiB in all, PostgreSQL's limit for one value.
const plainMax = 1 << 30

func checkRefs(end uint64, refs ...ref) error {
	for _, r := range refs {
		if r.stored == 0 {
			continue
		}
		if r.offset%alignment != 0 || r.offset < headerBytes || r.offset > end || uint64(r.stored) > end-r.offset {
			return errs.Corrupt("buffer of %d bytes at %d, outside the data", r.stored, r.offset)
		}
		if r.plain > plainMax+1<<20 || r.codec > codecZstd || r.codec == codecNone && r.plain != r.stored {
			return errs.Corrupt("buffer at %d: codec %d, %d bytes of %d", r.offset, r.codec, r.stored, r.plain)
		}
	}
	return nil
}
