package aggstate

import (
	"math/big"
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// sum192 is the sum of numerics of up to 38 digits, scaled integers of 128 bits, as a 192-bit number: 2^64 of them fit.
var sum192 = newKind(Kind{
	Number: 8, Words: 3,
	Update: perRow(func(_ *State, r, v []uint64, _ int64) error {
		add192(r, v[0], v[1], uint64(int64(v[1])>>63))
		return nil
	}),
	Weighted: perRow(addProduct192),
	Retract:  retracting(addProduct192),
	Merge:    func(_ *State, r, o []uint64) error { add192(r, o[0], o[1], o[2]); return nil },
	total:    func(s *State, r []uint64) decimal.Decimal { return decimal192(r, s.scale()) },
})

func add192(r []uint64, lo, mid, hi uint64) {
	a, c := bits.Add64(r[0], lo, 0)
	b, c := bits.Add64(r[1], mid, c)
	r[0], r[1] = a, b
	r[2] += hi + c
}

func addProduct192(_ *State, r, v []uint64, n int64) error {
	add192(mul192(r, v[0], v[1], n))
	return nil
}

// mul192 multiplies a signed 128-bit number; r is passed on.
func mul192(r []uint64, lo, hi uint64, n int64) (same []uint64, p0, p1, p2 uint64) {
	negative := (int64(hi) < 0) != (n < 0)
	if int64(hi) < 0 {
		var borrow uint64
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	m := uint64(n)
	if n < 0 {
		m = -m
	}
	mid, low := bits.Mul64(lo, m)
	top, high := bits.Mul64(hi, m)
	mid, c := bits.Add64(mid, high, 0)
	top += c
	if negative {
		var borrow uint64
		low, borrow = bits.Sub64(0, low, 0)
		mid, borrow = bits.Sub64(0, mid, borrow)
		top, _ = bits.Sub64(0, top, borrow)
	}
	return r, low, mid, top
}

// decimal192 makes a decimal of a 192-bit number: as hi * 2^128 + low, where low is not negative.
func decimal192(r []uint64, scale int) decimal.Decimal {
	if int64(r[2]) == int64(r[1])>>63 {
		return decimal.FromInt128(decimal.Int128{Lo: r[0], Hi: int64(r[1])}, scale)
	}
	b := big.NewInt(int64(r[2]))
	for _, w := range []uint64{r[1], r[0]} {
		b.Lsh(b, 64).Add(b, new(big.Int).SetUint64(w))
	}
	d, err := decimal.Parse([]byte(b.String()))
	if err != nil || scale == 0 {
		return d
	}
	q, err := decimal.Parse(append([]byte("1e-"), big.NewInt(int64(scale)).String()...))
	if err != nil {
		return d
	}
	m, _ := d.Mul(q)
	return m
}

// sumDecimal is the sum of numerics of any length: the number of a decimal in the store. It cannot be retracted: an
// infinity hides the finite values before it, and a value the display scale of those with fewer digits.
var sumDecimal = newKind(Kind{
	Number: 12, Words: 1, Stores: true,
	Update:   perRow(addDecimal),
	Weighted: perRow(addDecimal),
	Merge:    func(s *State, r, o []uint64) error { return s.Store.plus(&r[0], s.Store.decimal(o[0])) },
	Append:   appendDecimals,
	Read:     readDecimals,
	total:    func(s *State, r []uint64) decimal.Decimal { return s.Store.decimal(r[0]) },
})

// decimalOf reads a value of numeric: a string's number, or 128 bits.
func (s *State) decimalOf(v []uint64) (decimal.Decimal, error) {
	if s.phys() == types.PhysInt128 {
		return decimal.FromInt128(decimal.Int128{Lo: v[0], Hi: int64(v[1])}, int(s.Type().Scale)), nil
	}
	return decimal.Decode(s.Args[0].Strings.Bytes(uint32(v[0])))
}

func addDecimal(s *State, r, v []uint64, n int64) error {
	d, err := s.decimalOf(v)
	if err != nil {
		return err
	}
	if d, err = times(d, n); err != nil {
		return err
	}
	return s.Store.plus(&r[0], d)
}

// times returns n times d.
func times(d decimal.Decimal, n int64) (decimal.Decimal, error) {
	if n == 1 {
		return d, nil
	}
	return d.Mul(decimal.FromInt64(n))
}

func appendDecimals(s *State, dst []byte, r []uint64) []byte {
	for _, w := range r {
		if w == 0 {
			dst = append(dst, 0)
			continue
		}
		dst = AppendBytes(dst, decimal.AppendEncoded(nil, s.Store.decimal(w)))
	}
	return dst
}

func readDecimals(s *State, x *Reader, r []uint64) {
	for i := range r {
		b := x.Bytes()
		if len(b) == 0 || x.Failed() {
			continue
		}
		d, err := decimal.Decode(b)
		if err != nil {
			x.Damaged()
			return
		}
		x.err = s.Store.plus(&r[i], d)
	}
}
