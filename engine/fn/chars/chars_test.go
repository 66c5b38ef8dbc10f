package chars

import (
	"math/rand/v2"
	"testing"
	"unicode/utf8"
)

func TestCountChars(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	chars := []rune("az09/\x00\x7fäßЖ€漢𝄞😀")
	for n := range 300 {
		var s []byte
		for range n % 40 {
			s = utf8.AppendRune(s, chars[r.IntN(len(chars))])
		}
		if got, want := Count(s), utf8.RuneCount(s); got != want {
			t.Errorf("%q: %d characters, want %d", s, got, want)
		}
	}
}
