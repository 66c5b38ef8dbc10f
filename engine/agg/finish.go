package agg

import (
	"math"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// finisher makes vectors of groups.
type finisher struct {
	g       *Group
	charged int64 // for lists
}

// rowsOf returns the number of rows, or of distinct values, that went into a call's state.
func (g *Group) rowsOf(c *call, row []uint64) uint64 {
	base := 1 + g.lay.Words
	if c.set >= 0 {
		return row[base+g.prog.states[g.sets[c.set].states[0]].at]
	}
	if c.in < 0 {
		return row[0]
	}
	return row[0] - row[base+g.prog.inputs[c.in].skip]
}

// finish fills out with the groups that stand at the offsets pick of rows.
func (f *finisher) finish(rows []uint64, pick []int, out *batch.Batch) error {
	for i := range f.g.cfg.Keys {
		f.key(i, rows, pick, out.Cols[i])
	}
	for i := range f.g.prog.calls {
		if err := f.call(&f.g.prog.calls[i], rows, pick, out.Cols[len(f.g.cfg.Keys)+i]); err != nil {
			return err
		}
	}
	out.Len = len(pick)
	out.Sel = batch.Selection{}
	return nil
}

// key fills v with a key of the groups.
func (f *finisher) key(i int, rows []uint64, pick []int, v *batch.Vector) {
	fld, words := &f.g.lay.Fields[i], f.g.lay.Words
	v.Reset(fld.Typ, len(pick))
	for j, at := range pick {
		key := rows[at+1 : at+1+words]
		if f.g.mode == modeDict {
			b := f.g.dictBytes(key[0])
			v.AppendBytes(b)
			if b == nil && uint32(key[0]) == 0 && int(key[0]>>32) == len(f.g.dicts) {
				v.Nulls(len(pick)).Clear(j)
			}
			continue
		}
		var w [2]uint64
		null := fld.Unpack(key, w[:])
		switch fld.Phys {
		case types.PhysBytes:
			if null {
				v.AppendBytes(nil)
			} else {
				v.AppendBytes(fld.Strings.Bytes(uint32(w[0])))
			}
		default:
			setWords(v, j, fld.Phys, w)
		}
		if null {
			v.Nulls(len(pick)).Clear(j)
		}
	}
}

// setWords writes value i of a fixed-width vector.
func setWords(v *batch.Vector, i int, phys types.Physical, w [2]uint64) {
	switch phys {
	case types.PhysBool:
		v.Bools().SetTo(i, w[0] != 0)
	case types.PhysInt16:
		batch.Values[int16](v)[i] = int16(w[0])
	case types.PhysInt32:
		batch.Values[int32](v)[i] = int32(w[0])
	case types.PhysInt64, types.PhysFloat64:
		batch.Values[uint64](v)[i] = w[0]
	case types.PhysFloat32:
		batch.Values[float32](v)[i] = float32(math.Float64frombits(w[0]))
	case types.PhysInt128, types.PhysInterval, types.PhysUUID:
		batch.Values[[2]uint64](v)[i] = w
	}
}

// call fills v with the values of a call.
func (f *finisher) call(c *call, rows []uint64, pick []int, v *batch.Vector) error {
	n := len(pick)
	v.Reset(c.result, n)
	base := 1 + f.g.lay.Words
	if c.kind == fn.Count || c.kind == fn.CountStar {
		out := batch.Values[uint64](v)
		for i, at := range pick {
			out[i] = f.g.rowsOf(c, rows[at:])
		}
		return nil
	}
	if v.Type.Physical() == types.PhysBytes {
		v.Reset(c.result, n)
	}
	s := &f.g.prog.states[c.state]
	for i, at := range pick {
		row := rows[at : at+f.g.out.width]
		count := f.g.rowsOf(c, row)
		if count == 0 {
			setNull(v, i, n)
			continue
		}
		if err := f.value(c, s, row[base+s.at:], count, v, i, n); err != nil {
			return err
		}
	}
	return nil
}

// setNull makes row i of n NULL; a string vector gets an empty string.
func setNull(v *batch.Vector, i, n int) {
	if v.Type.Physical() == types.PhysBytes {
		v.AppendBytes(nil)
	} else {
		setWords(v, i, v.Type.Physical(), [2]uint64{})
	}
	v.Nulls(n).Clear(i)
}

// value writes the value of one group.
func (f *finisher) value(c *call, s *state, r []uint64, count uint64, v *batch.Vector, i, n int) error {
	phys := v.Type.Physical()
	switch c.kind {
	case fn.Sum:
		return f.sum(c, s, r, v, i)
	case fn.Avg:
		return f.avg(c, s, r, count, v, i)
	case fn.StddevSamp, fn.StddevPop, fn.VarSamp, fn.VarPop:
		return f.variance(c, s, r, count, v, i, n)
	case fn.StringAgg, fn.ArrayAgg:
		return f.list(c, r, v)
	}
	strings := f.g.prog.stringsOf(&f.g.side, s)
	switch s.kind { // minima, maxima, any_value
	case stateMax64:
		setWords(v, i, phys, [2]uint64{s.valueOf(r[0])})
	case stateMax128:
		w0, w1 := s.value128(r[0], r[1])
		setWords(v, i, phys, [2]uint64{w0, w1})
	case stateMaxSpan:
		setWords(v, i, phys, [2]uint64{r[1], r[2]})
	case stateMaxBytes:
		v.AppendBytes(strings.Referred(r[0]))
	case stateFirst:
		if phys == types.PhysBytes {
			v.AppendBytes(strings.Bytes(uint32(r[1])))
		} else {
			setWords(v, i, phys, [2]uint64{r[1], r[2]})
		}
	default:
		return errs.Internal("%s has no finish for its state", c.Fn.Name)
	}
	return nil
}
