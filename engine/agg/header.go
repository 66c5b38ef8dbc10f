package agg

import (
	"math"
	"slices"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/types"
)

// formVersion is the version of the records of groups that is written, and the only one that is read.
const formVersion = 1

// header is what must be equal where records are written and where they are merged.
type header struct {
	version uint64
	keys    []types.Type
	inputs  uint64
	states  []headerState
	sets    []types.Type
}

type headerState struct {
	number, input uint64
	least         bool
	arg           types.Type
}

// header describes the records of an aggregation.
func (g *Group) header() header {
	h := header{version: formVersion, inputs: uint64(len(g.prog.inputs))}
	for i := range g.cfg.Keys {
		h.keys = append(h.keys, g.cfg.In[g.cfg.Keys[i].Column])
	}
	for i := range g.prog.states {
		s := &g.prog.states[i]
		h.states = append(h.states, headerState{s.Number, uint64(s.in), s.Least, s.Type()})
	}
	for i := range g.sets {
		h.sets = append(h.sets, g.cfg.In[g.sets[i].column])
	}
	return h
}

// AppendHeader appends what must be the same where groups are written and where they are merged: the version of the
// records, the types of the keys, and the kinds and argument types of the states. It is kept once per collection of
// records.
func (g *Group) AppendHeader(dst []byte) []byte {
	w, h := field.NewWriter(dst), g.header()
	w.Uint(2, h.version)
	for _, t := range h.keys {
		writeType(w, 4, t)
	}
	w.Uint(6, h.inputs)
	for _, s := range h.states {
		m := w.Begin(8)
		w.Uint(2, s.number)
		w.Uint(4, s.input)
		w.Bool(6, s.least)
		writeType(w, 8, s.arg)
		w.End(m)
	}
	for _, t := range h.sets {
		writeType(w, 10, t)
	}
	return w.Record()
}

// CheckHeader tells whether records that came with a header can be merged here: 0A000 for another version, or for fields
// that are required and not known, XX001 for other keys or states.
func (g *Group) CheckHeader(b []byte) error {
	h, err := readHeader(b)
	if err != nil {
		return err
	}
	own := g.header()
	switch {
	case h.version != own.version:
		return errs.Unsupported("aggregate states of version %d", h.version)
	case h.inputs != own.inputs || !slices.Equal(h.keys, own.keys) || !slices.Equal(h.states, own.states) || !slices.Equal(h.sets, own.sets):
		return errs.Corrupt("aggregate states are of another aggregation")
	}
	return nil
}

func readHeader(b []byte) (h header, err error) {
	r := field.NewReader("header of aggregate states", b)
	for r.Next() {
		switch r.Number() {
		case 2:
			h.version = r.Uint()
		case 4:
			h.keys = append(h.keys, readType(r))
		case 6:
			h.inputs = r.Uint()
		case 8:
			h.states = append(h.states, readState(r.Record("aggregate state")))
		case 10:
			h.sets = append(h.sets, readType(r))
		default:
			r.Unknown()
		}
	}
	return h, r.Err()
}

func readState(r *field.Reader) (s headerState) {
	for r.Next() {
		switch r.Number() {
		case 2:
			s.number = r.Uint()
		case 4:
			s.input = r.Uint()
		case 6:
			s.least = ranged(r, r.Uint(), 1) == 1
		case 8:
			s.arg = readType(r)
		default:
			r.Unknown()
		}
	}
	return s
}

func writeType(w *field.Writer, n field.Number, t types.Type) {
	m := w.Begin(n)
	w.Uint(2, uint64(t.Kind))
	w.Uint(4, uint64(t.Elem))
	w.Int(6, int64(t.Width))
	w.Int(8, int64(t.Precision))
	w.Int(10, int64(t.Scale))
	w.End(m)
}

func readType(r *field.Reader) (t types.Type) {
	x := r.Record("type")
	for x.Next() {
		switch x.Number() {
		case 2:
			t.Kind = types.Kind(ranged(x, x.Uint(), math.MaxUint8))
		case 4:
			t.Elem = types.Kind(ranged(x, x.Uint(), math.MaxUint8))
		case 6:
			t.Width = int32(ranged(x, x.Int(), math.MaxInt32))
		case 8:
			t.Precision = int16(ranged(x, x.Int(), math.MaxInt16))
		case 10:
			t.Scale = int16(ranged(x, x.Int(), math.MaxInt16))
		default:
			x.Unknown()
		}
	}
	return t
}

// ranged passes on a number that is at most largest in both directions.
func ranged[T int64 | uint64](r *field.Reader, v, largest T) T {
	if v > largest || v+largest < 0 {
		r.Fail("field %d is %d", r.Number(), v)
	}
	return v
}
