package tokens

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/record"
)

// Dump prints a token file as offset, bytes and meaning, and returns the first damage it meets.
func Dump(w io.Writer, f record.Source) error { return record.Dump(w, f, describe) }

// describe lists the idempotency tokens of a record: what is kept of a key is its hash.
func describe(r record.Frame) (string, []string, error) {
	n := len(r.Payload) / entryBytes
	text := fmt.Sprintf("%d tokens", n)
	if len(r.Payload)%entryBytes != 0 {
		return text, nil, errs.Corrupt("%d bytes are no whole tokens", len(r.Payload))
	}
	lines := make([]string, 0, n)
	for b := r.Payload; len(b) > 0; b = b[entryBytes:] {
		lines = append(lines, fmt.Sprintf("%x: record %d, %d rows at %s, content %016x", b[:16], binary.LittleEndian.Uint64(b[16:]),
			binary.LittleEndian.Uint64(b[24:]), time.Unix(int64(binary.LittleEndian.Uint64(b[32:])), 0).UTC().Format(time.DateTime), binary.LittleEndian.Uint64(b[40:])))
	}
	return text, lines, nil
}
