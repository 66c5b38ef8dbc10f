package hashtable

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Column turns vectors of one input column into words: integers sign-extended, booleans 0 or 1, floats as the bits of
// a float64, 16-byte values as two words, strings as their interner's number. It belongs to one worker.
type Column struct {
	phys    types.Physical
	Wide    int // words per value: 1 or 2
	strings *Interner

	// refs: strings stay where they are, and words are references to them (see reference.go) in place of numbers.
	Refs bool

	Words []uint64     // wide per row; rows that are NULL hold 0 or anything
	Nulls batch.Bitmap // set where NULL; nil: none

	own  []uint64
	bits batch.Bitmap
	dict *batch.Dictionary
	code *codeMap

	fresh   []uint32 // codes without a number
	touched uint64   // what prefetch has read
	dictRef uint64   // the reference to the first entry of dict

	constant   []byte // the constant seen last, and its number
	constantID uint32
}

// NewColumn returns the column of a type; strings is its interner, nil for types that need none.
func NewColumn(t types.Type, strings *Interner) *Column {
	c := &Column{phys: t.Physical(), Wide: 1, strings: strings}
	switch c.phys {
	case types.PhysInt128, types.PhysInterval, types.PhysUUID:
		c.Wide = 2
	}
	if strings != nil {
		c.Wide = 1
	}
	c.own = make([]uint64, c.Wide*batch.MaxRows)
	c.bits = make(batch.Bitmap, batch.Words(batch.MaxRows))
	return c
}

// LoadNulls only finds out which rows are NULL.
func (c *Column) LoadNulls(v *batch.Vector, n int) {
	c.Nulls = nil
	if v.Valid == nil {
		return
	}
	c.Nulls = c.bits[:batch.Words(n)]
	if v.Form == batch.Constant {
		clear(c.Nulls)
		if v.IsNull(0) {
			c.Nulls.Fill(n)
		} else {
			c.Nulls = nil
		}
		return
	}
	any := uint64(0)
	for i := range c.Nulls {
		c.Nulls[i] = ^v.Valid[i]
	}
	if r := uint(n) & 63; r != 0 {
		c.Nulls[len(c.Nulls)-1] &= 1<<r - 1
	}
	for _, w := range c.Nulls {
		any |= w
	}
	if any == 0 {
		c.Nulls = nil
	}
}

// Load makes words and nulls of n rows of a vector; they are valid until the next load, or as long as v.
func (c *Column) Load(v *batch.Vector, n int) error {
	c.LoadNulls(v, n)
	c.Words = c.own[:n*c.Wide]
	if c.Refs && v.Form == batch.Dict {
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
		for i := range c.Words {
			c.Words[i] = b[i>>6] >> (uint(i) & 63) & 1
		}
	case types.PhysInt16:
		widen(c.Words, batch.Values[int16](v))
	case types.PhysInt32:
		widen(c.Words, batch.Values[int32](v))
	case types.PhysInt64, types.PhysFloat64:
		c.Words = batch.Values[uint64](v)[:n]
	case types.PhysFloat32:
		for i, f := range batch.Values[float32](v)[:n] {
			c.Words[i] = math.Float64bits(float64(f))
		}
	case types.PhysInt128, types.PhysInterval, types.PhysUUID:
		c.Words = mem.View[uint64](v.Data)[:2*n]
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

func (c *Column) loadConstant(v *batch.Vector, n int) error {
	if v.IsNull(0) {
		clear(c.Words)
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
			id, err := c.strings.Number(b)
			if err != nil {
				return err
			}
			c.constant, c.constantID = append(c.constant[:0], b...), id
		}
		w[0] = uint64(c.constantID)
	default:
		w[0] = uint64(d.I)
	}
	for i := range c.Words {
		c.Words[i] = w[i%c.Wide]
	}
	return nil
}

func (c *Column) loadDict(v *batch.Vector, n int) error {
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
		clear(c.Words)
		return nil
	case c.code.done && numbers == nil:
		for i, k := range v.Codes[:n] {
			c.Words[i] = uint64(k) + 1
		}
		return nil
	case c.code.done:
		for i, k := range v.Codes[:n] {
			c.Words[i] = uint64(numbers[k])
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

func (c *Column) loadBytes(v *batch.Vector, n int) error {
	for i := range n {
		if c.Nulls != nil && c.Nulls.Get(i) {
			c.Words[i] = 0
			continue
		}
		id, err := c.strings.Number(v.Data[v.Offsets[i]:v.Offsets[i+1]])
		if err != nil {
			return err
		}
		c.Words[i] = uint64(id)
	}
	return nil
}

func (c *Column) loadPacked(v *batch.Vector, n int) {
	kernel.UnpackInts(mem.View[int64](mem.Bytes(c.Words)), v.Data, v.Width, v.Base)
}

// loadIntervals numbers intervals, which are equal when their lengths are: 1 month is 30 days.
func (c *Column) loadIntervals(v *batch.Vector, n int) error {
	for i := range n {
		at := i * 16
		if v.Form == batch.Constant {
			at = 0
		}
		if c.Nulls != nil && c.Nulls.Get(i) {
			c.Words[i] = 0
			continue
		}
		id, err := c.strings.Number(v.Data[at : at+16])
		if err != nil {
			return err
		}
		c.Words[i] = uint64(id)
	}
	return nil
}

// Wide returns the number of words of a value.
func Wide(t types.Type) int {
	switch t.Physical() {
	case types.PhysInt128, types.PhysInterval, types.PhysUUID:
		return 2
	}
	return 1
}

// LoadRows makes words of what n rows of stride words have from word at on.
func (c *Column) LoadRows(rows []uint64, stride, at, n int) {
	c.Words = c.own[:n*c.Wide]
	if c.Wide == 1 {
		for j := range c.Words {
			c.Words[j] = rows[j*stride+at]
		}
		return
	}
	for j := range n {
		c.Words[2*j], c.Words[2*j+1] = rows[j*stride+at], rows[j*stride+at+1]
	}
}

// SetWords writes value i of a vector of fixed width.
func SetWords(v *batch.Vector, i int, w [2]uint64) {
	switch v.Type.Physical() {
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
