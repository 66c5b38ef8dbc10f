package batch

import (
	"encoding/binary"

	"github.com/siltstone-db/siltstone/storage/types"
)

// ResetPacked makes v see packed words that somebody else owns.
func (v *Vector) ResetPacked(t types.Type, base int64, width uint8, words []byte, n int) {
	v.Type, v.Form, v.Len, v.Valid = t, Packed, n, nil
	v.Codes, v.Dict, v.Offsets = nil, nil, nil
	v.Data, v.Base, v.Width = words, base, width
}

// Unpack returns row i of a packed vector.
func (v *Vector) Unpack(i int) int64 {
	if v.Width == 0 {
		return v.Base
	}
	bit := uint(i) * uint(v.Width)
	word, shift := int(bit>>6), bit&63
	x := v.word(word) >> shift
	if shift+uint(v.Width) > 64 {
		x |= v.word(word+1) << (64 - shift)
	}
	if v.Width < 64 {
		x &= 1<<v.Width - 1
	}
	return v.Base + int64(x)
}

func (v *Vector) word(i int) uint64 {
	b := v.Data[i*8:]
	if len(b) >= 8 {
		return binary.LittleEndian.Uint64(b)
	}
	var t [8]byte
	copy(t[:], b)
	return binary.LittleEndian.Uint64(t[:])
}

func (v *Vector) putInt(i int, x int64) {
	switch v.Type.Physical() {
	case types.PhysInt16:
		Values[int16](v)[i] = int16(x)
	case types.PhysInt32:
		Values[int32](v)[i] = int32(x)
	case types.PhysInt64:
		Values[int64](v)[i] = x
	}
}
