package copytext

import (
	"bytes"
	"io"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Reader reads COPY text into batches.
type Reader struct {
	opts  Options
	null  string
	cols  []format.Column
	in    *format.Input
	lines format.Lines // of in
	build *format.Builder
	notes *format.Notes
	class [256]byte

	index   int64 // rows seen so far
	bad     int   // column that refused the row at hand, -1 for none in particular
	started bool
	done    bool

	fields  []field
	count   int // fields of the row, also those beyond the columns
	length  int // bytes of the row without its line end
	scratch []byte
}

// field is one field of the row at hand: bytes [start, end) of the window.
type field struct {
	start, end int
	escaped    bool // it holds backslashes
}

// Classes of bytes.
const (
	plain byte = iota
	isDelimiter
	isBackslash
	isLineEnd
)

// NewReader returns a Reader of src for columns in the order in which rows have them.
func NewReader(src io.Reader, opts Options, cols []format.Column) (*Reader, error) {
	opts.EnsureDefaults()
	if err := opts.Validate(); err != nil {
		return nil, err
	}
	r := &Reader{
		opts: opts, null: *opts.Null, cols: cols,
		in:     format.NewInput(src, opts.Limits),
		build:  format.NewBuilder(cols, &opts.Settings),
		notes:  opts.Notes.Ready(),
		fields: make([]field, len(cols)+1),
	}
	r.notes.Context = format.CopyContext(opts.Table)
	r.lines = format.Lines{Input: r.in, Table: opts.Table}
	r.class['\n'], r.class['\r'], r.class['\\'] = isLineEnd, isLineEnd, isBackslash
	r.class[opts.Delimiter] = isDelimiter
	return r, nil
}

// Read fills out with up to maxRows rows; more is false when the data has ended, and out may then hold the last rows.
// After an error out has the rows in front of it and the Reader is of no further use.
func (r *Reader) Read(out *batch.Batch, maxRows int) (more bool, err error) {
	r.build.Begin(out, maxRows)
	r.notes.Begin()
	if err = r.header(); err == nil {
		err = r.rows()
	}
	r.build.Finish()
	return !r.done && err == nil, err
}

// rows reads the rows of a batch.
func (r *Reader) rows() error {
	for !r.done && !r.build.Full() && !r.notes.Full() {
		n, ok, err := r.scanRow()
		if err != nil {
			return err
		}
		if !ok {
			r.done = true
			return nil
		}
		r.index++
		if err := r.appendRow(r.in.Window()[:n]); err != nil {
			if err := r.reject(err); err != nil {
				return err
			}
		}
		r.in.Advance(n)
	}
	return nil
}

// reject drops a row that cannot be read.
func (r *Reader) reject(cause error) error {
	r.build.DropRow()
	b := format.BadRow{Index: r.index - 1, Line: r.lines.Read, Text: r.in.Window()[:r.length], Err: errs.From(cause)}
	if r.bad >= 0 {
		b.Column = r.cols[r.bad].Name
	}
	return r.notes.Reject(b)
}

// header skips the header, once.
func (r *Reader) header() error {
	if r.started {
		return nil
	}
	r.started = true
	if r.opts.Header == format.NoHeader {
		return nil
	}
	n, ok, err := r.scanRow()
	if err != nil {
		return err
	}
	if !ok {
		r.done = true
		return nil
	}
	if r.opts.Header == format.MatchHeader {
		row := r.in.Window()[:r.length]
		if err := r.matchHeader(row); err != nil {
			return format.RowError(err, r.opts.Table, r.lines.Read, row)
		}
	}
	r.in.Advance(n)
	return nil
}

func (r *Reader) matchHeader(row []byte) error {
	return format.CheckHeader(r.cols, r.count, r.null, func(i int) ([]byte, bool) {
		f := r.fields[i]
		text := row[f.start:f.end]
		if string(text) == r.null {
			return nil, true
		}
		if f.escaped {
			text = r.unescape(text)
		}
		return text, false
	})
}

// appendRow parses the fields of a line into the batch.
func (r *Reader) appendRow(line []byte) error {
	r.bad = -1
	if !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0 {
		return format.LineError(types.CheckUTF8(line), r.opts.Table, r.lines.Read)
	}
	row := line[:r.length]
	if r.count > len(r.cols) && !(len(r.cols) == 0 && len(row) == 0) {
		return format.RowError(format.BadCopy("extra data after last expected column"), r.opts.Table, r.lines.Read, row)
	}
	for i := range r.cols {
		if i >= r.count {
			r.bad = i
			return format.RowError(format.BadCopy("missing data for column %q", r.cols[i].Name), r.opts.Table, r.lines.Read, row)
		}
		f := r.fields[i]
		text := row[f.start:f.end]
		var err error
		switch {
		case len(text) == len(r.null) && string(text) == r.null:
			r.build.Null(i)
			continue
		case len(text) > r.opts.Limits.FieldBytes:
			err, text = format.TooLong("field", r.opts.Limits.FieldBytes), text[:min(len(text), 200)]
		case f.escaped:
			text = r.unescape(text)
			if err = r.checkEscaped(text); err != nil {
				r.bad = i
				return format.RowError(err, r.opts.Table, r.lines.Read, row)
			}
			err = r.build.Text(i, text)
		default:
			err = r.build.Text(i, text)
		}
		if err != nil {
			r.bad = i
			return format.FieldError(err, r.opts.Table, r.lines.Read, r.cols[i].Name, text)
		}
	}
	nulled := r.build.EndRow()
	r.notes.Row(r.index-1, r.lines.Read, row, nulled)
	return nil
}

func (r *Reader) checkEscaped(text []byte) error {
	if utf8.Valid(text) && bytes.IndexByte(text, 0) < 0 {
		return nil
	}
	return types.CheckUTF8(text)
}

// unescape resolves backslashes into scratch, whose contents last until the next call.
func (r *Reader) unescape(s []byte) []byte {
	out := r.scratch[:0]
	if cap(out) > format.LongRowBytes { // of a row that was charged as long
		out = nil
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '\\' {
			out = append(out, c)
			continue
		}
		if i++; i == len(s) {
			break // a backslash at the end of the data stands for nothing
		}
		switch c = s[i]; {
		case c-'0' < 8:
			v := int(c - '0')
			for n := 1; n < 3 && i+1 < len(s) && s[i+1]-'0' < 8; n++ {
				i++
				v = v<<3 | int(s[i]-'0')
			}
			c = byte(v)
		case c == 'x' && i+1 < len(s) && hex(s[i+1]) >= 0:
			i++
			v := hex(s[i])
			if i+1 < len(s) && hex(s[i+1]) >= 0 {
				i++
				v = v<<4 | hex(s[i])
			}
			c = byte(v)
		case c == 'b':
			c = '\b'
		case c == 'f':
			c = '\f'
		case c == 'n':
			c = '\n'
		case c == 'r':
			c = '\r'
		case c == 't':
			c = '\t'
		case c == 'v':
			c = '\v'
		}
		out = append(out, c)
	}
	r.scratch = out
	return out
}

func hex(c byte) int {
	switch {
	case c-'0' < 10:
		return int(c - '0')
	case c|0x20-'a' < 6 && c|0x20 >= 'a':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// scanRow finds the fields of the next row and returns its length with the line end; ok is false at the end of the
// data. Positions count from the start of the window, which Fill keeps, so a row may come in any number of reads.
func (r *Reader) scanRow() (n int, ok bool, err error) {
	r.count = 0
	buf := r.in.Window()
	class := &r.class
	start, p, escaped := 0, 0, false
	for {
		for p < len(buf) && class[buf[p]] == plain {
			p++
		}
		if p == len(buf) || p+1 == len(buf) && (buf[p] == '\\' || buf[p] == '\r') {
			more, err := r.in.Fill()
			if err != nil {
				return 0, false, r.lines.Fail(err)
			}
			buf = r.in.Window()
			if more {
				continue
			}
			if p == len(buf) || class[buf[p]] == isBackslash {
				return r.endOfData(buf, start, escaped)
			}
		}
		switch class[buf[p]] {
		case isDelimiter:
			r.add(start, p, escaped)
			p++
			start, escaped = p, false
		case isBackslash:
			if buf[p+1] == '.' {
				return r.endMarker(p)
			}
			if buf[p+1] == '\n' {
				r.lines.Read++ // an escaped line end is data
			}
			escaped = true
			p += 2
		case isLineEnd:
			size, err := r.lines.End(p)
			if err != nil {
				return 0, false, err
			}
			r.add(start, p, escaped)
			r.lines.Read++
			r.length = p
			return p + size, true, nil
		}
	}
}

// endMarker takes \. at the start of a line as the end of the data.
func (r *Reader) endMarker(p int) (n int, ok bool, err error) {
	if p == 0 {
		if len(r.in.Window()) == 2 {
			if _, err := r.in.Fill(); err != nil {
				return 0, false, r.lines.Fail(err)
			}
		}
		if buf := r.in.Window(); len(buf) > 2 && (buf[2] == '\n' || buf[2] == '\r') {
			return 0, false, nil
		}
	}
	return 0, false, format.LineError(format.BadCopy("end-of-copy marker corrupt"), r.opts.Table, r.lines.Read+1)
}

func (r *Reader) add(start, end int, escaped bool) {
	if r.count < len(r.fields) {
		r.fields[r.count] = field{start, end, escaped}
	}
	r.count++
}

// endOfData ends a row that has no line end, if there is one.
func (r *Reader) endOfData(buf []byte, start int, escaped bool) (n int, ok bool, err error) {
	if len(buf) == 0 {
		return 0, false, nil
	}
	r.lines.Read++
	r.add(start, len(buf), escaped || bytes.IndexByte(buf[start:], '\\') >= 0)
	r.length = len(buf)
	return len(buf), true, nil
}
