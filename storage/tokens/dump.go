package tokens

import (
	"fmt"
	"io"
	"time"

	"github.com/siltstone-db/siltstone/storage/record"
)

// Dump prints a token file as offset, bytes and meaning, and returns the first damage it meets.
func Dump(w io.Writer, f record.Source) error { return record.Dump(w, f, describe) }

// describe lists the idempotency tokens of a record: what is kept of a key is its hash.
func describe(r record.Frame) (string, []string, error) {
	var lines []string
	err := readEntries(r.Payload, func(k token) {
		lines = append(lines, fmt.Sprintf("%x: record %d, %d rows at %s, content %016x", k.hash, k.Sequence, k.Rows,
			time.Unix(k.seconds, 0).UTC().Format(time.DateTime), k.content))
	})
	return fmt.Sprintf("%d tokens", len(lines)), lines, err
}
