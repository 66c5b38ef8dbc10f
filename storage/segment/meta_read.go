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

// readMeta reads the blob of a column of a segment with rows rows, in a file whose buffers end at end.
func readMeta(b []byte, rows int, end uint64) (*meta, error) {
	r := field.NewReader("metadata", b)
	m := &meta{sketch: new(index.Sketch)}
	s := &m.stats
	s.Rows = int64(rows)
	ranges := 0
	var err error
	for err == nil && r.Next() {
		switch r.Number() {
		case 2:
			m.ID = uint32(r.Uint())
		case 4:
			m.Name = r.String()
		case 6:
			m.Type = r.Type()
		case 8:
			s.Nulls = int64(r.Uint())
		case 10:
			s.Distinct = int64(r.Uint())
		case 12:
			s.DistinctExact = r.Bool()
		case 14:
			s.StringBytes = int64(r.Uint())
		case 16:
			s.HasSum = true
			s.SumLo, s.SumHi = readSum(r.Record("sum"))
		case 18:
			s.Min = readDatum(r.Record("least value"))
			ranges |= 1
		case 20:
			s.Max = readDatum(r.Record("greatest value"))
			ranges |= 2
		case 22:
			m.blocks = readBlocks(r)
		case 24:
			var rest []byte
			if m.zones, rest, err = index.ReadZones(r.Bytes()); len(rest) > 0 {
				r.Fail("%d bytes behind the zone maps", len(rest))
			}
		case 26:
			m.sketch, err = index.ReadSketch(r.Bytes())
		case 28:
			m.dict = readDict(r.Record("dictionary"))
		case 29:
			if refs := readRefs(r, 1); len(refs) == 1 {
				m.sample = refs[0]
			}
		case 31:
			s.Common = append(s.Common, readCommon(r.Record("common value")))
		default:
			r.Unknown()
		}
	}
	if err == nil {
		err = r.Err()
	}
	if err != nil {
		return m, err
	}
	if s.HasRange = ranges != 0; s.HasRange && ranges != 3 {
		return m, errs.Corrupt("metadata: one bound without the other")
	}
	if m.Type == (types.Type{}) {
		return m, errs.Corrupt("metadata: without a type")
	}
	if s.HasRange {
		s.Min.Type, s.Max.Type = m.Type, m.Type
	}
	for i := range s.Common {
		s.Common[i].Value.Type = m.Type
	}
	return m, m.check(rows, end)
}

func readSum(r *field.Reader) (lo uint64, hi int64) {
	for r.Next() {
		switch r.Number() {
		case 2:
			lo = r.Fixed()
		case 4:
			hi = r.Int()
		default:
			r.Unknown()
		}
	}
	return lo, hi
}

func readCommon(r *field.Reader) (c scan.Common) {
	for r.Next() {
		switch r.Number() {
		case 2:
			c.Value = readDatum(r.Record("value"))
		case 4:
			c.Rows = int64(r.Uint())
		default:
			r.Unknown()
		}
	}
	return c
}

func readDatum(r *field.Reader) (d types.Datum) {
	for r.Next() {
		switch r.Number() {
		case 2:
			d.I = r.Int()
		case 4:
			d.Hi = r.Int()
		case 6:
			d.F = math.Float64frombits(r.Fixed())
		case 8:
			d.S = r.String()
		default:
			r.Unknown()
		}
	}
	return d
}

// items returns the field's bytes, which are whole things of size bytes each.
func items(r *field.Reader, size int) []byte {
	b := r.Bytes()
	if len(b)%size != 0 {
		r.Fail("field %d: %d bytes, each of its items has %d", r.Number(), len(b), size)
		return nil
	}
	return b
}

func readBlocks(r *field.Reader) []blockMeta {
	b := items(r, blockMetaBytes)
	blocks := make([]blockMeta, len(b)/blockMetaBytes)
	for i := range blocks {
		x := b[blockMetaBytes*i:]
		blocks[i] = blockMeta{
			values: readRef(x), validity: readRef(x[refBytes:]),
			rows: le.Uint32(x[2*refBytes:]), nulls: le.Uint32(x[2*refBytes+4:]), encoding: encoding.ID(x[2*refBytes+8]),
		}
	}
	return blocks
}

func readRefs(r *field.Reader, each int) []ref {
	b := items(r, each*refBytes)
	refs := make([]ref, len(b)/refBytes)
	for i := range refs {
		refs[i] = readRef(b[refBytes*i:])
	}
	return refs
}

func readDict(r *field.Reader) *dictMeta {
	d := &dictMeta{}
	for r.Next() {
		switch r.Number() {
		case 2:
			d.entries = int(min(r.Uint(), math.MaxInt64))
		case 4:
			d.heap = r.Uint()
		case 6:
			refs := readRefs(r, 3)
			d.groups = make([][3]ref, len(refs)/3)
			for i := range d.groups {
				d.groups[i] = [3]ref(refs[3*i:])
			}
		case 8:
			d.chunks = readRefs(r, 1)
		default:
			r.Unknown()
		}
	}
	return d
}
