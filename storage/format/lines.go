package format

import (
	"errors"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Header says what the first line of a text format of COPY is.
type Header uint8

// The kinds of header.
const (
	NoHeader    Header = iota
	WithHeader         // skipped when reading, written when writing
	MatchHeader        // must name the columns, in order
)

// CheckHeader compares a header of count fields with the columns. field returns a field and whether it reads as NULL.
func CheckHeader(cols []Column, count int, null string, field func(i int) (text []byte, isNull bool)) error {
	if count != len(cols) {
		return BadCopy("wrong number of fields in header line: got %d, expected %d", count, len(cols))
	}
	for i, c := range cols {
		const differs = "column name mismatch in header line field %d: got %s\"%s\"%s, expected \"%s\""
		switch text, isNull := field(i); {
		case isNull:
			return BadCopy(differs, i+1, "null value (", null, ")", c.Name)
		case string(text) != c.Name:
			return BadCopy(differs, i+1, "", text, "", c.Name)
		}
	}
	return nil
}

// CheckDelimiter refuses what neither text nor csv can take.
func CheckDelimiter(delimiter byte, null string) error {
	switch {
	case delimiter == '\r' || delimiter == '\n':
		return errs.New(errs.InvalidParameterValue, "COPY delimiter cannot be newline or carriage return")
	case delimiter >= 0x80:
		return errs.New(errs.FeatureNotSupported, "COPY delimiter must be a single one-byte character")
	case strings.ContainsAny(null, "\r\n"):
		return errs.New(errs.InvalidParameterValue, "COPY null representation cannot use newline or carriage return")
	case strings.IndexByte(null, delimiter) >= 0:
		return errs.New(errs.InvalidParameterValue, "COPY delimiter character must not appear in the NULL specification")
	}
	return nil
}

// Lines is where a reader of text or csv is in its Input, and how lines end there, which the first one decides. Only
// line ends that are no data come here: not those in quotes or behind a backslash.
type Lines struct {
	Input  *Input
	Table  string // for errors
	Quoted bool   // csv: how errors say to write a line end that is data
	Read   int64  // lines read so far
	end    lineEnd
}

type lineEnd uint8

const (
	endUnknown lineEnd = iota
	endLF
	endCR
	endCRLF
)

// End returns the length of the line end at p of the window. It may fill the window, which stays in place but for its
// bytes. A line end of another kind than the first is 22P04.
func (l *Lines) End(p int) (size int, err error) {
	if l.Input.Window()[p] == '\n' {
		if l.end == endCR || l.end == endCRLF {
			return 0, l.stray("newline", `\n`)
		}
		l.end = endLF
		return 1, nil
	}
	switch l.end {
	case endLF:
		return 0, l.stray("carriage return", `\r`)
	case endCR:
		return 1, nil
	}
	if p+1 == len(l.Input.Window()) {
		if _, err := l.Input.Fill(); err != nil {
			return 0, l.Fail(err)
		}
	}
	if w := l.Input.Window(); p+1 < len(w) && w[p+1] == '\n' {
		l.end = endCRLF
		return 2, nil
	}
	if l.end == endCRLF {
		return 0, l.stray("carriage return", `\r`)
	}
	l.end = endCR
	return 1, nil
}

// CountData counts a line end that is data, as PostgreSQL does: those before the first real one are not known to be lines.
func (l *Lines) CountData(c byte) {
	if c == '\n' && l.end == endLF || c == '\r' && l.end != endLF {
		l.Read++
	}
}

func (l *Lines) stray(what, escape string) error {
	err := BadCopy("literal %s found in data", what).WithHint("Use \"%s\" to represent %s.", escape, what)
	if l.Quoted {
		err = BadCopy("unquoted %s found in data", what).WithHint("Use quoted CSV field to represent %s.", what)
	}
	return LineError(err, l.Table, l.Read+1)
}

// Fail gives an error of the input the line that was being read. Errors without a SQLSTATE stay as they are, for those
// who know the input.
func (l *Lines) Fail(err error) error {
	var e *errs.Error
	if errors.As(err, &e) {
		return LineError(err, l.Table, l.Read+1)
	}
	return err
}
