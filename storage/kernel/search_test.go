package kernel

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestSearch compares with bytes.Index: texts at every place of data of every length around the blocks, and random
// data of few different bytes, in which candidates are many.
func TestSearch(t *testing.T) {
	for size := range 200 {
		for n := 1; n <= 40; n += 1 + n/8 {
			data, text := bytes.Repeat([]byte{'.'}, size), bytes.Repeat([]byte{'x'}, n)
			text[0], text[n-1] = 'a', 'z'
			for at := 0; at+n <= size; at += 1 + size/64 {
				copy(data[at:], text)
				if got := Search(data[:size:size], text); got != at {
					t.Fatalf("%d bytes in %d at %d: %d", n, size, at, got)
				}
				copy(data[at:], bytes.Repeat([]byte{'.'}, n))
			}
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20000 {
		data, text := make([]byte, rng.IntN(600)), make([]byte, rng.IntN(6))
		letters := 1 + rng.IntN(6)
		for i := range data {
			data[i] = byte(rng.IntN(letters))
		}
		for i := range text {
			text[i] = byte(rng.IntN(letters))
		}
		if got, want := Search(data, text), bytes.Index(data, text); got != want {
			t.Fatalf("%v in %v: %d, want %d", text, data, got, want)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	data := make([]byte, 1<<20)
	const letters = "/?&=.abcdefghijklmnopqrstuvwxyz0123456789"
	for i := range data {
		data[i] = letters[rng.IntN(len(letters))]
	}
	text := []byte("google")
	for name, search := range map[string]func(data, text []byte) int{"pairs": Search, "bytes": bytes.Index} {
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				search(data, text)
			}
		})
	}
}
