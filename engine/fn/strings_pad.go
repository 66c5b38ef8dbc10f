package fn

import (
	"bytes"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/engine/fn/chars"
)

// trims registers the trim family. trim(both from x) is btrim.
func trims() {
	for _, t := range []struct {
		name        string
		left, right bool
	}{{"btrim", true, true}, {"ltrim", true, false}, {"rtrim", false, true}} {
		totalText(t.name, list(tText), func(r *row, dst []byte) []byte {
			return append(notNil(dst), trimSet(r.bytes(0), []byte{' '}, t.left, t.right)...)
		})
		totalText(t.name, list(tText, tText), func(r *row, dst []byte) []byte {
			return append(notNil(dst), trimSet(r.bytes(0), r.bytes(1), t.left, t.right)...)
		})
	}
}

// trimSet cuts characters of a set off the ends.
func trimSet(s, set []byte, left, right bool) []byte {
	for left && len(s) > 0 {
		_, size := utf8.DecodeRune(s)
		if !bytes.Contains(set, s[:size]) {
			break
		}
		s = s[size:]
	}
	for right && len(s) > 0 {
		_, size := utf8.DecodeLastRune(s)
		if !bytes.Contains(set, s[len(s)-size:]) {
			break
		}
		s = s[:len(s)-size]
	}
	return s
}

func pads() {
	blank := []byte{' '}
	for _, left := range []bool{true, false} {
		name := "rpad"
		if left {
			name = "lpad"
		}
		textFn(name, list(tText, tInt4), func(_ *Context, r *row, dst []byte) ([]byte, error) {
			return r.pad(dst, r.bytes(0), blank, r.int4(1), left)
		})
		textFn(name, list(tText, tInt4, tText), func(_ *Context, r *row, dst []byte) ([]byte, error) {
			return r.pad(dst, r.bytes(0), r.bytes(2), r.int4(1), left)
		})
	}
	textFn("repeat", list(tText, tInt4), func(_ *Context, r *row, dst []byte) ([]byte, error) {
		s, n := r.bytes(0), max(r.int4(1), 0)
		if len(s)*n > maxText {
			return dst, tooLong()
		}
		dst, err := r.Room(notNil(dst), len(s)*n)
		if err != nil {
			return dst, err
		}
		return r.repeat(dst, s, len(s)*n)
	})
}

// repeat appends n bytes of s over and over. There must be room for them.
func (r *row) repeat(dst, s []byte, n int) ([]byte, error) {
	start := len(dst)
	for n > 0 && len(s) > 0 {
		// What is written already is copied, from its start, in pieces that grow.
		piece := s
		if have := len(dst) - start; have > len(s) {
			piece = dst[start : start+min(have, workLook)/len(s)*len(s)]
			if len(piece) == 0 {
				piece = s
			}
		}
		piece = piece[:min(n, len(piece))]
		dst = append(dst, piece...)
		n -= len(piece)
		if err := r.Worked(len(piece)); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// pad brings s to n characters with those of fill.
func (r *row) pad(dst, s, fill []byte, n int, left bool) ([]byte, error) {
	if 4*n > maxText {
		return dst, tooLong()
	}
	dst = notNil(dst)
	have := chars.Count(s)
	if have >= n || len(fill) == 0 {
		return append(dst, s[:chars.Skip(s, int64(n))]...), nil
	}
	each := chars.Count(fill)
	whole, rest := (n-have)/each, chars.Skip(fill, int64((n-have)%each))
	size := whole*len(fill) + rest
	dst, err := r.Room(dst, len(s)+size)
	if err != nil {
		return dst, err
	}
	if !left {
		dst = append(dst, s...)
	}
	if dst, err = r.repeat(dst, fill, size); err != nil {
		return dst, err
	}
	if left {
		dst = append(dst, s...)
	}
	return dst, nil
}
