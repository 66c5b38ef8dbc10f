package types

import (
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

// Settings are the session's settings that text forms depend on. The zero Settings are UTC and the wall clock.
type Settings struct {
	datetime.Settings
	ByteaEscape bool // bytea_output = escape
	// FloatDigits is how many digits fewer than the shortest exact text floats print: extra_float_digits less one where that
	// is negative, 0 otherwise.
	FloatDigits int
	// Names knows how regclass and its kin print; nil: as numbers. It is a pointer, so that Settings can be compared.
	Names Namer
}

// TextParameters are the session's parameters that Apply knows, besides the time zone.
var TextParameters = [...]string{"bytea_output", "datestyle", "extra_float_digits"}

// Apply takes the value of one of TextParameters over, as the session keeps it.
func (s *Settings) Apply(name, value string) {
	switch name {
	case "bytea_output":
		s.ByteaEscape = value == "escape"
	case "datestyle":
		switch {
		case strings.HasSuffix(value, "DMY"):
			s.Order = datetime.DMY
		case strings.HasSuffix(value, "YMD"):
			s.Order = datetime.YMD
		default:
			s.Order = datetime.MDY
		}
	case "extra_float_digits":
		n, err := strconv.Atoi(value)
		if s.FloatDigits = min(n-1, 0); err != nil {
			s.FloatDigits = 0
		}
	}
}

// Namer tells the name of an object of the catalog.
type Namer interface {
	// RegName returns what the number of d, a regclass, regtype, regproc or regnamespace, stands for; false when there
	// is nothing.
	RegName(d Datum) (name string, ok bool)
}

// clock returns the part that dates and times need, nil of nil.
func (s *Settings) clock() *datetime.Settings {
	if s == nil {
		return nil
	}
	return &s.Settings
}
