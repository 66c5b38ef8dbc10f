package httppush

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	formatcsv "github.com/siltstone-db/siltstone/storage/format/csv"
	"github.com/siltstone-db/siltstone/storage/format/ndjson"
	"github.com/siltstone-db/siltstone/storage/types"
)

// rows reads the rows of a body into batches with all columns of the table, and keeps what it hears of bad ones.
type rows struct {
	read    func(out *batch.Batch, maxRows int) (more bool, err error)
	limits  format.Limits
	partial bool
	held    *held // nil: the table has no CHECK
	bad     []RowError
	badRows int64
	// first is the reason of the first bad row, whole.
	first *errs.Error
}

// openRows makes the reader for a body's media type.
func openRows(r *http.Request, body *Body, t *catalog.Table, cols []format.Column, partial bool, held *held) (*rows, error) {
	in := &rows{partial: partial, held: held, limits: format.Limits{Account: body.account}}
	switch media := mediaOf(r); media {
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-lines":
		in.read = in.ndjson(body, t, cols)
	case "application/json":
		in.read = in.ndjson(newArrayReader(body), t, cols)
	case "text/csv":
		read, err := in.csv(body, t, cols)
		if err != nil {
			return nil, err
		}
		in.read = read
	default:
		return nil, withStatus(http.StatusUnsupportedMediaType,
			errs.New(errs.FeatureNotSupported, "content type %.60q is not supported", r.Header.Get("Content-Type")).
				WithHint("Use application/x-ndjson, application/json or text/csv."))
	}
	return in, nil
}

// Read fills out with up to maxRows rows. At the end it fails when a row was bad, unless only the good ones were asked
// for.
func (in *rows) Read(out *batch.Batch, maxRows int) (more bool, err error) {
	more, err = in.read(out, maxRows)
	if err == nil && in.held != nil {
		err = in.held.keep(out, in.reject)
	}
	if err == nil && !more && in.badRows > 0 && !in.partial {
		return false, in.refusal()
	}
	return more, err
}

func (in *rows) refusal() error {
	e := *in.first
	if in.badRows > 1 {
		e.WithDetail("%d rows do not fit; nothing was stored.", in.badRows)
	} else {
		e.Detail = strings.TrimSpace(e.Detail + " Nothing was stored.")
	}
	return &Error{Err: &e, Rows: in.bad}
}

// unread rejects a row that could not be read.
func (in *rows) unread(index int64, column string, e *errs.Error) error {
	if in.held != nil {
		in.held.missed(index)
	}
	return in.reject(index, column, e)
}

// reject keeps why a row is bad. When nothing will be stored, reading ends with as many as an answer tells.
func (in *rows) reject(index int64, column string, e *errs.Error) error {
	in.badRows++
	if in.first == nil {
		in.first = e
	}
	if len(in.bad) < RowErrorsMax {
		in.bad = append(in.bad, RowError{Index: index, Column: column, Reason: reason(e), SQLState: string(e.Code)})
	}
	if !in.partial && len(in.bad) == RowErrorsMax {
		return in.refusal()
	}
	return nil
}

func (in *rows) ndjson(body io.Reader, t *catalog.Table, cols []format.Column) func(*batch.Batch, int) (bool, error) {
	r := ndjson.NewReader(body, ndjson.Options{Table: t.Name, Limits: in.limits,
		OnReject: func(e *ndjson.RowError) error { return in.unread(e.Index, e.Column, e.Err) }}, cols)
	return r.Read
}

// headerMaxLine bounds the first line of a CSV.
const headerMaxLine = 256 << 10

