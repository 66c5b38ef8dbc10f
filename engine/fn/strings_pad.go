package fn

import (
	"bytes"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/engine/fn/chars"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// maxText is the longest string a function may build, PostgreSQL's limit of 1 GB.
const maxText = 1 << 30

func tooLong() error {
	return errs.New(errs.ProgramLimitExceeded, "requested length too large")
}

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
			return pad(dst, r.bytes(0), blank, r.int4(1), left)
		})
		textFn(name, list(tText, tInt4, tText), func(_ *Context, r *row, dst []byte) ([]byte, error) {
			return pad(dst, r.bytes(0), r.bytes(2), r.int4(1), left)
		})
	}
	textFn("repeat", list(tText, tInt4), func(_ *Context, r *row, dst []byte) ([]byte, error) {
		s, n := r.bytes(0), max(r.int4(1), 0)
		if len(s)*n > maxText {
			return dst, tooLong()
		}
		dst = notNil(dst)
		for range n {
			dst = append(dst, s...)
		}
		return dst, nil
	})
}

func pad(dst, s, fill []byte, n int, left bool) ([]byte, error) {
	if n > maxText/4 {
		return dst, tooLong()
	}
	dst = notNil(dst)
	have := utf8.RuneCount(s)
	if have >= n || len(fill) == 0 {
		return append(dst, s[:chars.Skip(s, int64(n))]...), nil
	}
	if !left {
		dst = append(dst, s...)
	}
	for need, rest := n-have, fill; need > 0; need-- {
		if len(rest) == 0 {
			rest = fill
		}
		_, size := utf8.DecodeRune(rest)
		dst = append(dst, rest[:size]...)
		rest = rest[size:]
	}
	if left {
		dst = append(dst, s...)
	}
	return dst, nil
}
