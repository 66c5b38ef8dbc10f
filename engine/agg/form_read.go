package agg

import (
	"bytes"
	"encoding/binary"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"math"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// CheckHeader tells whether records that came with a header can be merged here: 0A000 for another version, XX001 for
// other keys or states.
func (g *Group) CheckHeader(header []byte) error {
	if len(header) > 0 && header[0] != formVersion {
		return errs.Unsupported("aggregate states of version %d", header[0])
	}
	if !bytes.Equal(header, g.AppendHeader(nil)) {
		return errs.Corrupt("aggregate states are of another aggregation")
	}
	return nil
}

// reader reads one record. Bytes that are no record make it fail; what was read before is then worth nothing.
type reader struct {
	g    *Group
	rest []byte
	bad  bool
	err  error // of an interner, a decimal
}

func errRecord() error { return errs.Corrupt("the binary form of an aggregate's state is damaged") }

// done returns the error of the whole record, which must be at its end.
func (x *reader) done() error {
	if x.err != nil {
		return x.err
	}
	if x.bad || len(x.rest) > 0 {
		return errRecord()
	}
	return nil
}

// take returns the next n bytes, or zeros when there are fewer.
func (x *reader) take(n uint64) []byte {
	if n > uint64(len(x.rest)) {
		x.bad, x.rest = true, nil
		return zeros[:min(n, uint64(len(zeros)))]
	}
	b := x.rest[:n]
	x.rest = x.rest[n:]
	return b
}

var zeros [16]byte

func (x *reader) byte() byte { return x.take(1)[0] }

// flag reads 0 or 1.
func (x *reader) flag() bool {
	b := x.byte()
	x.bad = x.bad || b > 1
	return b == 1
}

func (x *reader) word() uint64 { return binary.LittleEndian.Uint64(x.take(8)) }

func (x *reader) uvarint() uint64 {
	v, n := binary.Uvarint(x.rest)
	if n <= 0 {
		x.bad, x.rest = true, nil
		return 0
	}
	x.rest = x.rest[n:]
	return v
}

// bytes reads bytes behind their length.
func (x *reader) bytes() []byte {
	n := x.uvarint()
	b := x.take(n)
	if x.bad {
		return nil
	}
	return b
}

// value reads a value that is not NULL into words; strings get a number.
func (x *reader) value(t types.Type, strings *hashtable.Interner) (w [2]uint64) {
	switch t.Physical() {
	case types.PhysBool:
		if x.flag() {
			w[0] = 1
		}
	case types.PhysInt16:
		w[0] = uint64(int64(int16(binary.LittleEndian.Uint16(x.take(2)))))
	case types.PhysInt32:
		w[0] = uint64(int64(int32(binary.LittleEndian.Uint32(x.take(4)))))
	case types.PhysFloat32:
		w[0] = math.Float64bits(float64(math.Float32frombits(binary.LittleEndian.Uint32(x.take(4)))))
	case types.PhysInt64, types.PhysFloat64:
		w[0] = x.word()
	case types.PhysBytes:
		b := x.bytes()
		if t.Kind == types.Numeric && !x.bad {
			if _, err := decimal.Decode(b); err != nil {
				x.bad = true
			}
		}
		w[0] = x.number(strings, b)
	default:
		w[0], w[1] = x.word(), x.word()
	}
	return w
}

// number returns the number of a string, 0 when the record failed.
func (x *reader) number(strings *hashtable.Interner, b []byte) uint64 {
	if x.bad || x.err != nil {
		return 0
	}
	id, err := strings.Number(b)
	if err != nil {
		x.err = err
	}
	return uint64(id)
}

// keyValue reads a key's value; intervals are numbered there.
func (x *reader) keyValue(f *hashtable.Field) (w [2]uint64) {
	if f.Phys == types.PhysInterval && f.Strings != nil {
		w[0] = x.number(f.Strings, x.take(16))
		return w
	}
	return x.value(f.Typ, f.Strings)
}

// key reads the key into packed words.
func (x *reader) key(key []uint64) {
	clear(key)
	for i := range x.g.lay.Fields {
		f := &x.g.lay.Fields[i]
		null := !x.flag()
		var w [2]uint64
		if !null {
			w = x.keyValue(f)
		}
		if !x.bad && x.err == nil && !f.Put(key, w, null) {
			x.bad = true
		}
	}
}

// states reads the states into the words behind a key, and returns the number of rows.
func (x *reader) states(words []uint64) (rows uint64) {
	p := x.g.prog
	clear(words)
	rows = x.uvarint()
	for i := range p.inputs {
		skipped := x.uvarint()
		words[p.inputs[i].skip] = skipped
		x.bad = x.bad || skipped > rows
	}
	for i := range p.states {
		s := &p.states[i]
		x.state(s, words[s.at:s.at+stateWords[s.kind]])
	}
	return rows
}

// state reads one state.
func (x *reader) state(s *state, r []uint64) {
	switch s.kind {
	case stateCount:
		r[0] = x.uvarint()
	case stateSumDecimal, stateDecimals:
		for i := range r {
			x.decimal(&r[i])
		}
	case stateMaxBytes:
		if x.flag() {
			r[0] = x.value(s.typ, x.g.prog.stringsOf(&x.g.side, s))[0]
		}
	case stateMaxSpan, stateFirst:
		if x.flag() {
			w := x.value(s.typ, x.g.prog.stringsOf(&x.g.side, s))
			r[0], r[1], r[2] = 1, w[0], w[1]
		}
	case stateList:
		x.list(s, r)
	default:
		for i := range r {
			r[i] = x.word()
		}
	}
}

// decimal reads a decimal into the side table.
func (x *reader) decimal(w *uint64) {
	b := x.bytes()
	if len(b) == 0 || x.bad || x.err != nil {
		return
	}
	d, err := decimal.Decode(b)
	if err != nil {
		x.bad = true
		return
	}
	x.err = x.g.side.decimals.plus(w, d)
}

// list reads the values of a list. Each takes at least a byte, so a wrong number of them ends with the record.
func (x *reader) list(s *state, r []uint64) {
	cols := x.g.prog.inputs[s.in].cols
	var words [64]uint64
	for n := x.uvarint(); n > 0 && !x.bad && x.err == nil; n-- {
		nulls := x.uvarint()
		x.bad = x.bad || nulls>>uint(len(cols)) != 0
		node := words[:0]
		for i, c := range cols {
			var w [2]uint64
			if nulls>>uint(i)&1 == 0 {
				w = x.value(x.g.cfg.In[c], x.g.side.strings[c])
			}
			node = append(node, w[:hashtable.Wide(x.g.cfg.In[c])]...)
		}
		if !x.bad && x.err == nil {
			x.g.side.lists.append(r, nulls, node)
		}
	}
}
