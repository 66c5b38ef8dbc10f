// Package quantity reads and prints sizes and durations as people write them: in settings (SET work_mem = '64MB'), in
// options of tables (seal_age = '10 min') and in flags (--memory 4GiB). A quantity is a number, which may have a
// fraction, and the name of a unit:
//
//	 1.5 GB          sizes      B kB MB GB TB, each 1024 times the one before, as PostgreSQL counts
//	^^^^ ^^          durations  us ms s min h d
//	number  unit
//
// Units is the one type; Bytes and Time are its two values. Nothing here keeps state.
package quantity

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Unit is one unit: its name as PostgreSQL spells it, and how many of the least unit it is.
type Unit struct {
	Name string
	Size int64
	also string // other spellings for Parse, in lower case, with a space around each
}

// Units are the units of one kind of quantity, the least first.
type Units []Unit

var (
	// Bytes are the units of sizes. kB and KiB are the same: powers of 1024, as in PostgreSQL.
	Bytes = Units{{"B", 1, ""}, {"kB", 1 << 10, " k kib "}, {"MB", 1 << 20, " m mib "}, {"GB", 1 << 30, " g gib "}, {"TB", 1 << 40, " t tib "}}
	// Time are the units of durations, in microseconds.
	Time = Units{{"us", 1, ""}, {"ms", 1e3, ""}, {"s", 1e6, " sec second seconds "}, {"min", 60e6, " minute minutes "},
		{"h", 3600e6, " hour hours "}, {"d", 86400e6, " day days "}}
)

// Size returns the size of a unit by PostgreSQL's name for it, in its case.
func (u Units) Size(name string) (int64, bool) {
	for _, one := range u {
		if one.Name == name {
			return one.Size, true
		}
	}
	return 0, false
}

// Names lists the names of the units as a sentence does: "ms", "s", and "min".
func (u Units) Names() string {
	var b strings.Builder
	for i, one := range u {
		switch {
		case i == len(u)-1 && i > 0:
			b.WriteString(", and ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(strconv.Quote(one.Name))
	}
	return b.String()
}

// any returns the size of a unit by any of its names, in any case.
func (u Units) any(name string) (int64, bool) {
	name = strings.ToLower(name)
	for _, one := range u {
		if strings.ToLower(one.Name) == name || strings.Contains(one.also, " "+name+" ") {
			return one.Size, true
		}
	}
	return 0, false
}

// Split cuts a quantity into its number and the name of its unit, "" when there is none. Either may be nonsense.
func Split(text string) (number, unit string) {
	text = strings.TrimSpace(text)
	end := strings.LastIndexAny(text, "0123456789.") + 1
	return strings.TrimSpace(text[:end]), strings.TrimSpace(text[end:])
}

// Parse returns a quantity that is not negative, in the least unit, rounded down. What has no unit is in bare.
func (u Units) Parse(text string, bare int64) (int64, error) {
	number, name := Split(text)
	size := bare
	if name != "" {
		var ok bool
		if size, ok = u.any(name); !ok {
			return 0, errs.New(errs.InvalidParameterValue, "invalid unit %q in %q", name, text).WithHint("Valid units are %s.", u.Names())
		}
	}
	if size == 0 {
		return 0, errs.New(errs.InvalidParameterValue, "%q has no unit", text).WithHint("Valid units are %s.", u.Names())
	}
	if n, err := strconv.ParseInt(number, 10, 64); err == nil { // a float has 53 bits only
		if n < 0 || n > math.MaxInt64/size {
			return 0, outOfRange(text)
		}
		return n * size, nil
	}
	f, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(f) {
		return 0, errs.New(errs.InvalidParameterValue, "%q is not a number with a unit", text).WithHint("Valid units are %s.", u.Names())
	}
	if f *= float64(size); f < 0 || f >= math.MaxInt64 {
		return 0, outOfRange(text)
	}
	return int64(f), nil
}

func outOfRange(text string) error {
	return errs.New(errs.InvalidParameterValue, "%q is out of range", text)
}

// ParseBytes returns a size: a plain number is in bytes.
func ParseBytes(text string) (int64, error) { return Bytes.Parse(text, 1) }

// ParseDuration returns a duration, which must have a unit.
func ParseDuration(text string) (time.Duration, error) {
	us, err := Time.Parse(text, 0)
	if err == nil && us > math.MaxInt64/int64(time.Microsecond) {
		err = outOfRange(text)
	}
	if err != nil {
		return 0, err
	}
	return time.Duration(us) * time.Microsecond, nil
}

// Format returns n of a unit of a size, in the largest unit that divides it, but none below least.
func (u Units) Format(n, size, least int64) (string, bool) {
	if size > 1 && n > math.MaxInt64/size {
		return "", false
	}
	total := n * size
	for i := len(u) - 1; i >= 0 && u[i].Size >= least; i-- {
		if total >= u[i].Size && total%u[i].Size == 0 {
			return strconv.FormatInt(total/u[i].Size, 10) + u[i].Name, true
		}
	}
	return "", false
}
