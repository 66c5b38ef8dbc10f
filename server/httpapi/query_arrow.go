package httpapi

import (
	"net/http"
	"strings"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format/arrow"
	"github.com/siltstone-db/siltstone/storage/types"
)

func wantsArrow(r *http.Request) bool {
	return r.URL.Query().Get("format") == "arrow" || strings.HasPrefix(r.Header.Get("Accept"), arrow.ContentType)
}

// arrowResult is the session.Output that writes an Arrow IPC stream: columns go out as they are, without a text form.
type arrowResult struct {
	result
	stream *arrow.Writer
	types  []types.Type
}

// Columns starts the stream.
func (o *arrowResult) Columns(cols []session.Column) error {
	names := make([]string, len(cols))
	o.types = make([]types.Type, len(cols))
	for i, c := range cols {
		names[i], o.types[i] = c.Name, c.Type
	}
	o.stream = arrow.NewWriter(&o.buf, names, o.types)
	return nil
}

// Rows writes a batch as one record.
func (o *arrowResult) Rows(b *batch.Batch) error {
	for i, v := range b.Cols {
		if v.Type.Physical() != o.types[i].Physical() {
			return errs.Internal("column %d is %s, described as %s", i+1, v.Type, o.types[i])
		}
	}
	if err := o.stream.Write(b); err != nil {
		return err
	}
	if o.buf.Len() >= resultFlushBytes {
		return o.flush()
	}
	return nil
}

// finish ends the stream; an error behind its start can only be told by ending the connection.
func (o *arrowResult) finish(err error) error {
	if err == nil && o.stream == nil {
		err = withStatus(http.StatusBadRequest, errs.New(errs.WrongObjectType, "the statement has no result to stream"))
	}
	if err != nil && !o.sent {
		return err
	}
	if err == nil {
		err = o.stream.Close()
	}
	if err == nil {
		err = o.flush()
	}
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
