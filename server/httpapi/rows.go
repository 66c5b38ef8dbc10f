package httpapi

import (
	"errors"
	"mime"
	"net/http"
	"strings"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/table"
)

// stored is the answer of a push.
type stored struct {
	Stored    int64      `json:"stored"`
	Duplicate bool       `json:"duplicate"`
	Sequence  uint64     `json:"sequence"`
	Rejected  int64      `json:"rejected,omitempty"` // with ?errors=partial
	Rows      []rowError `json:"rows,omitempty"`     // of them, the first rowErrorsMax
}

// rowErrorsMax bounds the rows that an answer tells about.
const rowErrorsMax = 100

// pushRows stores the rows of a body by one commit.
func (s *Server) pushRows(w http.ResponseWriter, r *http.Request, user string) error {
	t, err := findTable(s.opt.Store.Catalog(), r.PathValue("table"))
	if err != nil {
		return err
	}
	token, err := tokenOf(r, user, t)
	if err != nil {
		return err
	}
	partial, err := partialOf(r)
	if err != nil {
		return err
	}
	cols, err := s.columnsOf(r.Context(), t, user, remoteAddr(r))
	if err != nil {
		return err
	}
	body, err := openBody(w, r, s.opt.BodyMaxBytes)
	if err != nil {
		return err
	}
	defer body.Close()
	in, err := openRows(r, body, t, cols, partial)
	if err != nil {
		return err
	}
	p := &push{account: s.opt.Pool.Account("http push", 0), table: t}
	defer p.account.Close()
	err = p.read(r, in)
	s.metrics.bytes.Add(float64(body.n))
	if err != nil {
		return err
	}
	answer := stored{Rejected: in.rejected(), Rows: in.errors()}
	s.metrics.rejected.Add(float64(answer.Rejected))
	if len(p.batches) > 0 {
		ack, err := s.opt.Store.Commit(r.Context(), table.Write{
			Rows: []table.Rows{{Table: t.ID, Version: t.Version, Batches: p.batches}}, Token: token})
		if err != nil {
			return err
		}
		answer.Stored, answer.Duplicate, answer.Sequence = ack.Rows, ack.Duplicate, ack.Sequence
		if ack.Duplicate {
			s.metrics.repeated.Inc()
		} else {
			s.metrics.rows.Add(float64(ack.Rows))
		}
	}
	writeJSON(w, http.StatusOK, answer)
	return nil
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
	if lower := strings.ToLower(name); lower != name && c.Table(schema, lower) != nil {
		e = e.WithHint("Did you mean %q?", lower)
	}
	return nil, e
}

// tokenOf makes the token of a push from its Idempotency-Key. A key belongs to a user and a table.
func tokenOf(r *http.Request, user string, t *catalog.Table) (*table.Token, error) {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return nil, nil
	}
	if len(keys) > 1 || keys[0] == "" || len(keys[0]) > idempotencyMaxLen {
		return nil, withStatus(http.StatusBadRequest,
			errs.New(errs.InvalidParameterValue, "Idempotency-Key must be one key of 1 to %d bytes", idempotencyMaxLen))
	}
	return &table.Token{Client: "http/" + user + "/" + t.Schema + "." + t.Name, Key: keys[0]}, nil
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

// mediaOf returns the media type of a body.
func mediaOf(r *http.Request) string {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case err != nil && r.Header.Get("Content-Type") != "":
		return "invalid"
	// curl says the second one of every -d and --data-binary that names no type.
	case media == "", media == "application/x-www-form-urlencoded":
		return "application/x-ndjson"
	}
	return media
}

// push collects the rows of a body.
type push struct {
	table   *catalog.Table
	account interface {
		Reserve(n int64) error
		Close() int64
	}
	batches []*batch.Batch
}

// read reads all rows, as batches of at most a block.
func (p *push) read(r *http.Request, in *rows) error {
	for more := true; more; {
		if err := r.Context().Err(); err != nil {
			return err
		}
		b := batch.New(p.table.Types())
		var err error
		if more, err = in.Read(b, batch.MaxAppendRows); err != nil {
			return err
		}
		if b.Len == 0 {
			continue
		}
		if err := p.account.Reserve(b.Bytes()); err != nil {
			return err
		}
		p.batches = append(p.batches, b)
	}
	return nil
}

// partialError is an error with the rows that are to blame.
type partialError struct {
	err  error
	rows []rowError
}

func (e *partialError) Error() string { return e.err.Error() }
func (e *partialError) Unwrap() error { return e.err }

func asPartial(err error, dst **partialError) bool { return errors.As(err, dst) }
