package fn

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/engine/fn/chars"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// textFn registers a strict function whose result is text.
func textFn(name string, args []types.Type, f func(c *Context, r *row, dst []byte) ([]byte, error)) {
	register(&Overload{Name: name, Args: args, Result: returns(tText), Eval: rowText(tText, f)})
}

// totalText registers a textFn that cannot fail.
func totalText(name string, args []types.Type, f func(r *row, dst []byte) []byte) {
	register(&Overload{Name: name, Args: args, Result: returns(tText), Total: true,
		Eval: rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) { return f(r, dst), nil })})
}

// int4Fn registers a strict function whose result is integer and that cannot fail.
func int4Fn(name string, args []types.Type, f func(r *row) int) {
	register(&Overload{Name: name, Args: args, Result: returns(tInt4), Total: true,
		Eval: rowFixed(tInt4, func(_ *Context, r *row) (int32, bool, error) { return int32(f(r)), true, nil })})
}

func init() {
	for _, name := range []string{"length", "char_length", "character_length"} {
		register(&Overload{Name: name, Args: list(tText), Result: returns(tInt4), Total: true, Lengths: Chars, Eval: charLengths},
			&Overload{Name: name, Args: list(tChar), Result: returns(tInt4), Total: true,
				Eval: rowFixed(tInt4, func(_ *Context, r *row) (int32, bool, error) {
					return int32(utf8.RuneCount(types.TrimBlanks(r.bytes(0)))), true, nil
				})})
	}
	register(&Overload{Name: "length", Args: list(tBytea), Result: returns(tInt4), Total: true, Lengths: Bytes, Eval: byteLengths})
	for _, t := range list(tText, tBytea, tChar) {
		register(&Overload{Name: "octet_length", Args: list(t), Result: returns(tInt4), Total: true, Lengths: Bytes, Eval: byteLengths})
		int4Fn("bit_length", list(t), func(r *row) int { return 8 * len(r.bytes(0)) })
	}
	totalText("lower", list(tText), func(r *row, dst []byte) []byte { return chars.MapCase(notNil(dst), r.bytes(0), false) })
	totalText("upper", list(tText), func(r *row, dst []byte) []byte { return chars.MapCase(notNil(dst), r.bytes(0), true) })
	totalText("initcap", list(tText), func(r *row, dst []byte) []byte { return initcap(dst, r.bytes(0)) })
	for _, name := range []string{"substring", "substr"} {
		textFn(name, list(tText, tInt4), func(_ *Context, r *row, dst []byte) ([]byte, error) {
			return substring(dst, r.bytes(0), int64(r.int4(1)), 0, false)
		})
		textFn(name, list(tText, tInt4, tInt4), func(_ *Context, r *row, dst []byte) ([]byte, error) {
			return substring(dst, r.bytes(0), int64(r.int4(1)), int64(r.int4(2)), true)
		})
		register(&Overload{Name: name, Args: list(tBytea, tInt4), Result: returns(tBytea),
			Eval: rowText(tBytea, func(_ *Context, r *row, dst []byte) ([]byte, error) {
				return subbytes(dst, r.bytes(0), int64(r.int4(1)), 0, false)
			})},
			&Overload{Name: name, Args: list(tBytea, tInt4, tInt4), Result: returns(tBytea),
				Eval: rowText(tBytea, func(_ *Context, r *row, dst []byte) ([]byte, error) {
					return subbytes(dst, r.bytes(0), int64(r.int4(1)), int64(r.int4(2)), true)
				})})
	}
	int4Fn("position", list(tText, tText), func(r *row) int { return charPosition(r.bytes(0), r.bytes(1)) })
	int4Fn("strpos", list(tText, tText), func(r *row) int { return charPosition(r.bytes(0), r.bytes(1)) })
	int4Fn("position", list(tBytea, tBytea), func(r *row) int { return bytes.Index(r.bytes(0), r.bytes(1)) + 1 })
	trims()
	pads()
	totalText("reverse", list(tText), func(r *row, dst []byte) []byte { return reverse(dst, r.bytes(0)) })
	textFn("replace", list(tText, tText, tText), func(_ *Context, r *row, dst []byte) ([]byte, error) {
		return r.replaced(notNil(dst), r.bytes(0), r.bytes(1), r.bytes(2))
	})
	totalText("left", list(tText, tInt4), func(r *row, dst []byte) []byte {
		return append(dst, leftChars(r.bytes(0), r.int4(1))...)
	})
	totalText("right", list(tText, tInt4), func(r *row, dst []byte) []byte {
		return append(dst, rightChars(r.bytes(0), r.int4(1))...)
	})
	textFn("translate", list(tText, tText, tText), func(_ *Context, r *row, dst []byte) ([]byte, error) {
		return r.translated(notNil(dst), r.bytes(0), r.bytes(1), r.bytes(2))
	})
	textFn("split_part", list(tText, tText, tInt4), func(_ *Context, r *row, dst []byte) ([]byte, error) {
		return splitPart(dst, r.bytes(0), r.bytes(1), r.int4(2))
	})
	startsWith := rowBool(func(_ *Context, r *row) (bool, bool, error) {
		return bytes.HasPrefix(r.bytes(0), r.bytes(1)), true, nil
	})
	register(&Overload{Name: "starts_with", Args: list(tText, tText), Result: returns(tBool), Total: true, Eval: startsWith})
	registerOp(&Overload{Name: "^@", Args: list(tText, tText), Result: returns(tBool), Total: true, Eval: startsWith})
	int4Fn("ascii", list(tText), func(r *row) int {
		c, n := utf8.DecodeRune(r.bytes(0))
		if n == 0 {
			return 0
		}
		return int(c)
	})
	textFn("chr", list(tInt4), func(_ *Context, r *row, dst []byte) ([]byte, error) { return chr(dst, r.int4(0)) })
}

