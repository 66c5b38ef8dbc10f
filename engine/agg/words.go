package agg

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// column turns vectors of one input column into words: integers sign-extended, booleans 0 or 1, floats as the bits of
// a float64, 16-byte values as two words, strings as their interner's number. It belongs to one worker.
type column struct {
	phys    types.Physical
	wide    int // words per value: 1 or 2
	strings *interner

	// refs: strings stay where they are, and words are references to them (see extreme.go) in place of numbers.
	refs bool

	words []uint64     // wide per row; rows that are NULL hold 0 or anything
	nulls batch.Bitmap // set where NULL; nil: none

	own  []uint64
	bits batch.Bitmap
	dict *batch.Dictionary
	code *codeMap

	fresh   []uint32 // codes without a number
	warmed  uint64   // what warm has read
	dictRef uint64   // the reference to the first entry of dict

	constant   []byte // the constant seen last, and its number
	constantID uint32
}

func newColumn(t types.Type, strings *interner) *column {
	c := &column{phys: t.Physical(), wide: 1, strings: strings}
	switch c.phys {
	case types.PhysInt128, types.PhysInterval, types.PhysUUID:
		c.wide = 2
	}
	if strings != nil {
		c.wide = 1
	}
	c.own = make([]uint64, c.wide*batch.MaxRows)
	c.bits = make(batch.Bitmap, batch.Words(batch.MaxRows))
	return c
}

// loadNulls only finds out which rows are NULL.
func (c *column) loadNulls(v *batch.Vector, n int) {
	c.nulls = nil
	if v.Valid == nil {
		return
	}
	c.nulls = c.bits[:batch.Words(n)]
	if v.Form == batch.Constant {
		clear(c.nulls)
		if v.IsNull(0) {
			c.nulls.Fill(n)
		} else {
			c.nulls = nil
		}
		return
	}
	any := uint64(0)
	for i := range c.nulls {
		c.nulls[i] = ^v.Valid[i]
	}
	if r := uint(n) & 63; r != 0 {
		c.nulls[len(c.nulls)-1] &= 1<<r - 1
	}
	for _, w := range c.nulls {
		any |= w
	}
	if any == 0 {
		c.nulls = nil
	}
}

// load makes words and nulls of n rows of a vector; they are valid until the next load, or as long as v.
func (c *column) load(v *batch.Vector, n int) error {
	c.loadNulls(v, n)
	c.words = c.own[:n*c.wide]
	if c.refs && v.Form == batch.Dict {
		c.loadRefs(v, n)
		return nil
	}
	if c.strings != nil && c.phys == types.PhysInterval {
		return c.loadIntervals(v, n)
	}
	switch v.Form {
	case batch.Constant:
		return c.loadConstant(v, n)
	case batch.Dict:
		return c.loadDict(v, n)
	case batch.Packed:
		c.loadPacked(v, n)
		return nil
	}
	switch c.phys {
	case types.PhysBool:
		b := v.Bools()
		for i := range c.words {
			c.words[i] = b[i>>6] >> (uint(i) & 63) & 1
		}
	case types.PhysInt16:
		widen(c.words, batch.Values[int16](v))
	case types.PhysInt32:
		widen(c.words, batch.Values[int32](v))
	case types.PhysInt64, types.PhysFloat64:
		c.words = batch.Values[uint64](v)[:n]
	case types.PhysFloat32:
		for i, f := range batch.Values[float32](v)[:n] {
			c.words[i] = math.Float64bits(float64(f))
		}
	case types.PhysInt128, types.PhysInterval, types.PhysUUID:
		c.words = mem.View[uint64](v.Data)[:2*n]
	case types.PhysBytes:
		return c.loadBytes(v, n)
	}
	return nil
}

func widen[T int16 | int32](dst []uint64, src []T) {
	src = src[:len(dst)]
	for i, x := range src {
		dst[i] = uint64(int64(x))
	}
}

func (c *column) loadConstant(v *batch.Vector, n int) error {
	if v.IsNull(0) {
		clear(c.words)
		return nil
	}
	var w [2]uint64
	switch d := v.Datum(0); c.phys {
	case types.PhysFloat32, types.PhysFloat64:
		w[0] = math.Float64bits(d.F)
	case types.PhysInt128, types.PhysInterval, types.PhysUUID:
		copy(w[:], mem.View[uint64](v.Data)[:2])
	case types.PhysBytes:
		if b := v.BytesAt(0); c.constantID == 0 || string(b) != string(c.constant) {
			id, err := c.strings.number(b)
			if err != nil {
				return err
			}
			c.constant, c.constantID = append(c.constant[:0], b...), id
		}
		w[0] = uint64(c.constantID)
	default:
		w[0] = uint64(d.I)
	}
	for i := range c.words {
		c.words[i] = w[i%c.wide]
	}
	return nil
}

func (c *column) loadDict(v *batch.Vector, n int) error {
	if c.dict != v.Dict {
		m, err := c.strings.codesOf(v.Dict)
		if err != nil {
			return err
		}
		c.dict, c.code = v.Dict, m
	}
	numbers := c.code.list()
	switch {
	case v.Dict.Len == 0: // all rows are NULL
		clear(c.words)
		return nil
	case c.code.done && numbers == nil:
		for i, k := range v.Codes[:n] {
			c.words[i] = uint64(k) + 1
		}
		return nil
	case c.code.done:
		for i, k := range v.Codes[:n] {
			c.words[i] = uint64(numbers[k])
		}
		return nil
	case numbers == nil:
		var err error
		if numbers, err = c.strings.numbersFor(c.code, n); err != nil {
			return err
		}
	}
	return c.loadNew(v.Codes[:n], numbers)
}

func (c *column) loadBytes(v *batch.Vector, n int) error {
	for i := range n {
		if c.nulls != nil && c.nulls.Get(i) {
			c.words[i] = 0
			continue
		}
		id, err := c.strings.number(v.Data[v.Offsets[i]:v.Offsets[i+1]])
		if err != nil {
			return err
		}
		c.words[i] = uint64(id)
	}
	return nil
}

func (c *column) loadPacked(v *batch.Vector, n int) {
	kernel.UnpackInts(mem.View[int64](mem.Bytes(c.words)), v.Data, v.Width, v.Base)
}

// loadIntervals numbers intervals, which are equal when their lengths are: 1 month is 30 days.
func (c *column) loadIntervals(v *batch.Vector, n int) error {
	for i := range n {
		at := i * 16
		if v.Form == batch.Constant {
			at = 0
		}
		if c.nulls != nil && c.nulls.Get(i) {
			c.words[i] = 0
			continue
		}
		id, err := c.strings.number(v.Data[at : at+16])
		if err != nil {
			return err
		}
		c.words[i] = uint64(id)
	}
	return nil
}
