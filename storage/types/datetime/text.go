package datetime

import (
	"time"

	"github.com/siltstone-db/siltstone/storage/types/ascii"
)

// AppendDate appends a date in ISO form.
func AppendDate(dst []byte, days int32) []byte {
	switch days {
	case DateInf:
		return append(dst, "infinity"...)
	case DateNegInf:
		return append(dst, "-infinity"...)
	}
	dst, bc := appendCivil(dst, days)
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

func appendCivil(dst []byte, days int32) ([]byte, bool) {
	y, m, d := CivilFromDays(days)
	bc := y <= 0
	if bc {
		y = 1 - y
	}
	if y < 10000 {
		dst = ascii.Append2(ascii.Append2(dst, y/100), y%100)
	} else {
		dst = ascii.AppendUint(dst, uint64(y))
	}
	dst = ascii.Append2(append(dst, '-'), m)
	return ascii.Append2(append(dst, '-'), d), bc
}

// AppendTime appends a time of day.
func AppendTime(dst []byte, us int64) []byte {
	sec := int(us / MicrosPerSecond)
	dst = ascii.Append2(dst, sec/3600)
	dst = ascii.Append2(append(dst, ':'), sec/60%60)
	dst = ascii.Append2(append(dst, ':'), sec%60)
	return appendFraction(dst, int(us%MicrosPerSecond))
}

// appendFraction appends microseconds without trailing zeros, nothing for 0.
func appendFraction(dst []byte, us int) []byte {
	if us == 0 {
		return dst
	}
	dst = append(dst, '.')
	dst = ascii.Append2(ascii.Append2(ascii.Append2(dst, us/10000), us/100%100), us%100)
	for dst[len(dst)-1] == '0' {
		dst = dst[:len(dst)-1]
	}
	return dst
}

// AppendTimestamp appends a timestamp without time zone in ISO form.
func AppendTimestamp(dst []byte, us int64) []byte {
	dst, bc := appendStamp(dst, us)
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

func appendStamp(dst []byte, us int64) ([]byte, bool) {
	switch us {
	case TimestampInf:
		return append(dst, "infinity"...), false
	case TimestampNegInf:
		return append(dst, "-infinity"...), false
	}
	days, micros := SplitTimestamp(us)
	dst, bc := appendCivil(dst, days)
	return AppendTime(append(dst, ' '), micros), bc
}

// AppendTimestamptz appends an instant as the wall clock of a zone with its offset. loc nil is UTC.
func AppendTimestamptz(dst []byte, us int64, loc *time.Location) []byte {
	if !IsFiniteTimestamp(us) {
		return AppendTimestamp(dst, us)
	}
	off, _ := ZoneOffset(us, loc)
	dst, bc := appendStamp(dst, us+int64(off)*MicrosPerSecond)
	dst = AppendOffset(dst, off)
	if bc {
		dst = append(dst, " BC"...)
	}
	return dst
}

// AppendOffset appends seconds east of UTC as +hh[:mm[:ss]].
func AppendOffset(dst []byte, seconds int) []byte {
	sign := byte('+')
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	dst = ascii.Append2(append(dst, sign), seconds/3600)
	if seconds%3600 != 0 {
		dst = ascii.Append2(append(dst, ':'), seconds/60%60)
	}
	if seconds%60 != 0 {
		dst = ascii.Append2(append(dst, ':'), seconds%60)
	}
	return dst
}
