package datetime

import "time"

// Settings are the session's settings that dates and times depend on. The zero ones are UTC and the wall clock.
type Settings struct {
	Location *time.Location // TimeZone; nil is UTC
	// Now is what "now" and "today" mean, in microseconds since 1970 UTC: the start of the transaction; 0 is the
	// clock's time.
	Now int64
	// Order is how the numbers of a date stand that can be read in several ways (DateStyle).
	Order Order
}

// Order is the order of day, month and year in dates such as 1/8/1999.
type Order uint8

// The orders.
const (
	MDY Order = iota
	DMY
	YMD
)

func (s *Settings) order() Order {
	if s == nil {
		return MDY
	}
	return s.Order
}

// Zone returns the time zone, also of nil.
func (s *Settings) Zone() *time.Location {
	if s == nil || s.Location == nil {
		return time.UTC
	}
	return s.Location
}

func (s *Settings) now() int64 {
	if s == nil || s.Now == 0 {
		return time.Now().UnixMicro()
	}
	return s.Now
}
