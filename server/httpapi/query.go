package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/ingest/httppush"
	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format/arrow"
	"github.com/siltstone-db/siltstone/storage/types"
)

// queryRequest is the body of POST /v1/query when it is JSON; a body of text/plain is the statement alone.
type queryRequest struct {
	SQL string `json:"sql"`
	// Params are $1, $2, ... : strings, numbers, booleans or null.
	Params []any `json:"params"`
}

// runQuery runs one statement. The result streams: an error behind its start stands at the end of the JSON, and ends
// the connection of a CSV.
func (s *Server) runQuery(w http.ResponseWriter, r *http.Request, user string) error {
	q, err := readQuery(w, r)
	if err != nil {
		return err
	}
	conn, err := s.opt.Open(r.Context(), user, remoteAddr(r))
	if err != nil {
		return err
	}
	defer conn.Close()
	stop := context.AfterFunc(r.Context(), conn.Cancel)
	defer stop()
	out := s.newAnswer(w, r, conn)
	err = execute(r.Context(), conn, q, out)
	return out.finish(err)
}

// answer is a session.Output with an end.
type answer interface {
	session.Output
	// finish ends the answer; an error before anything was sent is returned.
	finish(err error) error
}

// newAnswer makes the output in the form that the client accepts: JSON, CSV or an Arrow stream.
func (s *Server) newAnswer(w http.ResponseWriter, r *http.Request, conn Session) answer {
	if wantsArrow(r) {
		return &arrowResult{result: result{w: w, patience: s.opt.WriteTimeout, media: arrow.ContentType}}
	}
	out := result{w: w, patience: s.opt.WriteTimeout, media: "application/json", settings: conn.TypeSettings}
	if wantsCSV(r) {
		out.media = "text/csv; charset=utf-8"
		return &csvResult{result: out}
	}
	return &out
}

// queryMedia returns the type of a query's body. Browsers send forms, plain text and bodies without a type to other sites
// without asking these: only types that no form has are taken.
func queryMedia(r *http.Request) (string, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && (media == "application/json" || media == "application/sql") {
		return media, nil
	}
	return "", withStatus(http.StatusUnsupportedMediaType,
		errs.New(errs.FeatureNotSupported, "content type %.100q is not supported", r.Header.Get("Content-Type")).
			WithHint("Use application/sql with a statement, or application/json with {\"sql\": ..., \"params\": [...]}."))
}

