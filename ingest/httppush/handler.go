package httppush

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/table"
)

// roomWait is how long a push waits when rows arrive faster than they are sealed; then the client is told 429 and when
// to come back, before it or a proxy gives up by itself (most wait 30 s and longer).
const roomWait = 5 * time.Second

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
	Rejected  int64      `json:"rejected,omitempty"` // with ?errors=partial or reject
	Rows      []RowError `json:"rows,omitempty"`     // of them, the first RowErrorsMax
}

// Push stores the rows of a request's body in the table that the path value "table" names, for a user. They are durable
// and visible when it returns. Errors are *Error or have an *errs.Error in them; then nothing was stored, but after an
// error of class 58 (storage.DB.Commit). w is only told when the body is too long.
func (h *Handler) Push(w http.ResponseWriter, r *http.Request, user string) (Answer, error) {
	cat := h.opt.Store.Catalog()
	t, err := findTable(cat, r.PathValue("table"))
	if err != nil {
		return Answer{}, err
	}
	token, err := tokenOf(r, user, t)
	if err != nil {
		return Answer{}, err
	}
	policy, most, err := policyOf(r)
	if err != nil {
		return Answer{}, err
	}
	terms, done, err := h.terms(r, user, t)
	if err != nil {
		return Answer{}, err
	}
	defer done()
	body, err := OpenBody(w, r, h.opt.BodyMaxBytes)
	if err != nil {
		return Answer{}, err
	}
	defer body.Close()
	p := h.newPush(cat, t, body, policy)
	p.most = most
	defer p.end()
	p.draft.Token = token
	err = p.read(r, terms)
	h.metrics.Bytes.Add(body.n)
	if err != nil {
		return Answer{}, err
	}
	a, err := p.commit(r.Context())
	switch {
	case err != nil:
	case a.Duplicate:
		h.metrics.Repeated.Add(1)
	default:
		h.metrics.Rows.Add(a.Stored)
		h.metrics.Rejected.Add(a.Rejected)
	}
	return a, err
}

// terms compiles what SQL says of the rows of a table; done lets go of it.
func (h *Handler) terms(r *http.Request, user string, t *catalog.Table) (terms *table.Terms, done func(), err error) {
	for i := range t.Columns {
		if t.Columns[i].Default != "" {
			return h.opt.Terms(r, user, t)
		}
	}
	for i := range t.Constraints {
		if t.Constraints[i].Kind == catalog.Check {
			return h.opt.Terms(r, user, t)
		}
	}
	return &table.Terms{}, func() {}, nil
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

// policyOf reads ?errors and ?reject_limit, how many bad rows may be left out (0: any number).
func policyOf(r *http.Request) (p policy, most int64, err error) {
	query := r.URL.Query()
	switch v := query.Get("errors"); v {
	case "", "refuse":
	case "partial":
		p = partial
	case "reject":
		p = reject
	default:
		return p, 0, withStatus(http.StatusBadRequest, errs.New(errs.InvalidParameterValue, "errors=%.40q is none of refuse, partial and reject", v))
	}
	v := query.Get("reject_limit")
	if v == "" {
		return p, 0, nil
	}
	most, err = strconv.ParseInt(v, 10, 64)
	switch {
	case err != nil || most <= 0:
		err = withStatus(http.StatusBadRequest, errs.New(errs.InvalidParameterValue, "reject_limit=%.40q is not a number greater than zero", v))
	case p == refuse:
		err = withStatus(http.StatusBadRequest, errs.New(errs.InvalidParameterValue, "reject_limit needs errors=partial or errors=reject"))
	}
	return p, most, err
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
