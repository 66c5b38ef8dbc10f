// Package chars counts, skips and changes the characters of valid UTF-8.
package chars

import (
	"encoding/binary"
	"math/bits"
	"unicode"
	"unicode/utf8"
)

// Count returns the number of characters of valid UTF-8: the bytes that do not continue one (10xxxxxx), of which
// eight at a time are counted.
func Count(s []byte) int {
	const high = 0x8080808080808080
	n := len(s)
	for ; len(s) >= 8; s = s[8:] {
		if w := binary.LittleEndian.Uint64(s); w&high != 0 {
			n -= bits.OnesCount64(w &^ (w << 1) & high)
		}
	}
	for _, c := range s {
		if c&0xc0 == 0x80 {
			n--
		}
	}
	return n
}

// MapCase changes the case of every letter.
func MapCase(dst, s []byte, up bool) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			switch {
			case up && c-'a' < 26, !up && c-'A' < 26:
				c ^= 0x20
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(s[i:])
		if up {
			r = unicode.ToUpper(r)
		} else {
			r = unicode.ToLower(r)
		}
		dst = utf8.AppendRune(dst, r)
		i += size
	}
	return dst
}

// Skip returns the bytes that the first n characters of s take.
func Skip(s []byte, n int64) int {
	i := 0
	for ; n > 0 && i < len(s); n-- {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		_, size := utf8.DecodeRune(s[i:])
		i += size
	}
	return i
}
