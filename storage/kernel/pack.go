package kernel

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"github.com/parquet-go/bitpack"
)

// Values are packed LSB first without gaps: value i is the width bits at bit i*width. This is Parquet's order and Arrow's,
// and the vector instructions of parquet-go/bitpack unpack it at 30 GB/s of output, so no lane transposition is needed.

// PackPadding is the bytes after packed values that the fast loops may read. Without them the last values take a slow
// loop; the answer is the same.
const PackPadding = 32

// PackedBytes returns the bytes of n values of width bits.
func PackedBytes(n int, width uint8) int { return (n*int(width) + 7) >> 3 }

// Width returns the bits that values from 0 to span need.
func Width(span uint64) uint8 { return uint8(bits.Len64(span)) }

// Pack64 packs values of at most width bits into dst, which has at least PackedBytes bytes, all zero.
func Pack64(dst []byte, v []uint64, width uint8) {
	switch {
	case width == 0 || len(v) == 0:
	case width == 64:
		copy(dst, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*8))
	default:
		pack(dst, v, uint(width))
	}
}

func pack(dst []byte, v []uint64, width uint) {
	var acc uint64
	var fill uint
	for _, x := range v {
		acc |= x << fill
		fill += width
		if fill >= 64 {
			binary.LittleEndian.PutUint64(dst, acc)
			dst = dst[8:]
			fill -= 64
			acc = x >> (width - fill)
		}
	}
	for fill > 0 {
		dst[0] = byte(acc)
		dst, acc = dst[1:], acc>>8
		fill -= min(fill, 8)
	}
}

// Unpack32 unpacks len(dst) values of width bits, at most 32, from the start of src.
func Unpack32(dst []uint32, src []byte, width uint8) {
	n := fastValues(len(dst), len(src), width)
	switch {
	case width == 0:
		clear(dst)
		return
	case n > 0:
		bitpack.Unpack(unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(dst))), n), src, uint(width))
	}
	for i := n; i < len(dst); i++ {
		dst[i] = uint32(UnpackAt(src, i, width))
	}
}

// Unpack64 unpacks len(dst) values of width bits, at most 64, from the start of src.
func Unpack64(dst []uint64, src []byte, width uint8) {
	n := fastValues(len(dst), len(src), width)
	switch {
	case width == 0:
		clear(dst)
		return
	case n > 0:
		bitpack.Unpack(unsafe.Slice((*int64)(unsafe.Pointer(unsafe.SliceData(dst))), n), src, uint(width))
	}
	for i := n; i < len(dst); i++ {
		dst[i] = UnpackAt(src, i, width)
	}
}

// fastValues returns how many of n values can be unpacked with PackPadding readable bytes behind them, in whole bytes of
// packed values.
func fastValues(n, bytes int, width uint8) int {
	if PackedBytes(n, width)+PackPadding <= bytes {
		return n
	}
	if width == 0 || bytes <= PackPadding {
		return 0
	}
	return min(n, (bytes-PackPadding)*8/int(width)) &^ 63
}

// UnpackAt returns value i.
func UnpackAt(src []byte, i int, width uint8) uint64 {
	if width == 0 {
		return 0
	}
	bit := uint(i) * uint(width)
	at, shift := bit>>3, bit&7
	var t [9]byte
	p := src[at:]
	if len(p) < 9 {
		copy(t[:], p)
		p = t[:]
	}
	x := binary.LittleEndian.Uint64(p) >> shift
	if shift+uint(width) > 64 {
		x |= uint64(p[8]) << (64 - shift)
	}
	return x & (^uint64(0) >> (64 - width))
}

// GatherPacked sets dst[i] = base + value idx[i].
func GatherPacked[T Integer](dst []T, src []byte, width uint8, base int64, idx []uint16) {
	dst = dst[:len(idx)]
	if width == 0 {
		for i := range dst {
			dst[i] = T(base)
		}
		return
	}
	mask := ^uint64(0) >> (64 - width)
	for i, j := range idx {
		bit := uint(j) * uint(width)
		at, shift := bit>>3, bit&7
		var x uint64
		if at+8 <= uint(len(src)) && shift+uint(width) <= 64 {
			x = binary.LittleEndian.Uint64(src[at:]) >> shift & mask
		} else {
			x = UnpackAt(src, int(j), width)
		}
		dst[i] = T(base + int64(x))
	}
}

// UnpackInts unpacks len(dst) values and adds base to each.
func UnpackInts[T Integer](dst []T, src []byte, width uint8, base int64) {
	if width > 32 {
		var t [256]uint64
		for len(dst) > 0 {
			part := t[:min(len(t), len(dst))]
			Unpack64(part, src, width)
			for i, x := range part {
				dst[i] = T(base + int64(x))
			}
			dst = dst[len(part):]
			src = src[min(len(src), len(part)*int(width)/8):]
		}
		return
	}
	if unsafe.Sizeof(*new(T)) == 4 {
		u := unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(dst))), len(dst))
		Unpack32(u, src, width)
		if base != 0 {
			for i := range u {
				u[i] += uint32(base)
			}
		}
		return
	}
	var t [256]uint32
	for len(dst) > 0 {
		part := t[:min(len(t), len(dst))]
		Unpack32(part, src, width)
		for i, x := range part {
			dst[i] = T(base + int64(x))
		}
		dst = dst[len(part):]
		src = src[min(len(src), len(part)*int(width)/8):]
	}
}
