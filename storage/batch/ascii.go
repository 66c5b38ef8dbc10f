package batch

import (
	"encoding/binary"
	"sync/atomic"
)

const (
	asciiYes = 1
	asciiNo  = 2
)

// ASCII tells whether every byte of the dictionary is one of ASCII: lengths in characters are then those in bytes. The
// first call looks at all of them, at some GB a second; the dictionary must not grow any more.
func (d *Dictionary) ASCII() bool {
	switch atomic.LoadUint32(&d.ascii) {
	case asciiYes:
		return true
	case asciiNo:
		return false
	}
	if !ASCII(d.Heap) {
		atomic.StoreUint32(&d.ascii, asciiNo)
		return false
	}
	atomic.StoreUint32(&d.ascii, asciiYes)
	return true
}

// SetASCII says what ASCII would find out, for who knows it. It is called before the dictionary is shared.
func (d *Dictionary) SetASCII(yes bool) {
	d.ascii = asciiNo
	if yes {
		d.ascii = asciiYes
	}
}

// ASCII tells whether all bytes are below 0x80.
func ASCII(b []byte) bool {
	const high = 0x8080808080808080
	for ; len(b) >= 32; b = b[32:] {
		w := binary.LittleEndian.Uint64(b) | binary.LittleEndian.Uint64(b[8:]) |
			binary.LittleEndian.Uint64(b[16:]) | binary.LittleEndian.Uint64(b[24:])
		if w&high != 0 {
			return false
		}
	}
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