func readQuery(w http.ResponseWriter, r *http.Request) (*queryRequest, error) {
	media, err := queryMedia(r)
	if err != nil {
		return nil, err
	}
	b, err := httppush.OpenBody(w, r, queryMaxBytes)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	text, err := io.ReadAll(b)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(text) {
		return nil, withStatus(http.StatusBadRequest, errs.New(errs.CharacterNotInRepertoire, "request body is not UTF-8"))
	}
	if media == "application/sql" {
		return &queryRequest{SQL: string(text)}, nil
	}
	q := &queryRequest{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	d.DisallowUnknownFields()
	if err := d.Decode(q); err != nil {
		return nil, withStatus(http.StatusBadRequest, errs.New(errs.InvalidTextRepresentation, "request body is not {\"sql\": ..., \"params\": [...]}: %w", err))
	}
	return q, nil
}

// execute runs the statement by the extended protocol's steps, which allow one statement only.
func execute(ctx context.Context, conn Session, q *queryRequest, out session.Output) (err error) {
	params := make([]session.Parameter, len(q.Params))
	for i, p := range q.Params {
		switch v := p.(type) {
		case nil:
		case string:
			params[i].Value = []byte(v)
		case json.Number:
			params[i].Value = []byte(v)
		case bool:
			params[i].Value = []byte("false")
			if v {
				params[i].Value = []byte("true")
			}
		default:
			return withStatus(http.StatusBadRequest, errs.New(errs.InvalidParameterValue, "parameter $%d is neither a string, a number, a boolean nor null", i+1))
		}
	}
	defer func() {
		if e := conn.Sync(ctx, err != nil); err == nil {
			err = e
		}
	}()
	if err := conn.Parse(ctx, "", q.SQL, nil); err != nil {
		return err
	}
	if err := conn.Bind(ctx, "", "", params); err != nil {
		return err
	}
	cols, err := conn.DescribePortal(ctx, "")
	if err != nil {
		return err
	}
	if cols != nil {
		if err := out.Columns(cols); err != nil {
			return err
		}
	}
	_, err = conn.Execute(ctx, "", 0, out)
	return err
}

// resultFlushBytes is how much of a result is collected before its start goes out, and with it status 200: an error
// before that is a plain one.
const resultFlushBytes = 64 << 10

// result is the session.Output that writes JSON; the other forms have it inside.
type result struct {
	w        http.ResponseWriter
	patience time.Duration // ends an answer of which nothing is read for that long
	media    string        // content type
	buf      bytes.Buffer
	sent     bool
	rows     int64
	cols     []session.Column
	encode   []pgtype.Encoder
	settings func() *types.Settings
	scratch  []byte
	tag      string
	notices  []string
}

// Columns starts the result.
func (o *result) Columns(cols []session.Column) error {
	o.cols = cols
	o.buf.WriteString(`{"columns":[`)
	for i, c := range cols {
		if i > 0 {
			o.buf.WriteByte(',')
		}
		o.buf.WriteString(`{"name":`)
		o.string(c.Name)
		o.buf.WriteString(`,"type":`)
		o.string(c.Type.String())
		o.buf.WriteByte('}')
	}
	o.buf.WriteString(`],"rows":[`)
	return nil
}

// string writes a JSON string.
func (o *result) string(s string) {
	b, _ := json.Marshal(s) // a string always has a JSON form
	o.buf.Write(b)
}

// Rows writes a batch.
func (o *result) Rows(b *batch.Batch) error {
	set := o.settings()
	o.encode = o.encode[:0]
	for _, v := range b.Cols {
		o.encode = append(o.encode, pgtype.TextEncoder(v.Type, set))
	}
	for row := range b.Len {
		o.jsonRow(b, row)
		if o.buf.Len() >= resultFlushBytes {
			if err := o.flush(); err != nil {
				return err
			}
		}
	}
	o.rows += int64(b.Len)
	return nil
}

func (o *result) jsonRow(b *batch.Batch, row int) {
	if o.rows > 0 || row > 0 {
		o.buf.WriteByte(',')
	}
	o.buf.WriteByte('[')
	for i, v := range b.Cols {
		if i > 0 {
			o.buf.WriteByte(',')
		}
		if v.IsNull(row) {
			o.buf.WriteString("null")
			continue
		}
		o.scratch = o.encode[i](o.scratch[:0], v, row)
		switch {
		case v.Type.Kind == types.Bool:
			o.buf.WriteString(strconv.FormatBool(o.scratch[0] == 't'))
		case v.Type.Kind == types.JSON || v.Type.Kind == types.JSONB:
			o.buf.Write(o.scratch)
		case v.Type.IsNumber() && isJSONNumber(o.scratch):
			o.buf.Write(o.scratch)
		default:
			o.string(string(o.scratch))
		}
	}
	o.buf.WriteByte(']')
}

// isJSONNumber tells numbers from NaN and the infinities.
func isJSONNumber(b []byte) bool {
	last := b[len(b)-1]
	return last >= '0' && last <= '9'
}

func (o *result) flush() error {
	if !o.sent {
		o.sent = true
		o.w.Header().Set("Content-Type", o.media)
		o.w.WriteHeader(http.StatusOK)
	}
	_ = http.NewResponseController(o.w).SetWriteDeadline(time.Now().Add(o.patience)) // a test's writer has none
	_, err := o.w.Write(o.buf.Bytes())
	o.buf.Reset()
	return err
}

// finish ends the answer.
func (o *result) finish(err error) error {
	if err != nil && !o.sent {
		return err
	}
	if o.cols == nil {
		o.buf.WriteByte('{')
	} else {
		o.buf.WriteString("],")
	}
	if err != nil {
		b, _ := json.Marshal(bodyOf(err))
		o.buf.WriteString(`"error":`)
		o.buf.Write(b)
	} else {
		o.buf.WriteString(`"command":`)
		o.string(o.tag)
		if len(o.notices) > 0 {
			b, _ := json.Marshal(o.notices)
			o.buf.WriteString(`,"notices":`)
			o.buf.Write(b)
		}
	}
	o.buf.WriteString("}\n")
	o.flush() // a client that is gone cannot be told
	return nil
}

// Complete keeps the command tag.
func (o *result) Complete(tag string) error {
	o.tag = tag
	return nil
}

// Empty is the empty statement.
func (o *result) Empty() error { return nil }

// Notice keeps a notice for the end; a statement with thousands of them keeps the first.
func (o *result) Notice(severity, _, message string, detail ...string) error {
	if len(o.notices) < 100 {
		o.notices = append(o.notices, strings.Join(append([]string{severity + ": " + message}, detail...), "\n"))
	}
	return nil
}

// Setting has no place in an answer.
func (o *result) Setting(string, string) error { return nil }

// CopyIn refuses COPY FROM STDIN.
func (o *result) CopyIn(int8, int) (io.Reader, error) {
	return nil, errs.Unsupported("COPY FROM STDIN over HTTP").WithHint("Use POST /v1/tables/{table}/rows.")
}

// CopyOut refuses COPY TO STDOUT.
func (o *result) CopyOut(int8, int) (io.WriteCloser, error) {
	return nil, errs.Unsupported("COPY TO STDOUT over HTTP").WithHint("Send the query with Accept: text/csv.")
}
