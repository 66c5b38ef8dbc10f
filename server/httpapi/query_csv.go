package httpapi

import (
	"net/http"
	"strings"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/format/csv"
)

func wantsCSV(r *http.Request) bool {
	return r.URL.Query().Get("format") == "csv" || strings.HasPrefix(r.Header.Get("Accept"), "text/csv")
}

// csvResult is the session.Output that writes CSV as COPY ... TO (FORMAT csv, HEADER) does, with NULL and empty texts
// told apart: a push takes it back as it was.
type csvResult struct {
	result
	rows *csv.Writer
}

// Columns starts the result.
func (o *csvResult) Columns(cols []session.Column) error {
	named := make([]format.Column, len(cols))
	for i, c := range cols {
		named[i] = format.Column{Name: c.Name, Type: c.Type}
	}
	var err error
	o.rows, err = csv.NewWriter((*flushed)(&o.result), csv.Options{Header: format.WithHeader, Settings: *o.settings()}, named)
	return err
}

// Rows writes a batch.
func (o *csvResult) Rows(b *batch.Batch) error { return o.rows.Write(b) }

// flushed takes rows for a result, and sends what was collected now and then.
type flushed result

// Write takes one row.
func (f *flushed) Write(row []byte) (int, error) {
	o := (*result)(f)
	o.buf.Write(row)
	if o.buf.Len() >= resultFlushBytes {
		return len(row), o.flush()
	}
	return len(row), nil
}

// finish ends the result; an error behind its start can only be told by ending the connection.
func (o *csvResult) finish(err error) error {
	if err != nil && !o.sent {
		return err
	}
	if err == nil && o.rows != nil {
		err = o.rows.Close()
	}
	if err == nil {
		err = o.flush()
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
