package session

import (
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/compile"
	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/sql/setting"
	"github.com/siltstone-db/siltstone/sql/tablefunc"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// virtual computes virtual tables for one statement: system catalogs and set-returning functions.
type virtual struct {
	s     *Session
	fn    *fn.Context
	env   *pgcatalog.Env // nil until a catalog is read
	funcs *tablefunc.Env // nil until a function is read
}

var _ compile.Virtuals = (*virtual)(nil)

// Relation returns the rows of a virtual table.
func (v *virtual) Relation(t plan.Virtual) (scan.Relation, error) {
	switch t := t.(type) {
	case *plan.Function:
		if v.funcs == nil {
			v.funcs = &tablefunc.Env{Fn: v.fn, Settings: v.s.TypeSettings(), DB: v.s.engine.db, Catalog: v.s.tx.Catalog}
		}
		return v.funcs.Relation(t)
	case *pgcatalog.Sequence:
		at, err := v.s.tx.Number(v.fn.Ctx, t.OID)
		return t.Relation(at), err
	case *pgcatalog.Table:
		if v.env == nil {
			v.env = v.s.catalogEnv()
			v.env.Rows = v.rows
		}
		return t.Relation(v.env), nil
	}
	return nil, errs.Internal("no way to read %s", t.Name())
}

// rows returns how many rows a table has, -1 when that is not known.
func (v *virtual) rows(id catalog.TableID) int64 {
	rel, err := v.s.tx.Table(v.fn.Ctx, id)
	if err != nil {
		return -1
	}
	return rel.Rows()
}

// catalogEnv returns what the system catalogs show of the session, its transaction and its engine.
func (s *Session) catalogEnv() *pgcatalog.Env {
	e := &pgcatalog.Env{Database: s.engine.options.Database, User: s.user, PID: s.pid}
	e.Catalog = s.tx.Catalog
	e.SearchPath = s.searchPath
	s.searchPath()
	e.CatalogImplicit = s.pathImplicit
	e.Sessions = s.engine.Sessions
	e.Number = s.tx.Number
	e.Settings = s.pgSettings
	e.Prepared = func() []pgcatalog.Prepared {
		var all []pgcatalog.Prepared
		for _, p := range s.statements {
			if p.name != "" {
				all = append(all, pgcatalog.Prepared{Name: p.name, Statement: p.st.Text, Prepared: p.made,
					Parameters: p.params, FromSQL: p.fromSQL})
			}
		}
		return all
	}
	s.segmentEnv(e)
	return e
}

// pgSettings returns the rows of pg_settings.
func (s *Session) pgSettings() []pgcatalog.Setting {
	var all []pgcatalog.Setting
	for _, p := range setting.Shown() {
		row := pgcatalog.Setting{Name: p.Name, Value: s.settings.Raw(strings.ToLower(p.Name)), Unit: p.Unit, Category: p.Category,
			Description: p.Description, Context: p.Context.String(), Vartype: p.Kind.String(), Source: "default",
			Enum: p.Values, Boot: p.Boot, Reset: s.settings.Default(p.Name)}
		if row.Vartype == "integer" {
			row.Min, row.Max = strconv.FormatInt(p.Min, 10), strconv.FormatInt(p.Max, 10)
		}
		if s.settings.Changed(p.Name) {
			row.Source = "session"
		}
		all = append(all, row)
	}
	return all
}

// segmentEnv adds what storage knows of segments.
func (s *Session) segmentEnv(e *pgcatalog.Env) {
	e.Segments = func() []pgcatalog.Segment {
		var all []pgcatalog.Segment
		for _, i := range s.engine.db.Segments() {
			all = append(all, pgcatalog.Segment{Schema: i.Schema, Table: i.Name, ID: int64(i.ID), State: string(i.State),
				Rows: i.Rows, Deleted: i.Deleted, Bytes: i.Bytes, MinSequence: int64(i.First), MaxSequence: int64(i.Last),
				Partition: i.Partition})
		}
		return all
	}
	e.Compactions = func() []pgcatalog.Compaction {
		var all []pgcatalog.Compaction
		for _, c := range s.engine.db.Compactions() {
			all = append(all, pgcatalog.Compaction{Started: c.Started.UnixMicro(), Schema: c.Schema, Table: c.Table, Reason: string(c.Reason),
				State: c.State, Segments: c.Files, Rows: c.RowsIn, Bytes: c.BytesIn, NewSegments: c.FilesOut, NewRows: c.RowsOut,
				NewBytes: c.BytesOut, Milliseconds: c.Took.Milliseconds(), Detail: c.Detail})
		}
		return all
	}
	e.Log = func() []pgcatalog.LogFile { return logFiles(s.engine.db, e.Catalog()) }
	var sizes map[catalog.TableID]int64
	e.Bytes = func(id catalog.TableID) int64 {
		if sizes == nil {
			sizes = map[catalog.TableID]int64{}
			for _, i := range s.engine.db.Segments() {
				sizes[i.Table] += i.Bytes
			}
		}
		return sizes[id]
	}
}
