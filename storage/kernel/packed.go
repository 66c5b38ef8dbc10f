package kernel

// packedChunk values are unpacked at once on their way to a comparison: 1 KiB of stack, always in L1.
const packedChunk = 256

// PackedRange sets bit i of out where lo <= base + value i <= hi, for n packed values: the range moves into the packed
// domain, and each value is compared right after it was unpacked.
func PackedRange(src []byte, width uint8, n int, base, lo, hi int64, out []uint64) {
	lo, span, verdict := PackedBounds(width, base, lo, hi)
	switch verdict {
	case None:
		clear(out[:words(n)])
	case All:
		clear(out[:words(n)])
		SetRange(out, 0, n)
	default:
		packedRange(src, width, n, uint64(lo), span, out)
	}
}

// Verdict says of a set of rows what a condition makes of them.
type Verdict uint8

// The verdicts.
const (
	Some Verdict = iota // not known
	None                // no row satisfies the condition
	All                 // every row does (every row that is not NULL)
)

// PackedBounds moves the range [lo, hi] into the domain of values packed as width bits over base: x satisfies it where
// packed-from <= span, unsigned.
func PackedBounds(width uint8, base, lo, hi int64) (from int64, span uint64, v Verdict) {
	top := ^uint64(0)
	if width < 64 {
		top = 1<<width - 1
	}
	if lo > hi || hi < base {
		return 0, 0, None
	}
	a := uint64(0)
	if lo > base {
		a = uint64(lo) - uint64(base)
	}
	b := uint64(hi) - uint64(base)
	if a > top {
		return 0, 0, None
	}
	b = min(b, top)
	if a == 0 && b == top {
		return 0, 0, All
	}
	return int64(a), b - a, Some
}

func packedRange(src []byte, width uint8, n int, from, span uint64, out []uint64) {
	if width > 32 {
		packedRange64(src, width, n, from, span, out)
		return
	}
	var t [packedChunk]uint32
	for i := 0; i < n; i += packedChunk {
		part := t[:min(packedChunk, n-i)]
		Unpack32(part, src[i*int(width)/8:], width)
		RangeCodes(part, uint32(from), uint32(span), out[i>>6:])
	}
}

func packedRange64(src []byte, width uint8, n int, from, span uint64, out []uint64) {
	var t [packedChunk]uint64
	for i := 0; i < n; i += packedChunk {
		part := t[:min(packedChunk, n-i)]
		Unpack64(part, src[i*int(width)/8:], width)
		for w := 0; w<<6 < len(part); w++ {
			var m uint64
			for j, x := range part[w<<6 : min(w<<6+64, len(part))] {
				m |= Bit(x-from <= span) << (uint(j) & 63)
			}
			out[i>>6+w] = m
		}
	}
}

// RangeCodes sets bit i of out where from <= v[i] <= from+span.
func RangeCodes(v []uint32, from, span uint32, out []uint64) {
	n := len(v) >> 6
	if wide && n > 0 {
		ranges32(&v[0], n, from, span, &out[:n][0])
	} else {
		for w := range n {
			out[w] = rangeCodes((*[64]uint32)(v[w<<6:]), from, span)
		}
	}
	if n<<6 < len(v) {
		var m uint64
		for i, x := range v[n<<6:] {
			m |= Bit(x-from <= span) << uint(i)
		}
		out[n] = m
	}
}

func rangeCodes(x *[64]uint32, from, span uint32) uint64 {
	var m uint64
	for i := 0; i < 64; i += 8 {
		b := Bit(x[i]-from <= span) |
			Bit(x[i+1]-from <= span)<<1 |
			Bit(x[i+2]-from <= span)<<2 |
			Bit(x[i+3]-from <= span)<<3 |
			Bit(x[i+4]-from <= span)<<4 |
			Bit(x[i+5]-from <= span)<<5 |
			Bit(x[i+6]-from <= span)<<6 |
			Bit(x[i+7]-from <= span)<<7
		m |= b << (uint(i) & 63)
	}
	return m
}

// CodeBits sets bit i of out to bit codes[i] of set.
func CodeBits(codes []uint32, set []uint64, out []uint64) {
	for w := 0; w<<6 < len(codes); w++ {
		var m uint64
		for i, c := range codes[w<<6 : min(w<<6+64, len(codes))] {
			m |= (set[c>>6] >> (c & 63) & 1) << (uint(i) & 63)
		}
		out[w] = m
	}
}

// PackedCodeBits sets bit i of out to bit base + value i of set, for n packed values.
func PackedCodeBits(src []byte, width uint8, n int, base uint32, set []uint64, out []uint64) {
	var t [packedChunk]uint32
	for i := 0; i < n; i += packedChunk {
		part := t[:min(packedChunk, n-i)]
		Unpack32(part, src[i*int(width)/8:], width)
		if base != 0 {
			for j := range part {
				part[j] += base
			}
		}
		CodeBits(part, set, out[i>>6:])
	}
}
