package batch

import "testing"

func TestASCII(t *testing.T) {
	for n := range 100 {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i) & 0x7f
		}
		d := &Dictionary{Heap: b}
		if !ASCII(b) || !d.ASCII() || !d.ASCII() {
			t.Fatalf("%d bytes of ASCII are none", n)
		}
		for i := range b {
			b[i] |= 0x80
			if d := (&Dictionary{Heap: b}); ASCII(b) || d.ASCII() || d.ASCII() {
				t.Fatalf("byte %d of %d is none of ASCII", i, n)
			}
			b[i] &= 0x7f
		}
	}
}
