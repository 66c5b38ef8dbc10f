package table

import (
	"github.com/klauspost/compress/s2"

	"github.com/siltstone-db/siltstone/storage/field"
)

// plainMax is the longest payload that AppendPlain makes: longer ones stay as they are, since a reader must hold them.
const plainMax = 64 << 20

// AppendPlain appends a payload with sections that are not compressed, for who compresses the whole of it, and better: it
// reads as the same write. One that would become longer than 64 MiB is appended as it is.
func AppendPlain(dst, payload []byte) ([]byte, error) {
	var total uint64
	r := field.NewReader("log record of a write", payload)
	for r.Next() {
		if r.Number() != 14 {
			total += uint64(len(r.Whole()))
			continue
		}
		for s := r.Record("section of a write"); s.Next(); {
			if s.Number() == 12 {
				total += min(s.Uint(), bodyMax)
			}
		}
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	if total > plainMax {
		return append(dst, payload...), nil
	}
	w := field.NewWriter(dst)
	var head, body []byte
	for r := field.NewReader("log record of a write", payload); r.Next(); {
		if r.Number() != 14 {
			w.Keep(r.Whole())
			continue
		}
		var codec, plain uint64
		var stored []byte
		h := field.NewWriter(head[:0])
		for s := r.Record("section of a write"); s.Next(); {
			switch s.Number() {
			case 10:
				codec = s.Uint()
			case 14:
				stored = s.Bytes()
			case 12:
				plain = s.Uint()
				h.Keep(s.Whole())
			default:
				h.Keep(s.Whole())
			}
		}
		head = h.Record()
		if codec != codecS2 {
			w.Keep(r.Whole())
			continue
		}
		n, err := s2.DecodedLen(stored)
		if err != nil || uint64(n) != plain {
			return nil, malformed("compressed section")
		}
		if body, err = s2.Decode(body[:cap(body)], stored); err != nil {
			return nil, malformed("compressed section")
		}
		w.Enclose(14, head, 14, body)
	}
	return w.Record(), nil
}
