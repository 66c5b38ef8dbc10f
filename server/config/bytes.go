package config

import (
	"fmt"
	"math"
	"strconv"

	"github.com/siltstone-db/siltstone/storage/quantity"
)

// Bytes is a number of bytes, written as 512MiB, 4G or 1000000.
type Bytes int64

// UnmarshalText reads a number with an optional unit.
func (b *Bytes) UnmarshalText(text []byte) error {
	n, err := quantity.ParseBytes(string(text))
	if err != nil || n > math.MaxInt64/2 { // sums of two must not overflow
		return fmt.Errorf("%q is not a number of bytes; write 512MiB or 4GiB", text)
	}
	*b = Bytes(n)
	return nil
}

// String returns the number with the largest unit that divides it.
func (b Bytes) String() string {
	if text, ok := quantity.Bytes.Format(int64(b), 1, 1<<10); ok {
		return text
	}
	return strconv.FormatInt(int64(b), 10)
}
