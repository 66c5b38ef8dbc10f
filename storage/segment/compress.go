package segment

import (
	"sync"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// How a buffer is compressed at rest. s2 is read but not written in format 1.0: on heaps of dictionaries, whose order
// is random, zstd's fastest level saved a third more and its 0.9 GB/s is paid only when bytes enter the cache.
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
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(2*plainMax), zstd.WithDecoderLowmem(true))
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
