package ndjson

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Reader reads NDJSON into batches.
type Reader struct {
	opts    Options
	cols    []format.Column
	sorted  []int // columns by name
	in      *format.Input
	build   *format.Builder
	notes   *format.Notes
	started bool
	done    bool
	index   int64 // of the row at hand
	line    int64

	// predicted holds, for the k-th key of a row, the column that the k-th key of an earlier row was: most streams
	// write their keys in one order, and then no key is ever looked up.
	predicted []int32
	values    []value
	parser    parser
	scratch   []byte
	badColumn string // of the row at hand
}

// value is what the row at hand says of a column.
type value struct {
	row        int64 // index + 1 of the row that set it
	start, end int   // the text in the line, for strings without quotes
	kind       kind
}

// NewReader returns a Reader of src. The columns are those that keys may name, in the order that batches have them.
func NewReader(src io.Reader, opts Options, cols []format.Column) *Reader {
	opts.Limits.EnsureDefaults()
	r := &Reader{
		opts: opts, cols: cols,
		in:        format.NewInput(src, opts.Limits),
		build:     format.NewBuilder(cols, &opts.Settings),
		notes:     opts.Notes.Ready(),
		predicted: make([]int32, len(cols)),
		values:    make([]value, len(cols)),
		index:     -1,
	}
	r.notes.Context = func(b *format.BadRow) string { return r.context(b.Line, b.Column) }
	for i := range cols {
		r.sorted = append(r.sorted, i)
		r.predicted[i] = int32(i)
	}
	slices.SortFunc(r.sorted, func(a, b int) int { return cmp.Compare(cols[a].Name, cols[b].Name) })
	return r
}

// Rows returns the rows read so far, rejected ones included.
func (r *Reader) Rows() int64 { return r.index + 1 }

// Read fills out with up to maxRows rows; more is false when the data has ended, and out may then hold the last rows.
// After an error out has the rows in front of it and the Reader is of no further use.
func (r *Reader) Read(out *batch.Batch, maxRows int) (more bool, err error) {
	r.build.Begin(out, maxRows)
	r.notes.Begin()
	for err == nil && !r.done && !r.build.Full() && !r.notes.Full() {
		err = r.readRow()
	}
	r.build.Finish()
	return !r.done && err == nil, err
}

// readRow reads the next line.
func (r *Reader) readRow() error {
	line, n, err := r.nextLine()
	if err != nil {
		return err
	}
	if n == 0 {
		r.done = true
		return nil
	}
	if !blank(line) {
		r.index++
		if err := r.appendRow(line); err != nil {
			if err := r.reject(err, line); err != nil {
				return err
			}
		}
	}
	r.in.Advance(n)
	return nil
}

// reject drops the row at hand and hands the reason on.
func (r *Reader) reject(cause error, line []byte) error {
	r.build.DropRow()
	e := *errs.From(cause)
	if e.Context == "" {
		e.Context = r.context(r.line, r.badColumn)
	}
	return r.notes.Reject(format.BadRow{Index: r.index, Line: r.line, Column: r.badColumn, Text: line, Err: &e})
}

// context tells where an error is.
func (r *Reader) context(line int64, column string) string {
	where := fmt.Sprintf("NDJSON %s, line %d", r.opts.Table, line)
	if column != "" {
		where += ", column " + column
	}
	return where
}

// nextLine returns the next line and its length with the line end, 0 at the end of the data.
func (r *Reader) nextLine() (line []byte, n int, err error) {
	if !r.started {
		r.started = true
		for len(r.in.Window()) < 3 {
			if ok, err := r.in.Fill(); err != nil {
				return nil, 0, err
			} else if !ok {
				break
			}
		}
		if bytes.HasPrefix(r.in.Window(), []byte("\xef\xbb\xbf")) {
			r.in.Advance(3)
		}
	}
	r.line++
	for from := 0; ; {
		buf := r.in.Window()
		if i := bytes.IndexByte(buf[from:], '\n'); i >= 0 {
			return buf[:from+i], from + i + 1, nil
		}
		from = len(buf)
		ok, err := r.in.Fill()
		if err != nil {
			if errs.Is(err, errs.ProgramLimitExceeded) {
				r.index++
				r.badColumn = ""
				e := *errs.From(err)
				e.WithContext("NDJSON %s, line %d", r.opts.Table, r.line)
				err = &format.BadRow{Index: r.index, Line: r.line, Err: &e}
			}
			return nil, 0, err
		}
		if !ok {
			buf = r.in.Window()
			return buf, len(buf), nil
		}
	}
}

func blank(line []byte) bool {
	for _, c := range line {
		if !isSpace(c) {
			return false
		}
	}
	return true
}

