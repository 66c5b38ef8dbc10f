package csv

import (
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
)

// scanRow finds the fields of the next row and returns its length with the line end; ok is false at the end of the
// data. Positions count from the start of the window, which Fill keeps, so a row may come in any number of reads.
func (r *Reader) scanRow() (n int, ok bool, err error) {
	r.count, r.scratch = 0, r.scratch[:0]
	buf := r.in.Window()
	if len(buf) == 0 {
		if ok, err := r.in.Fill(); !ok || err != nil {
			return 0, false, r.fail(err)
		}
		buf = r.in.Window()
	}
	class := &r.class
	start, p := 0, 0
	for {
		for p < len(buf) && class[buf[p]] == plain {
			p++
		}
		if p == len(buf) {
			more, err := r.in.Fill()
			if err != nil {
				return 0, false, r.fail(err)
			}
			buf = r.in.Window()
			if !more {
				return r.endOfData(buf, start)
			}
			continue
		}
		switch class[buf[p]] {
		case isDelimiter:
			r.add(field{start: start, end: p})
			p++
			start = p
		case isLineEnd:
			size, err := r.lineEndAt(p)
			buf = r.in.Window()
			if err != nil {
				return 0, false, err
			}
			if size == 0 {
				p++
				continue
			}
			r.add(field{start: start, end: p})
			r.line++
			if r.count == 1 && p == 2 && buf[0] == '\\' && buf[1] == '.' {
				return 0, false, nil
			}
			return p + size, true, nil
		case isQuote:
			done, next, err := r.quoted(start, p)
			if err != nil {
				return 0, false, err
			}
			buf = r.in.Window()
			p = next
			switch done {
			case endField:
				start = p
			case endRow:
				r.line++
				return p, true, nil
			case endData:
				return p, true, nil
			}
		}
	}
}

// What a quoted field ended with.
type ending uint8

const (
	endField ending = iota
	endRow
	endData
)

// quoted reads a field that has quotes into scratch. start is where the field begins, p its first quote; next is
// behind the delimiter or line end.
func (r *Reader) quoted(start, p int) (end ending, next int, err error) {
	from := len(r.scratch)
	buf := r.in.Window()
	r.scratch = append(r.scratch, buf[start:p]...)
	quote, escape := r.opts.Quote, r.opts.Escape
	inside := false
	for {
		if p == len(buf) {
			more, err := r.in.Fill()
			if err != nil {
				return 0, 0, r.fail(err)
			}
			if buf = r.in.Window(); !more {
				if inside {
					r.line++
					return 0, 0, format.RowError(format.BadCopy("unterminated CSV quoted field"), r.opts.Table, r.line, buf)
				}
				r.line++
				r.add(field{from, len(r.scratch), true})
				return endData, p, nil
			}
		}
		c := buf[p]
		if inside {
			switch {
			case c == escape && escape != quote:
				if p+1 == len(buf) {
					if more, err := r.in.Fill(); err != nil {
						return 0, 0, r.fail(err)
					} else if buf = r.in.Window(); more {
						continue
					}
				} else if d := buf[p+1]; d == escape || d == quote {
					r.scratch = append(r.scratch, d)
					p += 2
					continue
				}
				r.scratch = append(r.scratch, c)
			case c == quote && escape == quote:
				if p+1 == len(buf) {
					if more, err := r.in.Fill(); err != nil {
						return 0, 0, r.fail(err)
					} else if buf = r.in.Window(); more {
						continue
					}
				} else if buf[p+1] == quote {
					r.scratch = append(r.scratch, quote)
					p += 2
					continue
				}
				inside = false
			case c == quote:
				inside = false
			case c == '\n' || c == '\r':
				// PostgreSQL's count: lines of the first row are not known for lines yet.
				if c == '\n' && r.lineEnd == eolLF || c == '\r' && r.lineEnd != eolLF {
					r.line++
				}
				r.scratch = append(r.scratch, c)
			default:
				q := p + 1
				for q < len(buf) && buf[q] != quote && buf[q] != escape && buf[q] != '\n' && buf[q] != '\r' {
					q++
				}
				r.scratch = append(r.scratch, buf[p:q]...)
				p = q
				continue
			}
			p++
			continue
		}
		switch r.class[c] {
		case isQuote:
			inside = true
		case isDelimiter:
			r.add(field{from, len(r.scratch), true})
			return endField, p + 1, nil
		case isLineEnd:
			size, err := r.lineEndAt(p)
			buf = r.in.Window()
			if err != nil {
				return 0, 0, err
			}
			if size > 0 {
				r.add(field{from, len(r.scratch), true})
				return endRow, p + size, nil
			}
			r.scratch = append(r.scratch, c)
		default:
			r.scratch = append(r.scratch, c)
		}
		p++
	}
}

// add takes note of a field; those beyond the columns are only counted.
func (r *Reader) add(f field) {
	if r.count < len(r.fields) {
		r.fields[r.count] = f
	}
	r.count++
}

// endOfData ends a row that has no line end, if there is one.
func (r *Reader) endOfData(buf []byte, start int) (n int, ok bool, err error) {
	if len(buf) == 0 {
		return 0, false, nil
	}
	r.line++
	r.add(field{start: start, end: len(buf)})
	if r.count == 1 && string(buf) == `\.` {
		return 0, false, nil
	}
	return len(buf), true, nil
}

// lineEndAt returns the length of the line end at p. It decides with the first one how lines end; a stray CR or LF is
// 22P04 afterwards. It may fill the window.
func (r *Reader) lineEndAt(p int) (size int, err error) {
	c := r.in.Window()[p]
	if c == '\n' {
		switch r.lineEnd {
		case eolUnknown:
			r.lineEnd = eolLF
		case eolCR, eolCRLF:
			return 0, r.stray("newline")
		}
		return 1, nil
	}
	switch r.lineEnd {
	case eolLF:
		return 0, r.stray("carriage return")
	case eolCR:
		return 1, nil
	}
	if p+1 == len(r.in.Window()) {
		if _, err := r.in.Fill(); err != nil {
			return 0, r.fail(err)
		}
	}
	if buf := r.in.Window(); p+1 < len(buf) && buf[p+1] == '\n' {
		r.lineEnd = eolCRLF
		return 2, nil
	}
	if r.lineEnd == eolCRLF {
		return 0, r.stray("carriage return")
	}
	r.lineEnd = eolCR
	return 1, nil
}

func (r *Reader) stray(what string) error {
	err := format.BadCopy("unquoted %s found in data", what).
		WithHint("Use quoted CSV field to represent %s.", what)
	return format.LineError(err, r.opts.Table, r.line+1)
}

// fail gives a failure to read its place.
func (r *Reader) fail(err error) error {
	if err == nil {
		return nil
	}
	if errs.Is(err, errs.ProgramLimitExceeded) {
		return format.LineError(err, r.opts.Table, r.line+1)
	}
	return err
}