// charLengths counts characters.
func charLengths(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
	a := viewText(args[0])
	out.Reset(tInt4, n)
	r := batch.Values[int32](out)[:n]
	if a.mask != 0 && batch.ASCII(a.data[a.off[0]:a.off[n]]) {
		for i := range r {
			r[i] = int32(a.off[i+1] - a.off[i])
		}
		return nil
	}
	for i := range r {
		r[i] = int32(chars.Count(a.at(i)))
	}
	return nil
}

func byteLengths(_ *Context, args []*batch.Vector, n int, _ batch.Bitmap, out *batch.Vector) error {
	a := viewText(args[0])
	out.Reset(tInt4, n)
	r := batch.Values[int32](out)[:n]
	for i := range r {
		r[i] = int32(len(a.at(i)))
	}
	return nil
}

func initcap(dst, s []byte) []byte {
	dst = notNil(dst)
	start := true
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRune(s[i:])
		if start {
			dst = utf8.AppendRune(dst, unicode.ToUpper(r))
		} else {
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
		start = !unicode.IsLetter(r) && !unicode.IsDigit(r)
		i += size
	}
	return dst
}

func negativeLength() error {
	return errs.New(errs.SubstringError, "negative substring length not allowed")
}

// bounds returns the wanted characters or bytes as a half-open range from 0.
func bounds(start, length int64, limited bool) (from, to int64, err error) {
	const all = 1 << 62
	from, to = start-1, all
	if limited {
		if length < 0 {
			return 0, 0, negativeLength()
		}
		to = from + length
	}
	return max(from, 0), max(to, 0), nil
}

func substring(dst, s []byte, start, length int64, limited bool) ([]byte, error) {
	dst = notNil(dst)
	from, to, err := bounds(start, length, limited)
	if err != nil {
		return dst, err
	}
	return append(dst, charRange(s, from, to)...), nil
}

// charRange returns characters [from, to) of s.
func charRange(s []byte, from, to int64) []byte {
	i := chars.Skip(s, from)
	return s[i : i+chars.Skip(s[i:], to-max(from, 0))]
}

func subbytes(dst, s []byte, start, length int64, limited bool) ([]byte, error) {
	dst = notNil(dst)
	from, to, err := bounds(start, length, limited)
	if err != nil {
		return dst, err
	}
	from = min(from, int64(len(s)))
	return append(dst, s[from:max(from, min(to, int64(len(s))))]...), nil
}

