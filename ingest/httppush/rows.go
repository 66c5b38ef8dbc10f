package httppush

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	formatcsv "github.com/siltstone-db/siltstone/storage/format/csv"
	"github.com/siltstone-db/siltstone/storage/format/ndjson"
	"github.com/siltstone-db/siltstone/storage/table"
)

// opened is a body whose media type is known: which columns its rows have (nil: all, by name), and how they are read.
type opened struct {
	columns []int
	reader  func(src io.Reader, to *table.Appender, limits format.Limits) (table.Reader, error)
	src     io.Reader // the rows
}

// open finds out what a body holds.
func open(r *http.Request, body io.Reader, t *catalog.Table) (opened, error) {
	switch mediaOf(r) {
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/json-lines":
		return opened{reader: lines(t), src: body}, nil
	case "application/json":
		return opened{reader: lines(t), src: newArrayReader(body)}, nil
	case "text/csv":
		return openCSV(body, t)
	}
	return opened{}, withStatus(http.StatusUnsupportedMediaType,
		errs.New(errs.FeatureNotSupported, "content type %.60q is not supported", r.Header.Get("Content-Type")).
			WithHint("Use application/x-ndjson, application/json or text/csv."))
}

func lines(t *catalog.Table) func(io.Reader, *table.Appender, format.Limits) (table.Reader, error) {
	return func(src io.Reader, to *table.Appender, limits format.Limits) (table.Reader, error) {
		return ndjson.NewReader(src, ndjson.Options{Table: t.Name, Notes: to.Notes(), Limits: limits, Refuse: func(name string) error { return refused(t, t.Column(name)) }}, to.Columns()), nil
	}
}

// refused tells what is wrong with a value of a column, given by its ordinal: one that is computed of others takes none.
func refused(t *catalog.Table, column int) error {
	if column < 0 || !t.Columns[column].Generated {
		return nil
	}
	return errs.New(errs.GeneratedAlways, "cannot insert a non-DEFAULT value into column %q", t.Columns[column].Name).
		WithDetail("Column %q is a generated column.", t.Columns[column].Name)
}

// headerMaxLine bounds the first line of a CSV.
const headerMaxLine = 256 << 10

// openCSV reads the header, which names the columns that rows have.
func openCSV(body io.Reader, t *catalog.Table) (opened, error) {
	buf := bufio.NewReaderSize(body, headerMaxLine)
	names, err := csvHeader(buf)
	if err != nil {
		return opened{}, err
	}
	columns := make([]int, 0, len(names))
	there := make([]bool, len(t.Columns))
	for _, name := range names {
		i := t.Column(name)
		switch {
		case i < 0:
			return opened{}, errs.New(errs.UndefinedColumn, "column %q of relation %q does not exist", name, t.Name)
		case there[i]:
			return opened{}, errs.New(errs.DuplicateColumn, "column %q specified more than once", name)
		}
		if err := refused(t, i); err != nil {
			return opened{}, err
		}
		there[i] = true
		columns = append(columns, i)
	}
	read := func(src io.Reader, to *table.Appender, limits format.Limits) (table.Reader, error) {
		return formatcsv.NewReader(src, formatcsv.Options{Table: t.Name, NoEndMark: true, Notes: to.Notes(), Limits: limits}, to.Columns())
	}
	return opened{columns: columns, reader: read, src: buf}, nil
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
