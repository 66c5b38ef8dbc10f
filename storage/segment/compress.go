package segment

import (
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// How a buffer is compressed at rest. Measured on the dictionary heaps of a segment of bench/gen's hits (753,664 rows,
// 107 MB in chunks of 256 KiB, in the order of hashes), CPU time of one thread:
//
//	                stored   of plain   encode      decode
//	zstd fastest    29.1 MB  27.1 %     133 MB/s    495 MB/s
//	zstd default    27.4 MB  25.5 %      90 MB/s    631 MB/s
//	s2              39.5 MB  36.8 %     289 MB/s    843 MB/s
//	s2 better       36.1 MB  33.6 %     204 MB/s   1007 MB/s
//
// So s2 would make the file 8 % larger and save 0.6 s of the about 10 s of CPU time that loading a million of these
// rows takes, all of it in the background, and 0.1 s when a cold heap is read whole. Size won: zstd's fastest level is
// written, s2 is only read.
const (
	codecNone = 0
	codecS2   = 1
	codecZstd = 2
)

// worth tells whether compression saves enough: an eighth at least.
func worth(plain, stored int) bool { return stored <= plain-plain/8 }

// The zstd coders are shared: EncodeAll and DecodeAll may be called at once.
var (
	zstdEncoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
			zstd.WithEncoderConcurrency(2), zstd.WithSingleSegment(true), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic("zstd: " + err.Error()) // only for options out of range
		}
		return e
	})
	zstdDecoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(2*plainMax), zstd.WithDecoderLowmem(true))
		if err != nil {
			panic("zstd: " + err.Error())
		}
		return d
	})
)

// compress returns src as it should be stored, using buf's memory.
func compress(buf, src []byte) (stored []byte, codec uint8) {
	if len(src) < 256 {
		return src, codecNone
	}
	if out := zstdEncoder().EncodeAll(src, buf[:0]); worth(len(src), len(out)) {
		return out, codecZstd
	}
	return src, codecNone
}

// decompress fills dst, whose length is the plain size, from a stored buffer.
func decompress(dst, stored []byte, codec uint8) error {
	var out []byte
	var err error
	switch codec {
	case codecNone:
		if len(stored) != len(dst) {
			return errs.Corrupt("%d bytes, want %d", len(stored), len(dst))
		}
		copy(dst, stored)
		return nil
	case codecS2:
		var n int
		if n, err = s2.DecodedLen(stored); err == nil && n != len(dst) {
			return errs.Corrupt("s2 gives %d bytes, want %d", n, len(dst))
		}
		out, err = s2.Decode(dst, stored)
	case codecZstd:
		var h zstd.Header
		if err = h.Decode(stored); err == nil && (!h.HasFCS || h.FrameContentSize != uint64(len(dst))) {
			return errs.Corrupt("zstd gives %d bytes, want %d", h.FrameContentSize, len(dst))
		}
		if err == nil {
			out, err = zstdDecoder().DecodeAll(stored, dst[:0:len(dst)])
		}
	}
	if err != nil {
		return errs.Corrupt("cannot decompress %d bytes: %v", len(stored), err)
	}
	if len(out) != len(dst) || len(dst) > 0 && &out[0] != &dst[0] {
		return errs.Corrupt("decompression gives %d bytes, want %d", len(out), len(dst))
	}
	return nil
}
