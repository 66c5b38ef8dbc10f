package catalog

import (
	"math"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/quantity"
)

// Retention is how long something is kept: 0 as the database has it, else one more than a duration.
type Retention int64

// Forever is a duration that does not end.
const Forever = time.Duration(math.MaxInt64)

const (
	retainForever Retention = math.MaxInt64
	forever                 = "forever"
)

// For returns how long that is; byDefault is how the database has it.
func (r Retention) For(byDefault time.Duration) time.Duration {
	switch r {
	case 0:
		return byDefault
	case retainForever:
		return Forever
	}
	return time.Duration(r - 1)
}

// parseRetention reads a duration, 0 or forever.
func parseRetention(text string) (Retention, error) {
	switch strings.ToLower(text) {
	case forever:
		return retainForever, nil
	case "0":
		return 1, nil
	}
	d, err := quantity.ParseDuration(text)
	if err == nil && d >= Forever-1 {
		err = errs.New(errs.InvalidParameterValue, "%q is out of range", text)
	}
	return Retention(d) + 1, err
}

// String prints what parseRetention reads, of one that is not 0.
func (r Retention) String() string {
	switch r {
	case 1:
		return "0"
	case retainForever:
		return forever
	}
	text, _ := quantity.Time.Format(int64(r-1)/int64(time.Microsecond), 1, 1)
	return text
}
