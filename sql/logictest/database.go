package logictest

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// database is a storage in a directory with sessions over it.
type database struct {
	dir      string
	settings map[string]string
	db       *storage.DB
	engine   *session.Engine
	sessions map[string]*session.Session
}

func open(dir string, settings map[string]string) (*database, error) {
	d := &database{dir: dir, settings: settings}
	return d, d.open()
}

func (d *database) open() (err error) {
	if d.db, err = storage.Open(context.Background(), d.dir, storage.Options{}); err != nil {
		return err
	}
	d.sessions = map[string]*session.Session{}
	d.engine, err = session.NewEngine(d.db, session.Options{Settings: d.settings})
	return err
}

func (d *database) close() error {
	for _, s := range d.sessions {
		s.Close()
	}
	return d.db.Close()
}

// restart closes the database and opens it again. Open transactions are lost, as in a crash.
func (d *database) restart() error {
	if err := d.close(); err != nil {
		return err
	}
	return d.open()
}

// session returns the session of a name, which it opens on first use.
func (d *database) session(name string) (*session.Session, error) {
	if s := d.sessions[name]; s != nil {
		return s, nil
	}
	s, err := d.engine.Connect(context.Background(), session.Startup{User: "tester", Database: d.engine.Database(), Port: -1})
	if err == nil {
		d.sessions[name] = s
	}
	return s, err
}

// answer takes what a text of SQL answers.
type answer struct {
	set    *types.Settings
	types  []types.Type
	encode []pgtype.Encoder
	rows   [][]string
	render func(column int, d types.Datum, text string) string
	tags   []string
	notes  []string
	input  []byte
	output bytes.Buffer
}

var _ session.Output = (*answer)(nil)

func (a *answer) Columns(cols []session.Column) error {
	a.types, a.encode, a.rows = nil, nil, nil
	for _, c := range cols {
		a.types = append(a.types, c.Type)
		a.encode = append(a.encode, pgtype.TextEncoder(c.Type, a.set))
	}
	return nil
}

func (a *answer) Rows(b *batch.Batch) error {
	if len(b.Cols) != len(a.encode) {
		return fmt.Errorf("%d columns, %d were described", len(b.Cols), len(a.encode))
	}
	for i := range b.Len {
		row := make([]string, len(b.Cols))
		for c, v := range b.Cols {
			if v.Type.Physical() != a.types[c].Physical() {
				return fmt.Errorf("column %d is %s, was described as %s", c, v.Type, a.types[c])
			}
			d := v.Datum(i)
			text := ""
			if !d.Null {
				text = string(a.encode[c](nil, v, i))
			}
			row[c] = a.render(c, d, text)
		}
		a.rows = append(a.rows, row)
	}
	return nil
}

func (a *answer) Complete(tag string) error { a.tags = append(a.tags, tag); return nil }
func (a *answer) Empty() error              { return nil }
func (a *answer) Notice(severity, code, message string, detail ...string) error {
	a.notes = append(append(a.notes, severity+" "+code+" "+message), detail...)
	return nil
}
func (a *answer) Setting(string, string) error              { return nil }
func (a *answer) CopyIn(int8, int) (io.Reader, error)       { return bytes.NewReader(a.input), nil }
func (a *answer) CopyOut(int8, int) (io.WriteCloser, error) { return nopCloser{&a.output}, nil }

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
