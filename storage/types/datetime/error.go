package datetime

import (
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
)

// dateFault is why a date or time could not be read.
type dateFault uint8

const (
	faultNone dateFault = iota
	faultFormat
	faultRange     // a field is out of range
	faultMonthDay  // so is the month or day: perhaps they were meant the other way round
	faultInterval  // an interval's field
	faultZoneRange // a zone's offset
	faultZoneName  // no such zone
)

// dateError is PostgreSQL's DateTimeParseError.
func dateError(fault dateFault, typ string, s []byte, zone string) error {
	switch fault {
	case faultRange:
		return errs.New(errs.DatetimeFieldOverflow, "date/time field value out of range: %q", ascii.Verbatim(s))
	case faultMonthDay:
		return errs.New(errs.DatetimeFieldOverflow, "date/time field value out of range: %q", ascii.Verbatim(s)).
			WithHint("Perhaps you need a different \"datestyle\" setting.")
	case faultInterval:
		return errs.New(errs.IntervalFieldOverflow, "interval field value out of range: %q", ascii.Verbatim(s))
	case faultZoneRange:
		return errs.New(errs.TimeZoneDisplacementOverflow, "time zone displacement out of range: %q", ascii.Verbatim(s))
	case faultZoneName:
		return errs.New(errs.InvalidParameterValue, "time zone %q not recognized", ascii.Verbatim(zone))
	}
	return errs.New(errs.InvalidDatetimeFormat, "invalid input syntax for type %s: %q", typ, ascii.Verbatim(s))
}