// csv reads the header and makes a reader of the columns that it names; the others get their defaults.
func (in *rows) csv(body io.Reader, t *catalog.Table, cols []format.Column) (func(*batch.Batch, int) (bool, error), error) {
	buf := bufio.NewReaderSize(body, headerMaxLine)
	names, err := csvHeader(buf)
	if err != nil {
		return nil, err
	}
	source := make([]int, len(cols)) // position in the file, -1 for none
	for i := range source {
		source[i] = -1
	}
	var listed []format.Column
	for k, name := range names {
		i := t.Column(name)
		switch {
		case i < 0:
			return nil, errs.New(errs.UndefinedColumn, "column %q of relation %q does not exist", name, t.Name)
		case source[i] >= 0:
			return nil, errs.New(errs.DuplicateColumn, "column %q specified more than once", name)
		}
		source[i] = k
		listed = append(listed, cols[i])
	}
	for i, c := range cols {
		if source[i] < 0 && c.Default == nil && c.NotNull {
			return nil, errs.New(errs.NotNullViolation, "null value in column %q of relation %q violates not-null constraint", c.Name, t.Name).
				WithDetail("The first line does not name the column, and it has no default.")
		}
	}
	r, err := formatcsv.NewReader(buf, formatcsv.Options{Table: t.Name, NoEndMark: true, Limits: in.limits,
		OnReject: func(e *formatcsv.RowError) error { return in.unread(e.Index, e.Column, e.Err) }}, listed)
	if err != nil {
		return nil, err
	}
	var part batch.Batch // the listed columns of out, in the order of the file
	part.Cols = make([]*batch.Vector, len(listed))
	return func(out *batch.Batch, maxRows int) (bool, error) {
		for len(out.Cols) < len(cols) {
			out.Cols = append(out.Cols, new(batch.Vector))
		}
		out.Cols, out.Len = out.Cols[:len(cols)], 0
		for i := range cols {
			if source[i] >= 0 {
				part.Cols[source[i]] = out.Cols[i]
			}
		}
		more, err := r.Read(&part, maxRows)
		if err != nil {
			return false, err
		}
		for i, c := range cols {
			if source[i] < 0 {
				fill(out.Cols[i], c, part.Len)
			}
		}
		out.Len, out.Sel = part.Len, batch.Selection{}
		return more, nil
	}, nil
}

// fill makes v a flat vector of n defaults.
func fill(v *batch.Vector, c format.Column, n int) {
	v.Reset(c.Type, 0)
	d := types.NullOf(c.Type)
	if c.Default != nil {
		d = *c.Default
	}
	for range n {
		v.AppendDatum(d)
	}
}

// csvHeader reads the first line: the names of columns, quoted like values, and with any of the line ends that rows may
// have.
func csvHeader(in *bufio.Reader) ([]string, error) {
	line, err := headerLine(in)
	if err != nil {
		return nil, err
	}
	line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
	names, err := csv.NewReader(bytes.NewReader(line)).Read()
	if err != nil || len(names) == 0 {
		return nil, errs.New(errs.BadCopyFileFormat, "the first line does not name columns").
			WithHint("The first line of text/csv names the columns.")
	}
	for i := range names {
		names[i] = strings.Clone(names[i])
	}
	return names, nil
}

// headerLine takes the first line from in and returns it without its end.
func headerLine(in *bufio.Reader) ([]byte, error) {
	quoted, at := false, 0
	for {
		b, err := in.Peek(at + 1)
		switch {
		case err == io.EOF:
			_, _ = in.Discard(at) // it has come
			return b[:at:at], nil
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, errs.New(errs.BadCopyFileFormat, "the first line is longer than %d bytes", headerMaxLine).
				WithHint("The first line of text/csv names the columns.")
		case err != nil:
			return nil, err
		}
		for b, _ = in.Peek(in.Buffered()); at < len(b); at++ { // what has come
			switch c := b[at]; {
			case c == '"':
				quoted = !quoted
			case quoted:
			case c == '\n':
				_, _ = in.Discard(at + 1)
				return b[:at], nil
			case c == '\r':
				end := at + 1
				if b, err = in.Peek(end + 1); err == nil && b[at+1] == '\n' {
					end++
				}
				_, _ = in.Discard(end)
				return b[:at], nil
			}
		}
	}
}
