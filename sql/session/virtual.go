package session

import (
	"time"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// virtual is what virtual relations and set-returning functions see of a session.
type virtual struct {
	s   *Session
	fn  *fn.Context
	env *pgcatalog.Env
}

var _ plan.FunctionRunner = (*virtual)(nil)

// Catalog returns the environment of the system catalogs.
func (v *virtual) Catalog() *pgcatalog.Env {
	if v.env == nil {
		v.env = v.s.catalogEnv()
	}
	return v.env
}

// RunFunction computes a set-returning function.
func (v *virtual) RunFunction(f *plan.Function) (scan.Relation, error) { return runFunction(v, f) }

func (s *Session) catalogEnv() *pgcatalog.Env {
	e := &pgcatalog.Env{Database: s.engine.options.Database, User: s.user, PID: s.pid}
	e.Tables = func() []*catalog.Table { return s.tx.Catalog().Tables() }
	e.Schemas = func() []string {
		var names []string
		for _, c := range s.tx.Catalog().Schemas() {
			names = append(names, c.Name)
		}
		return names
	}
	e.SearchPath = s.searchPath
	e.Rows = func(id catalog.TableID) int64 {
		rel, err := s.tx.Table(id)
		if err != nil {
			return -1
		}
		return rel.Rows()
	}
	e.Sessions = s.engine.Sessions
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
	for _, name := range s.settings.all() {
		p := parameters[lower(name)]
		row := pgcatalog.Setting{Name: p.name, Value: s.settings.raw(lower(name)), Unit: p.unit, Category: p.category,
			Description: p.description, Context: p.context.String(), Vartype: p.kind.String(), Source: "default",
			Enum: p.values, Boot: p.boot, Reset: s.settings.defaults[lower(name)]}
		if p.kind == integer {
			row.Min, row.Max = itoa(p.min), itoa(p.max)
		}
		if _, changed := s.settings.values[lower(name)]; changed {
			row.Source = "session"
		}
		all = append(all, row)
	}
	return all
}

// User returns the name of the user.
func (s *Session) User() string { return s.user }

// Database returns the name of the database.
func (s *Session) Database() string { return s.engine.options.Database }

// Setting returns the value of a parameter as SHOW prints it.
func (s *Session) Setting(name string) (string, bool) { return s.settings.get(name) }

// Now returns the start of the transaction, in microseconds since 1970 UTC.
func (s *Session) Now() int64 {
	if s.txStart == 0 {
		return time.Now().UnixMicro()
	}
	return s.txStart
}

// StatementTime returns the start of the statement, in microseconds since 1970 UTC.
func (s *Session) StatementTime() int64 {
	if s.stmtStart == 0 {
		return time.Now().UnixMicro()
	}
	return s.stmtStart
}

// TimeZone returns the name of the session's time zone.
func (s *Session) TimeZone() string { return s.settings.raw("timezone") }

// Lookup answers what functions ask of the catalog and of the session.
func (s *Session) Lookup(question string, args ...types.Datum) (types.Datum, bool, error) {
	switch question {
	case "set_config":
		return s.setConfig(args)
	case "pg_cancel_backend", "pg_terminate_backend":
		return s.cancelBackend(args[0].I)
	}
	if s.tx == nil {
		return types.Datum{}, false, nil
	}
	return s.catalogEnv().Lookup(question, args...)
}

// setConfig is set_config(name, value, is_local).
func (s *Session) setConfig(args []types.Datum) (types.Datum, bool, error) {
	c := commands{s: s}
	var err error
	if args[1].Null {
		err = c.Reset(args[0].S)
	} else {
		err = c.Set(args[0].S, args[1].S, args[2].I != 0)
	}
	if err != nil {
		return types.Datum{}, true, err
	}
	v, _ := s.settings.get(args[0].S)
	if args[2].I != 0 && !args[1].Null {
		v = args[1].S
	}
	return types.TextOf(v), true, nil
}

func (s *Session) cancelBackend(pid int64) (types.Datum, bool, error) {
	s.engine.mu.Lock()
	other := s.engine.mu.sessions[int32(pid)]
	s.engine.mu.Unlock()
	if other != nil {
		other.Cancel()
	}
	return types.BoolOf(other != nil), true, nil
}

// segmentEnv adds what storage knows of segments.
func (s *Session) segmentEnv(e *pgcatalog.Env) {
	e.Segments = func() []pgcatalog.Segment {
		var all []pgcatalog.Segment
		for _, i := range s.engine.db.Segments() {
			all = append(all, pgcatalog.Segment{Schema: i.Schema, Table: i.Name, ID: int64(i.ID), State: i.State,
				Rows: i.Rows, Deleted: i.Deleted, Bytes: i.Bytes, MinSequence: int64(i.First), MaxSequence: int64(i.Last)})
		}
		return all
	}
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
