package segment

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/encoding"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// The metadata blob of a column is tagged fields (package field):
//
//	 2  id (catalog.Column.ID), 4 name when the segment was written, 6 type
//	 8  NULL values, 10 distinct values, 12 whether that is exact, 14 bytes of all strings
//	16  sum of integers and scaled decimals {2 low 64 bits, 4 high, signed}
//	18  least value, 20 greatest value {2 Datum.I, 4 Datum.Hi, signed, 6 bits of Datum.F, 8 Datum.S}
//	22  blocks, 64 bytes each: references of values (stored 0: all NULL) and validity (stored 0: none or all NULL), u32 rows,
//	    u32 NULL values, u8 encoding, 7 zero bytes
//	24  zone maps, 26 sketch (package index)
//	28  dictionary {2 entries, 4 heap bytes, 6 three references for each 65,536 entries: hashes, lengths, counts, 8 a
//	    reference for each chunk of the heap}
//	29  reference of the sample: the rows that scan.SamplePlace tells, as batch.AppendFlat writes them
//	31  the most common values, each {2 value as field 18 has it, 4 rows}, the most common first
type meta struct {
	Column
	stats  Totals
	blocks []blockMeta
	zones  index.Zones
	sketch *index.Sketch
	dict   *dictMeta
	sample ref
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

func (m *meta) append(dst []byte) []byte {
	w := field.NewWriter(dst)
	s := &m.stats
	w.Uint(2, uint64(m.ID))
	w.String(4, m.Name)
	w.Type(6, m.Type)
	w.Uint(8, uint64(s.Nulls))
	w.Uint(10, uint64(s.Distinct))
	w.Bool(12, s.DistinctExact)
	w.Uint(14, uint64(s.StringBytes))
	if s.HasSum {
		k := w.Begin(16)
		w.Fixed(2, s.SumLo)
		w.Int(4, s.SumHi)
		w.End(k)
	}
	if s.HasRange {
		writeDatum(w, 18, s.Min)
		writeDatum(w, 20, s.Max)
	}
	blocks := make([]byte, 0, blockMetaBytes*len(m.blocks))
	for _, b := range m.blocks {
		blocks = b.values.append(blocks)
		blocks = b.validity.append(blocks)
		blocks = le.AppendUint32(blocks, b.rows)
		blocks = le.AppendUint32(blocks, b.nulls)
		blocks = append(blocks, byte(b.encoding), 0, 0, 0, 0, 0, 0, 0)
	}
	w.Bytes(22, blocks)
	w.Bytes(24, m.zones.Append(nil))
	w.Bytes(26, m.sketch.Append(nil))
	if d := m.dict; d != nil {
		k := w.Begin(28)
		d.writeFields(w)
		w.End(k)
	}
	w.Bytes(29, m.sample.append(nil))
	for _, c := range s.Common {
		k := w.Begin(31)
		writeDatum(w, 2, c.Value)
		w.Uint(4, uint64(c.Rows))
		w.End(k)
	}
	return w.Record()
}

func (d *dictMeta) writeFields(w *field.Writer) {
	w.Uint(2, uint64(d.entries))
	w.Uint(4, d.heap)
	refs := make([]byte, 0, refBytes*max(3*len(d.groups), len(d.chunks)))
	for _, g := range d.groups {
		for _, r := range g {
			refs = r.append(refs)
		}
	}
	w.Bytes(6, refs)
	refs = refs[:0]
	for _, r := range d.chunks {
		refs = r.append(refs)
	}
	w.Bytes(8, refs)
}

func writeDatum(w *field.Writer, n field.Number, d types.Datum) {
	m := w.Begin(n)
	w.Int(2, d.I)
	w.Int(4, d.Hi)
	w.Fixed(6, math.Float64bits(d.F))
	w.String(8, d.S)
	w.End(m)
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
	if err := checkRefs(end, m.sample); err != nil {
		return err
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