// appendRow parses one object into the batch.
func (r *Reader) appendRow(line []byte) error {
	r.badColumn = ""
	if !utf8.Valid(line) || bytes.IndexByte(line, 0) >= 0 {
		return types.CheckUTF8(line)
	}
	if err := r.object(line); err != nil {
		return err
	}
	for i := range r.cols {
		v := &r.values[i]
		var err error
		switch {
		case v.row != r.index+1:
			if r.build.Default(i) {
				r.notes.Lack(i)
			}
		case v.kind == kindNull:
			r.build.Null(i)
		case r.cols[i].Type.Kind == types.JSON || r.cols[i].Type.Kind == types.JSONB:
			err = r.json(i, line, v)
		case v.end-v.start > r.opts.Limits.FieldBytes:
			err = format.TooLong("field", r.opts.Limits.FieldBytes)
		case v.kind == kindEscaped:
			if cap(r.scratch) > format.LongRowBytes { // of a row that was charged as long
				r.scratch = nil
			}
			if r.scratch, err = unescape(r.scratch[:0], line[v.start:v.end]); err == nil {
				err = r.build.Text(i, r.scratch)
			}
		default:
			err = r.build.Text(i, line[v.start:v.end])
		}
		if err != nil {
			r.badColumn = r.cols[i].Name
			return err
		}
	}
	nulled := r.build.EndRow()
	r.notes.Row(r.index, r.line, line, nulled)
	return nil
}

// json appends a value to a column of JSON: as it stands, a string with its quotes.
func (r *Reader) json(col int, line []byte, v *value) error {
	start, end := v.start, v.end
	if v.kind == kindPlain || v.kind == kindEscaped {
		start, end = start-1, end+1
	}
	if end-start > r.opts.Limits.FieldBytes {
		return format.TooLong("field", r.opts.Limits.FieldBytes)
	}
	return r.build.Text(col, line[start:end])
}

// object finds the values of a row's keys.
func (r *Reader) object(line []byte) error {
	p := &r.parser
	*p = parser{buf: line}
	p.space()
	if err := p.expect('{'); err != nil {
		return err
	}
	p.space()
	if p.take('}') {
		return r.end(p)
	}
	for k := 0; ; k++ {
		col, err := r.key(p, k)
		if err != nil {
			return err
		}
		p.space()
		if err := p.expect(':'); err != nil {
			return err
		}
		p.space()
		start, end, kind, err := p.value(2)
		if err != nil {
			if col >= 0 {
				r.badColumn = r.cols[col].Name
			}
			return err
		}
		if col >= 0 {
			r.values[col] = value{row: r.index + 1, start: start, end: end, kind: kind}
		}
		p.space()
		if p.take('}') {
			return r.end(p)
		}
		if err := p.expect(','); err != nil {
			return err
		}
		p.space()
	}
}

func (r *Reader) end(p *parser) error {
	p.space()
	if p.pos < len(p.buf) {
		return p.unexpected("end of line")
	}
	return nil
}

// key reads the k-th key and returns its column, -1 for one to skip.
func (r *Reader) key(p *parser, k int) (int, error) {
	if k < len(r.predicted) {
		c := int(r.predicted[k])
		name := r.cols[c].Name
		if n := p.pos + 1 + len(name); n < len(p.buf) && p.buf[p.pos] == '"' && p.buf[n] == '"' && string(p.buf[p.pos+1:n]) == name {
			p.pos = n + 1
			return c, nil
		}
	}
	if p.pos >= len(p.buf) || p.buf[p.pos] != '"' {
		return 0, p.unexpected("a key in double quotes")
	}
	start, end, kind, err := p.str()
	if err != nil {
		return 0, err
	}
	name := p.buf[start:end]
	if kind == kindEscaped {
		if r.scratch, err = unescape(r.scratch[:0], name); err != nil {
			return 0, err
		}
		name = r.scratch
	}
	i, ok := slices.BinarySearchFunc(r.sorted, name, func(c int, name []byte) int { return cmp.Compare(r.cols[c].Name, string(name)) })
	switch {
	case ok:
		if k < len(r.predicted) {
			r.predicted[k] = int32(r.sorted[i])
		}
		return r.sorted[i], nil
	case r.opts.IgnoreUnknown:
		return -1, nil
	}
	r.badColumn = format.Shown(name)
	if r.opts.Refuse != nil {
		if err := r.opts.Refuse(string(name)); err != nil {
			return 0, err
		}
	}
	return 0, errs.New(errs.UndefinedColumn, "column %q of relation %q does not exist", r.badColumn, r.opts.Table)
}
