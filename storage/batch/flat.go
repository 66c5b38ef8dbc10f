package batch

import (
	"encoding/binary"
	"math"
	"unsafe"

	"github.com/siltstone-db/siltstone/storage/types"
)

// AppendFlat appends the rows of a flat vector as bytes: 1 byte that tells whether there is validity, the validity, a bit
// per row in words of 8 bytes; then the values as in a vector, little-endian, booleans in words of 8 bytes; of strings 4
// bytes of length each, and then their bytes. Sections of the log and samples of segments are made of it.
func AppendFlat(dst []byte, v *Vector) []byte {
	if v.Valid == nil {
		dst = append(dst, 0)
	} else {
		dst = append(dst, 1)
		dst = append(dst, bytesOf(v.Valid[:Words(v.Len)])...)
	}
	switch p := v.Type.Physical(); p {
	case types.PhysBool:
		return append(dst, v.Data[:8*Words(v.Len)]...)
	case types.PhysBytes:
		for i := range v.Len {
			dst = binary.LittleEndian.AppendUint32(dst, v.Offsets[i+1]-v.Offsets[i])
		}
		return append(dst, v.Data[v.Offsets[0]:v.Offsets[v.Len]]...)
	default:
		return append(dst, v.Data[:v.Len*p.Width()]...)
	}
}

// ReadFlat makes v the rows that AppendFlat wrote, in memory of its own, and returns the bytes behind them; ok is false
// when b has too few or says what cannot be.
func (v *Vector) ReadFlat(b []byte, t types.Type, rows int) (rest []byte, ok bool) {
	return v.readFlat(b, t, rows, false)
}

// LendFlat is ReadFlat with strings that stay where they are: v is valid as long as b.
func (v *Vector) LendFlat(b []byte, t types.Type, rows int) (rest []byte, ok bool) {
	return v.readFlat(b, t, rows, true)
}

func (v *Vector) readFlat(b []byte, t types.Type, rows int, lend bool) (rest []byte, ok bool) {
	if len(b) == 0 || b[0] > 1 {
		return nil, false
	}
	nulls := b[0] == 1
	var valid []byte
	b = b[1:]
	if nulls {
		if valid, b, ok = cutBytes(b, 8*Words(rows)); !ok {
			return nil, false
		}
	}
	switch p := t.Physical(); p {
	case types.PhysBytes:
		var lengths, heap []byte
		if lengths, b, ok = cutBytes(b, 4*rows); !ok {
			return nil, false
		}
		size := uint64(0)
		for i := range rows {
			size += uint64(binary.LittleEndian.Uint32(lengths[4*i:]))
		}
		if size > uint64(min(len(b), math.MaxUint32)) {
			return nil, false
		}
		heap, b, _ = cutBytes(b, int(size))
		v.Reset(t, rows)
		v.endStrings(lengths)
		if lend {
			v.Data = heap[:len(heap):len(heap)]
		} else {
			v.grow(len(heap))
			v.Data = append(v.Data, heap...)
		}
	default:
		n := rows * p.Width()
		if p == types.PhysBool {
			n = 8 * Words(rows)
		}
		var values []byte
		if values, b, ok = cutBytes(b, n); !ok {
			return nil, false
		}
		v.Reset(t, rows)
		copy(v.Data, values)
	}
	if nulls {
		copy(bytesOf(v.Nulls(rows)), valid)
	}
	return b, true
}

// endStrings gives an empty vector the ends of strings that stand one after the other.
func (v *Vector) endStrings(lengths []byte) {
	at := uint32(0)
	for i := 0; i < len(lengths); i += 4 {
		at += binary.LittleEndian.Uint32(lengths[i:])
		v.Offsets = append(v.Offsets, at)
	}
	v.own.offsets, v.Len = v.Offsets, len(lengths)/4
}

func cutBytes(b []byte, n int) (head, rest []byte, ok bool) {
	if n > len(b) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

func bytesOf(w []uint64) []byte {
	if len(w) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), len(w)*8)
}
