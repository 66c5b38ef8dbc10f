package csv

import (
	"github.com/siltstone-db/siltstone/storage/format"
)

// scanRow finds the fields of the next row and returns its length with the line end; ok is false at the end of the
// data. Positions count from the start of the window, which Fill keeps, so a row may come in any number of reads.
func (r *Reader) scanRow() (n int, ok bool, err error) {
	r.count, r.scratch = 0, r.scratch[:0]
	if cap(r.scratch) > format.LongRowBytes { // of a row that was charged as long
		r.scratch = nil
	}
	buf := r.in.Window()
	if len(buf) == 0 {
		if ok, err := r.in.Fill(); !ok || err != nil {
			return 0, false, r.lines.Fail(err)
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
				return 0, false, r.lines.Fail(err)
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
			size, err := r.lines.End(p)
			buf = r.in.Window()
			if err != nil {
				return 0, false, err
			}
			if size == 0 {
				p++
				continue
			}
			r.add(field{start: start, end: p})
			r.lines.Read++
			if r.count == 1 && r.isEndMark(buf[:p]) {
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
				r.lines.Read++
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
	inside := false
	for {
		if p == len(buf) {
			more, err := r.in.Fill()
			if err != nil {
				return 0, 0, r.lines.Fail(err)
			}
			if buf = r.in.Window(); !more {
				if inside {
					r.lines.Read++
					return 0, 0, format.RowError(format.BadCopy("unterminated CSV quoted field"), r.opts.Table, r.lines.Read, buf)
				}
				r.lines.Read++
				r.add(field{from, len(r.scratch), true})
				return endData, p, nil
			}
		}
		c := buf[p]
		if inside {
			if p, inside, err = r.insideQuotes(p); err != nil {
				return 0, 0, err
			}
			buf = r.in.Window()
			continue
		}
		switch r.class[c] {
		case isQuote:
			inside = true
		case isDelimiter:
			r.add(field{from, len(r.scratch), true})
			return endField, p + 1, nil
		case isLineEnd:
			size, err := r.lines.End(p)
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

// insideQuotes reads on from p, which is between quotes and in the window, and returns where it stands then and whether
// that is still between quotes. It may have to see what comes next: then p stays, and the window is larger.
func (r *Reader) insideQuotes(p int) (next int, inside bool, err error) {
	buf := r.in.Window()
	quote, escape := r.opts.Quote, r.opts.Escape
	c := buf[p]
	if c == escape && p+1 == len(buf) {
		more, err := r.in.Fill()
		if err != nil {
			return 0, false, r.lines.Fail(err)
		}
		if more {
			return p, true, nil
		}
		buf = r.in.Window()
	}
	switch {
	case c == escape && p+1 < len(buf) && (buf[p+1] == quote || buf[p+1] == escape):
		r.scratch = append(r.scratch, buf[p+1])
		return p + 2, true, nil
	case c == quote:
		return p + 1, false, nil
	case c == escape:
		r.scratch = append(r.scratch, c)
	case c == '\n' || c == '\r':
		r.lines.CountData(c)
		r.scratch = append(r.scratch, c)
	default:
		q := p + 1
		for q < len(buf) && buf[q] != quote && buf[q] != escape && buf[q] != '\n' && buf[q] != '\r' {
			q++
		}
		r.scratch = append(r.scratch, buf[p:q]...)
		return q, true, nil
	}
	return p + 1, true, nil
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
	r.lines.Read++
	r.add(field{start: start, end: len(buf)})
	if r.count == 1 && r.isEndMark(buf) {
		return 0, false, nil
	}
	return len(buf), true, nil
}

// isEndMark tells whether a line ends the data.
func (r *Reader) isEndMark(line []byte) bool { return string(line) == `\.` && !r.opts.NoEndMark }
