package fn

import (
	"crypto/sha256"
	"crypto/sha512"
	"math/bits"

	"github.com/siltstone-db/siltstone/engine/fn/chars"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Functions of bytes and bits, and overlay.
func init() {
	registerHashes()
	registerByteFns()
	registerOverlay()
}

// byteaFn registers a function whose result is bytea.
func byteaFn(name string, args []types.Type, f func(r *row, dst []byte) ([]byte, error)) {
	register(&Overload{Name: name, Args: args, Result: returns(tBytea), Eval: rowText(tBytea, func(_ *Context, r *row, dst []byte) ([]byte, error) {
		return f(r, notNil(dst))
	})})
}

func registerHashes() {
	byteaFn("sha224", list(tBytea), func(r *row, dst []byte) ([]byte, error) {
		sum := sha256.Sum224(r.bytes(0))
		return append(dst, sum[:]...), nil
	})
	byteaFn("sha384", list(tBytea), func(r *row, dst []byte) ([]byte, error) {
		sum := sha512.Sum384(r.bytes(0))
		return append(dst, sum[:]...), nil
	})
	byteaFn("sha512", list(tBytea), func(r *row, dst []byte) ([]byte, error) {
		sum := sha512.Sum512(r.bytes(0))
		return append(dst, sum[:]...), nil
	})
}

func registerByteFns() {
	register(&Overload{Name: "get_byte", Args: list(tBytea, tInt4), Result: returns(tInt4),
		Eval: rowFixed(tInt4, func(_ *Context, r *row) (int32, bool, error) {
			s, i := r.bytes(0), int64(r.int4(1))
			if err := inRange(i, int64(len(s))); err != nil {
				return 0, false, err
			}
			return int32(s[i]), true, nil
		})},
		&Overload{Name: "get_bit", Args: list(tBytea, tInt8), Result: returns(tInt4),
			Eval: rowFixed(tInt4, func(_ *Context, r *row) (int32, bool, error) {
				s, i := r.bytes(0), r.int8(1)
				if err := inRange(i, 8*int64(len(s))); err != nil {
					return 0, false, err
				}
				return int32(s[i/8] >> (i % 8) & 1), true, nil
			})},
		&Overload{Name: "bit_count", Args: list(tBytea), Result: returns(tInt8), Total: true,
			Eval: rowFixed(tInt8, func(_ *Context, r *row) (int64, bool, error) {
				n := 0
				for _, c := range r.bytes(0) {
					n += bits.OnesCount8(c)
				}
				return int64(n), true, nil
			})})
	byteaFn("set_byte", list(tBytea, tInt4, tInt4), func(r *row, dst []byte) ([]byte, error) {
		s, i := r.bytes(0), int64(r.int4(1))
		if err := inRange(i, int64(len(s))); err != nil {
			return dst, err
		}
		start := len(dst)
		dst = append(dst, s...)
		dst[start+int(i)] = byte(r.int4(2))
		return dst, nil
	})
	byteaFn("set_bit", list(tBytea, tInt8, tInt4), func(r *row, dst []byte) ([]byte, error) {
		s, i, v := r.bytes(0), r.int8(1), r.int4(2)
		if err := inRange(i, 8*int64(len(s))); err != nil {
			return dst, err
		}
		if v != 0 && v != 1 {
			return dst, errs.New(errs.InvalidParameterValue, "new bit must be 0 or 1")
		}
		at := len(dst) + int(i/8)
		dst = append(dst, s...)
		dst[at] = dst[at]&^(1<<(i%8)) | byte(v)<<(i%8)
		return dst, nil
	})
}

func registerOverlay() {
	for _, t := range list(tText, tBytea) {
		part := substring
		if t == tBytea {
			part = subbytes
		}
		replace := func(r *row, dst []byte, length int64) ([]byte, error) {
			from := int64(r.int4(2))
			if from <= 0 {
				return dst, errs.New(errs.SubstringError, "negative substring length not allowed")
			}
			if from+length != int64(int32(from+length)) {
				return dst, outOfRange(tInt4)
			}
			dst, err := part(dst, r.bytes(0), 1, from-1, true)
			if err != nil {
				return dst, err
			}
			return part(append(dst, r.bytes(1)...), r.bytes(0), from+length, 0, false)
		}
		register(&Overload{Name: "overlay", Args: list(t, t, tInt4), Result: returns(t),
			Eval: rowText(t, func(_ *Context, r *row, dst []byte) ([]byte, error) {
				n := int64(len(r.bytes(1)))
				if t == tText {
					n = int64(chars.Count(r.bytes(1)))
				}
				return replace(r, notNil(dst), n)
			})},
			&Overload{Name: "overlay", Args: list(t, t, tInt4, tInt4), Result: returns(t),
				Eval: rowText(t, func(_ *Context, r *row, dst []byte) ([]byte, error) {
					return replace(r, notNil(dst), int64(r.int4(3)))
				})})
	}
	for name, nulls := range map[string]bool{"num_nulls": true, "num_nonnulls": false} {
		register(&Overload{Name: name, Args: list(tAny), Variadic: true, Result: returns(tInt4), NotStrict: true, Total: true,
			Eval: rowFixed(tInt4, func(_ *Context, r *row) (int32, bool, error) {
				n := int32(0)
				for a := range r.args {
					if r.null(a) == nulls {
						n++
					}
				}
				return n, true, nil
			})})
	}
}

func inRange(i, n int64) error {
	if i < 0 || i >= n {
		return errs.New(errs.ArraySubscriptError, "index %d out of valid range, 0..%d", i, n-1)
	}
	return nil
}