// charPosition returns the character position of sub in s from 1, 0 when it is not there.
func charPosition(s, sub []byte) int {
	i := bytes.Index(s, sub)
	if i < 0 {
		return 0
	}
	return utf8.RuneCount(s[:i]) + 1
}

func reverse(dst, s []byte) []byte {
	dst = notNil(dst)
	for len(s) > 0 {
		_, size := utf8.DecodeLastRune(s)
		dst = append(dst, s[len(s)-size:]...)
		s = s[:len(s)-size]
	}
	return dst
}

// replaced appends s with to in place of each from. The places are counted first, so that the length is known.
func (r *row) replaced(dst, s, from, to []byte) ([]byte, error) {
	if len(from) == 0 || len(s) < len(from) {
		return r.append(dst, s)
	}
	if len(to) > len(from) {
		var err error
		if dst, err = r.Room(dst, len(s)+bytes.Count(s, from)*(len(to)-len(from))); err != nil {
			return dst, err
		}
	}
	for {
		i := bytes.Index(s, from)
		if i < 0 {
			return append(dst, s...), nil
		}
		dst = append(append(dst, s[:i]...), to...)
		s = s[i+len(from):]
		if err := r.Worked(i + len(to)); err != nil {
			return dst, err
		}
	}
}

// leftChars returns the first n characters, or all but the last -n.
func leftChars(s []byte, n int) []byte {
	if n < 0 {
		n = utf8.RuneCount(s) + n
	}
	return s[:chars.Skip(s, int64(n))]
}

func rightChars(s []byte, n int) []byte {
	if n < 0 {
		return s[chars.Skip(s, -int64(n)):]
	}
	return s[chars.Skip(s, int64(utf8.RuneCount(s)-n)):]
}

// translated replaces each character that is in from by the one at the same place in to, or drops it.
func (r *row) translated(dst, s, from, to []byte) ([]byte, error) {
	if len(to) > chars.Count(to) && len(s) > heapFree { // a character may become one of four bytes
		var err error
		if dst, err = r.Room(dst, utf8.UTFMax*len(s)); err != nil {
			return dst, err
		}
	}
	for len(s) > 0 {
		_, size := utf8.DecodeRune(s)
		c := s[:size]
		s = s[size:]
		if err := r.Worked(size + len(from)/16); err != nil {
			return dst, err
		}
		i := bytes.Index(from, c)
		if i < 0 {
			dst = append(dst, c...)
			continue
		}
		n := int64(utf8.RuneCount(from[:i]))
		dst = append(dst, charRange(to, n, n+1)...)
	}
	return dst, nil
}

func splitPart(dst, s, sep []byte, n int) ([]byte, error) {
	dst = notNil(dst)
	if n == 0 {
		return dst, errs.New(errs.InvalidParameterValue, "field position must not be zero")
	}
	if len(sep) == 0 {
		if n == 1 || n == -1 {
			return append(dst, s...), nil
		}
		return dst, nil
	}
	if len(s) == 0 {
		return dst, nil
	}
	if n < 0 {
		if n += bytes.Count(s, sep) + 2; n < 1 {
			return dst, nil
		}
	}
	for ; n > 1; n-- {
		i := bytes.Index(s, sep)
		if i < 0 {
			return dst, nil
		}
		s = s[i+len(sep):]
	}
	if i := bytes.Index(s, sep); i >= 0 {
		s = s[:i]
	}
	return append(dst, s...), nil
}

func chr(dst []byte, n int) ([]byte, error) {
	switch {
	case n < 0:
		return dst, errs.New(errs.InvalidParameterValue, "character number must be positive")
	case n == 0:
		return dst, errs.New(errs.ProgramLimitExceeded, "null character not permitted")
	case n >= 0xd800 && n < 0xe000:
		return dst, errs.New(errs.ProgramLimitExceeded, "requested character not valid for encoding: %d", n)
	case n > unicode.MaxRune:
		return dst, errs.New(errs.ProgramLimitExceeded, "requested character too large for encoding: %d", n)
	}
	return utf8.AppendRune(notNil(dst), rune(n)), nil
}
