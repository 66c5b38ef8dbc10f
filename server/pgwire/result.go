package pgwire

import (
	"encoding/binary"
	"io"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// result is the session.Output of a connection: it turns what a statement answers into messages in the write buffer.
type result struct {
	conn    *conn
	formats []int16
	simple  bool
	columns []encoder       // reused
	printed *types.Settings // those that columns were made for
}

// valueMaxBytes is the longest value that a message can carry to any client: libpq takes no message above 1 GiB.
const valueMaxBytes = 1<<30 - 1

// start prepares for a statement. What is left of a COPY that failed is dropped between statements.
func (r *result) start(formats []int16, simple bool) {
	r.formats, r.simple = formats, simple
	r.conn.copy.active = false
	r.settings()
}

// settings forgets the encoders when the session prints values in another way than before.
func (r *result) settings() {
	if now := r.conn.sess.TypeSettings(); r.printed == nil || *now != *r.printed {
		kept := *now
		r.printed = &kept
		clear(r.columns)
	}
}

// Columns sends RowDescription; in the extended protocol Describe did. A statement before it in the same text may have
// changed how values print.
func (r *result) Columns(cols []session.Column) error {
	r.settings()
	if r.simple {
		r.conn.out.buf = appendColumns(r.conn.out.buf, cols, nil)
	}
	return r.conn.out.spill()
}

// Rows sends a DataRow for each row, encoded from the vectors straight into the write buffer.
func (r *result) Rows(b *batch.Batch) error {
	if err := checkFormats(r.formats, len(b.Cols)); err != nil {
		return err
	}
	if len(r.columns) < len(b.Cols) {
		r.columns = append(r.columns, make([]encoder, len(b.Cols)-len(r.columns))...)
	}
	for i, v := range b.Cols {
		r.columns[i].set(v.Type, formatOf(r.formats, i), r.printed)
	}
	w := &r.conn.out
	for row := range b.Len {
		dst, at := begin(w.buf, 'D')
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(b.Cols)))
		for i, v := range b.Cols {
			if v.IsNull(row) {
				dst = append(dst, 0xff, 0xff, 0xff, 0xff)
				continue
			}
			from := len(dst) + 4
			dst = r.columns[i].encode(append(dst, 0, 0, 0, 0), v, row)
			binary.BigEndian.PutUint32(dst[from-4:], uint32(len(dst)-from))
		}
		if len(dst)-at > valueMaxBytes {
			return errs.New(errs.ProgramLimitExceeded, "row of %d bytes is too long for the protocol", len(dst)-at)
		}
		w.buf = end(dst, at)
		if len(w.buf) >= writeFlushBytes {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return w.err
}

// Complete sends CommandComplete. What the client still sends of a COPY is dropped first.
func (r *result) Complete(tag string) error {
	if err := r.conn.copy.finish(); err != nil {
		return err
	}
	r.conn.out.buf = appendText(r.conn.out.buf, 'C', tag)
	return r.conn.out.spill()
}

// Empty sends EmptyQueryResponse.
func (r *result) Empty() error {
	r.conn.out.buf = appendEmpty(r.conn.out.buf, 'I')
	return r.conn.out.spill()
}

// Notice sends NoticeResponse.
func (r *result) Notice(severity, code, message string, detail ...string) error {
	r.conn.out.buf = appendNotice(r.conn.out.buf, severity, code, message, detail)
	return r.conn.out.spill()
}

// Setting sends ParameterStatus.
func (r *result) Setting(name, value string) error {
	r.settings()
	r.conn.out.buf = appendSetting(r.conn.out.buf, name, value)
	return r.conn.out.spill()
}

// CopyIn sends CopyInResponse and returns what the client sends.
func (r *result) CopyIn(format int8, columns int) (io.Reader, error) {
	r.conn.out.buf = appendCopyResponse(r.conn.out.buf, 'G', format, columns)
	if err := r.conn.out.flush(); err != nil {
		return nil, err
	}
	r.conn.copy.begin()
	return &r.conn.copy, nil
}

// CopyOut sends CopyOutResponse and returns where the rows go.
func (r *result) CopyOut(format int8, columns int) (io.WriteCloser, error) {
	r.conn.out.buf = appendCopyResponse(r.conn.out.buf, 'H', format, columns)
	return copyWriter{r.conn}, r.conn.out.spill()
}
