package agg

import (
	"encoding/binary"
	"math"
	"math/big"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// finisher makes vectors of groups.
type finisher struct{ g *Group }

// rowsOf returns the number of rows, or of distinct values, that went into a call's state.
func (g *Group) rowsOf(c *call, row []uint64) uint64 {
	base := 1 + g.lay.words
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

// unpack reads a field of a packed key into words, and tells whether it is NULL.
func (f *field) unpack(key, w []uint64) (null bool) {
	if f.nullWord >= 0 && key[f.nullWord]>>f.nullBit&1 != 0 {
		return true
	}
	if f.bits == 128 {
		w[0], w[1] = key[f.word], key[f.word+1]
		return false
	}
	code := key[f.word] >> f.shift & f.mask()
	switch {
	case f.phys == types.PhysFloat64:
		s := state{phys: f.phys}
		w[0] = s.valueOf(code)
		return false
	case code == 0 && f.bits < 64:
		return true
	case f.phys == types.PhysFloat32:
		w[0] = math.Float64bits(float64(float32Of(uint32(code - 1))))
	case f.strings != nil && f.phys == types.PhysInterval:
		b := f.strings.bytes(uint32(code))
		w[0], w[1] = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	default:
		w[0] = code + f.base
	}
	return false
}

// float32Of undoes orderFloat32.
func float32Of(w uint32) float32 {
	switch {
	case w == math.MaxUint32:
		return float32(math.NaN())
	case w>>31 != 0:
		return math.Float32frombits(w &^ (1 << 31))
	}
	return math.Float32frombits(^w)
}

// key fills v with a key of the groups.
func (f *finisher) key(i int, rows []uint64, pick []int, v *batch.Vector) {
	fld, words := &f.g.lay.fields[i], f.g.lay.words
	v.Reset(fld.typ, len(pick))
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
		null := fld.unpack(key, w[:])
		switch fld.phys {
		case types.PhysBytes:
			if null {
				v.AppendBytes(nil)
			} else {
				v.AppendBytes(fld.strings.bytes(uint32(w[0])))
			}
		default:
			setWords(v, j, fld.phys, w)
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
	base := 1 + f.g.lay.words
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
		v.AppendBytes(strings.referred(r[0]))
	case stateFirst:
		if phys == types.PhysBytes {
			v.AppendBytes(strings.bytes(uint32(r[1])))
		} else {
			setWords(v, i, phys, [2]uint64{r[1], r[2]})
		}
	default:
		return errs.Internal("%s has no finish for its state", c.Fn.Name)
	}
	return nil
}

// sum writes a sum in the type of the result.
func (f *finisher) sum(c *call, s *state, r []uint64, v *batch.Vector, i int) error {
	switch s.kind {
	case stateSum64:
		if v.Type.Physical() == types.PhysInt64 {
			setWords(v, i, types.PhysInt64, [2]uint64{r[0]})
			return nil
		}
	case stateSumFloat:
		if x := math.Float64frombits(r[0]); v.Type.Physical() == types.PhysFloat32 && math.IsInf(float64(float32(x)), 0) && !math.IsInf(x, 0) {
			return floatRange()
		}
		setWords(v, i, v.Type.Physical(), [2]uint64{r[0]})
		return nil
	case stateSumSpan:
		return setSpan(v, i, r)
	case stateSum128:
		if v.Type.Physical() == types.PhysInt64 { // fn.SumCounts
			if int64(r[1]) != int64(r[0])>>63 {
				return errs.New(errs.NumericValueOutOfRange, "bigint out of range")
			}
			setWords(v, i, types.PhysInt64, [2]uint64{r[0]})
			return nil
		}
		if v.Type.Physical() == types.PhysInt128 && v.Type.Scale == c.arg.Scale {
			x := types.Int128{Lo: r[0], Hi: int64(r[1])}
			if x.FitsPrecision(types.Decimal128Precision) {
				setWords(v, i, types.PhysInt128, [2]uint64{r[0], r[1]})
				return nil
			}
		}
	}
	return setDecimal(v, i, f.decimalSum(c, s, r))
}

// decimalSum returns a sum as a decimal.
func (f *finisher) decimalSum(c *call, s *state, r []uint64) types.Decimal {
	scale := 0
	if c.arg.Kind == types.Numeric {
		scale = int(c.arg.Scale)
	}
	switch s.kind {
	case stateSum64:
		return types.DecimalFromInt64(int64(r[0]))
	case stateSum128, stateSquares:
		return types.DecimalFromInt128(types.Int128{Lo: r[0], Hi: int64(r[1])}, scale)
	case stateSum192:
		return decimal192(r, scale)
	}
	return f.g.side.decimals.get(r[0])
}

// decimal192 makes a decimal of a 192-bit number: as hi * 2^128 + low, where low is not negative.
func decimal192(r []uint64, scale int) types.Decimal {
	if int64(r[2]) == int64(r[1])>>63 {
		return types.DecimalFromInt128(types.Int128{Lo: r[0], Hi: int64(r[1])}, scale)
	}
	b := big.NewInt(int64(r[2]))
	for _, w := range []uint64{r[1], r[0]} {
		b.Lsh(b, 64).Add(b, new(big.Int).SetUint64(w))
	}
	d, err := types.ParseDecimal([]byte(b.String()))
	if err != nil || scale == 0 {
		return d
	}
	q, err := types.ParseDecimal(append([]byte("1e-"), big.NewInt(int64(scale)).String()...))
	if err != nil {
		return d
	}
	m, _ := d.Mul(q)
	return m
}

// setDecimal writes a decimal in the type of v.
func setDecimal(v *batch.Vector, i int, d types.Decimal) error {
	x, err := types.NumericDatum(v.Type, d)
	if err != nil {
		return err
	}
	if v.Type.Physical() == types.PhysBytes {
		v.AppendString(x.S)
		return nil
	}
	setWords(v, i, v.Type.Physical(), [2]uint64{uint64(x.I), uint64(x.Hi)})
	return nil
}

func setSpan(v *batch.Vector, i int, r []uint64) error {
	months, days := int64(r[0]), int64(r[1])
	if months != int64(int32(months)) || days != int64(int32(days)) {
		return intervalRange()
	}
	setWords(v, i, types.PhysInterval, [2]uint64{uint64(uint32(months)) | uint64(uint32(days))<<32, r[2]})
	return nil
}

// avg writes sum / count: numeric with the digits that PostgreSQL gives it, or float8.
func (f *finisher) avg(c *call, s *state, r []uint64, count uint64, v *batch.Vector, i int) error {
	switch s.kind {
	case stateSumFloat:
		x := math.Float64frombits(r[0]) / float64(count)
		setWords(v, i, v.Type.Physical(), [2]uint64{math.Float64bits(x)})
		return nil
	case stateSumSpan:
		return avgSpan(v, i, r, int64(count))
	}
	d, err := f.decimalSum(c, s, r).Quo(types.DecimalFromInt64(int64(count)))
	if err != nil {
		return err
	}
	return setDecimal(v, i, d)
}

// avgSpan divides a sum of intervals, carrying what is left of months into days and of days into time, as
// PostgreSQL's interval_div does.
func avgSpan(v *batch.Vector, i int, r []uint64, n int64) error {
	months, days, micros := int64(r[0]), int64(r[1]), int64(r[2])
	if months != int64(int32(months)) || days != int64(int32(days)) {
		return intervalRange() // as PostgreSQL, whose sum is an interval
	}
	monthDays := float64(months%n) / float64(n) * daysPerMonth
	monthDays = math.RoundToEven(monthDays*1e6) / 1e6
	rest := float64(days%n)/float64(n) + monthDays - math.Trunc(monthDays)
	rest = math.RoundToEven(rest*86400*1e6) / (86400 * 1e6)
	day := days/n + int64(monthDays)
	if math.Abs(rest) >= 1 {
		day += int64(rest)
		rest -= math.Trunc(rest)
	}
	us := math.RoundToEven(float64(micros)/float64(n) + rest*microsPerDay)
	return setSpan(v, i, []uint64{uint64(months / n), uint64(day), uint64(int64(us))})
}

// variance writes a variance or standard deviation.
func (f *finisher) variance(c *call, s *state, r []uint64, count uint64, v *batch.Vector, i, n int) error {
	sample := c.kind == fn.StddevSamp || c.kind == fn.VarSamp
	root := c.kind == fn.StddevSamp || c.kind == fn.StddevPop
	if sample && count < 2 {
		setNull(v, i, n)
		return nil
	}
	if s.kind == stateMoments {
		x := math.Float64frombits(r[2])
		if sample {
			x /= float64(count - 1)
		} else {
			x /= float64(count)
		}
		if root {
			x = math.Sqrt(x)
		}
		setWords(v, i, v.Type.Physical(), [2]uint64{math.Float64bits(x)})
		return nil
	}
	d, err := f.decimalVariance(c, s, r, count, sample, root)
	if err != nil {
		return err
	}
	return setDecimal(v, i, d)
}

// decimalVariance is (n * sum of squares - sum^2) / (n * (n or n-1)), as PostgreSQL's numeric_stddev_internal.
func (f *finisher) decimalVariance(c *call, s *state, r []uint64, count uint64, sample, root bool) (types.Decimal, error) {
	sum := f.decimalSum(c, s, r)
	var squares types.Decimal
	if s.kind == stateSquares {
		scale := 0
		if c.arg.Kind == types.Numeric {
			scale = 2 * int(c.arg.Scale)
		}
		squares = decimal192(r[2:], scale)
	} else {
		squares = f.g.side.decimals.get(r[1])
	}
	n := types.DecimalFromInt64(int64(count))
	m := n
	if sample {
		m = types.DecimalFromInt64(int64(count) - 1)
	}
	nsq, err := n.Mul(squares)
	if err != nil {
		return nsq, err
	}
	ssq, err := sum.Mul(sum)
	if err != nil {
		return ssq, err
	}
	num, err := nsq.Sub(ssq)
	if err != nil || num.Sign() <= 0 {
		return types.DecimalFromInt64(0), err
	}
	den, err := n.Mul(m)
	if err != nil {
		return den, err
	}
	q, err := num.Quo(den)
	if err != nil || !root {
		return q, err
	}
	return q.StandardDeviation()
}

// list writes a string_agg or an array in PostgreSQL's text form.
func (f *finisher) list(c *call, r []uint64, v *batch.Vector) error {
	in := &f.g.prog.inputs[c.in]
	value := f.g.side.strings[in.cols[0]]
	items, err := f.g.items(c, r[0])
	if err != nil {
		return err
	}
	defer f.g.acc.Free(int64(len(items)) * itemBytes)
	if c.kind == fn.StringAgg {
		delimiter := f.g.side.strings[in.cols[1]]
		for j, x := range items {
			if j > 0 && x.nulls&2 == 0 {
				v.Data = append(v.Data, delimiter.bytes(uint32(x.words[1]))...)
			}
			v.Data = append(v.Data, value.bytes(uint32(x.words[0]))...)
			if len(v.Data) > listsMaxBytes {
				return listsTooLong()
			}
		}
		v.EndString()
		return nil
	}
	v.Data = append(v.Data, '{')
	var text []byte
	for j, x := range items {
		null := x.nulls&1 != 0
		if !null {
			text = types.Append(text[:0], f.g.datum(c.arg, value, x.words))
		}
		v.Data = types.AppendElement(v.Data, text, null, j == 0)
		if len(v.Data) > listsMaxBytes {
			return listsTooLong()
		}
	}
	v.Data = append(v.Data, '}')
	v.EndString()
	return nil
}

// listsMaxBytes is the most that the lists of one batch of groups may be long together: PostgreSQL's limit of one value,
// and far from the 4 GiB that the offsets of strings hold.
const listsMaxBytes = 1 << 30

func listsTooLong() error {
	return errs.New(errs.ProgramLimitExceeded, "the lists of string_agg or array_agg are longer than %d bytes", listsMaxBytes)
}
