package smith

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// database is ours: a directory of its own and one session.
type database struct {
	db *storage.DB
	s  *session.Session
}

func openDatabase(t testing.TB, settings map[string]string) *database {
	t.Helper()
	db, err := storage.Open(context.Background(), t.TempDir(), storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"timezone": "UTC"}
	for k, v := range settings {
		all[k] = v
	}
	e, err := session.NewEngine(db, session.Options{Settings: all})
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.Connect(context.Background(), session.Startup{User: "tester", Database: e.Database(), Port: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return &database{db, s}
}

// result is what a query answers, as a client sees it: the OIDs of its columns and its values as text, or an error.
type result struct {
	oids []uint32
	rows [][]string
	code string // the SQLSTATE of an error
	text string // its message
}

// null stands for NULL among values.
const null = "\\N"

// run runs a statement; one that takes a minute fails.
func (d *database) run(sql string) *result {
	out := &output{set: d.s.TypeSettings()}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if err := d.s.Simple(ctx, sql, out); err != nil {
		e := errs.From(err)
		return &result{code: string(e.Code), text: e.Message}
	}
	return &out.result
}

type output struct {
	result
	set    *types.Settings
	encode []pgtype.Encoder
}

func (o *output) Columns(cols []session.Column) error {
	for _, c := range cols {
		o.oids = append(o.oids, pgtype.OID(c.Type))
		o.encode = append(o.encode, pgtype.TextEncoder(c.Type, o.set))
	}
	return nil
}

func (o *output) Rows(b *batch.Batch) error {
	for i := range b.Len {
		row := make([]string, len(b.Cols))
		for c, v := range b.Cols {
			row[c] = null
			if !v.IsNull(i) {
				row[c] = string(o.encode[c](nil, v, i))
			}
		}
		o.rows = append(o.rows, row)
	}
	return nil
}

func (o *output) Complete(string) error                          { return nil }
func (o *output) Empty() error                                   { return nil }
func (o *output) Notice(string, string, string, ...string) error { return nil }
func (o *output) Setting(string, string) error                   { return nil }
func (o *output) CopyIn(int8, int) (io.Reader, error)            { return &bytes.Buffer{}, nil }
func (o *output) CopyOut(int8, int) (io.WriteCloser, error)      { return nil, io.ErrClosedPipe }
