package httppush

import (
	"context"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/table"
)

// roomWait is how long a push waits when rows arrive faster than they are sealed; then the client is told 429 and when
// to come back, before it or a proxy gives up by itself (most wait 30 s and longer).
const roomWait = 5 * time.Second

// Store is what pushes need of a database.
type Store interface {
	Catalog() *catalog.Snapshot
	Commit(ctx context.Context, w table.Write) (table.Ack, error)
}

// Handler takes pushes.
type Handler struct {
	opt     Options
	metrics Metrics
}

// New makes a handler.
func New(o Options) (*Handler, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.EnsureDefaults()
	return &Handler{opt: o}, nil
}

// Answer tells what became of a push.
type Answer struct {
	Stored    int64      `json:"stored"`
	Duplicate bool       `json:"duplicate"`
	Sequence  uint64     `json:"sequence"`           // of the log record; 0 when nothing was stored
	Rejected  int64      `json:"rejected,omitempty"` // with ?errors=partial
	Rows      []RowError `json:"rows,omitempty"`     // of them, the first RowErrorsMax
}

// Push stores the rows of a request's body in the table that the path value "table" names, for a user. They are durable
// and visible when it returns. Errors are *Error or have an *errs.Error in them; then nothing was stored, but after an
// error of class 58 (storage.DB.Commit). w is only told when the body is too long.
func (h *Handler) Push(w http.ResponseWriter, r *http.Request, user string) (Answer, error) {
	t, err := findTable(h.opt.Store.Catalog(), r.PathValue("table"))
	if err != nil {
		return Answer{}, err
	}
	token, err := tokenOf(r, user, t)
	if err != nil {
		return Answer{}, err
	}
	partial, err := partialOf(r)
	if err != nil {
		return Answer{}, err
	}
	cols, err := h.columns(r, user, t)
	if err != nil {
		return Answer{}, err
	}
	held, done, err := h.hold(r, user, t)
	if err != nil {
		return Answer{}, err
	}
	defer done()
	body, err := OpenBody(w, r, h.opt.BodyMaxBytes)
	if err != nil {
		return Answer{}, err
	}
	defer body.Close()
	if token != nil {
		body.sum = xxh3.New()
	}
	p := newPush(t, body, h.opt.Pool)
	defer p.end()
	in, err := openRows(r, body, t, cols, partial, held)
	if err != nil {
		return Answer{}, err
	}
	err = p.read(r.Context(), in)
	if err == nil && token != nil {
		token.Content, err = body.content()
	}
	h.metrics.Bytes.Add(body.n)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{Rejected: in.badRows, Rows: in.bad}
	h.metrics.Rejected.Add(a.Rejected)
	if len(p.batches) == 0 {
		return a, nil
	}
	ack, err := h.opt.Store.Commit(r.Context(), table.Write{
		Rows: []table.Rows{{Table: t.ID, Version: t.Version, Batches: p.batches}}, Token: token, Wait: roomWait})
	if err != nil {
		return Answer{}, err
	}
	a.Stored, a.Duplicate, a.Sequence = ack.Rows, ack.Duplicate, ack.Sequence
	if ack.Duplicate {
		h.metrics.Repeated.Add(1)
	} else {
		h.metrics.Rows.Add(ack.Rows)
	}
	return a, nil
}

// columns describes the columns of a table with the values of their defaults.
func (h *Handler) columns(r *http.Request, user string, t *catalog.Table) ([]format.Column, error) {
	cols := make([]format.Column, len(t.Columns))
	defaults := false
	for i, c := range t.Columns {
		cols[i] = format.Column{Name: c.Name, Type: c.Type, NotNull: c.NotNull}
		defaults = defaults || c.Default != ""
	}
	if !defaults {
		return cols, nil
	}
	return cols, h.opt.Defaults(r, user, t, cols)
}

// findTable finds a table by "name" or "schema.name", which are taken as they are: SQL folds unquoted names to lower
// case, a path is not SQL.
func findTable(c *catalog.Snapshot, path string) (*catalog.Table, error) {
	schema, name, ok := strings.Cut(path, ".")
	if !ok {
		schema, name = "public", path
	}
	if t := c.Table(schema, name); t != nil {
		return t, nil
	}
	e := errs.New(errs.UndefinedTable, "relation %q does not exist", path)
	if near := c.Near(name, schema); near != "" {
		e = e.WithHint("Did you mean %q?", near)
	}
	return nil, e
}

// keyMaxBytes bounds an Idempotency-Key.
const keyMaxBytes = 255

// tokenOf makes the token of a push from its Idempotency-Key. A key belongs to a user and a table.
func tokenOf(r *http.Request, user string, t *catalog.Table) (*table.Token, error) {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return nil, nil
	}
	if len(keys) > 1 || keys[0] == "" || len(keys[0]) > keyMaxBytes {
		return nil, withStatus(http.StatusBadRequest,
			errs.New(errs.InvalidParameterValue, "Idempotency-Key must be one key of 1 to %d bytes", keyMaxBytes))
	}
	return &table.Token{Table: t.ID, Client: "http/" + user, Key: keys[0]}, nil
}

func partialOf(r *http.Request) (bool, error) {
	switch v := r.URL.Query().Get("errors"); v {
	case "", "refuse":
		return false, nil
	case "partial":
		return true, nil
	default:
		return false, withStatus(http.StatusBadRequest, errs.New(errs.InvalidParameterValue, "errors=%.40q is neither refuse nor partial", v))
	}
}

// mediaOf returns the media type of a body, "" for one that cannot be read. A form is not taken for rows: browsers send
// forms to any site without asking it. No form is without a type, but programs are.
func mediaOf(r *http.Request) string {
	given := r.Header.Get("Content-Type")
	if given == "" {
		return "application/x-ndjson"
	}
	media, _, err := mime.ParseMediaType(given)
	if err != nil {
		return ""
	}
	return media
}
