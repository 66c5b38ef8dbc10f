package types

import "github.com/siltstone-db/siltstone/storage/types/datetime"

// Settings are the session's settings that text forms depend on. The zero Settings are UTC and the wall clock.
type Settings struct {
	datetime.Settings
	ByteaEscape bool // bytea_output = escape
	// Names knows how regclass and its kin print; nil: as numbers. It is a pointer, so that Settings can be compared.
	Names Namer
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
