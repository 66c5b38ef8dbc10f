package stmt

import (
	"context"
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/rebuild"
)

// reindex runs REINDEX: segments are what has indexes, so that all segments of a table are built anew. It blocks nobody,
// with CONCURRENTLY or without. What was wrong with a segment is told in a WARNING, and with VERBOSE each segment in an INFO.
func reindex(ctx context.Context, env *Env, n *pg.ReindexStmt) (string, error) {
	verbose, concurrently, err := reindexOptions(n.Params)
	if err != nil {
		return "", err
	}
	what := map[pg.ReindexObjectType]string{pg.ReindexObjectType_REINDEX_OBJECT_SCHEMA: "SCHEMA",
		pg.ReindexObjectType_REINDEX_OBJECT_SYSTEM: "SYSTEM", pg.ReindexObjectType_REINDEX_OBJECT_DATABASE: "DATABASE"}[n.Kind]
	if concurrently && what == "" {
		what = "CONCURRENTLY"
	}
	if what != "" && env.Session.InTransaction() {
		return "", errs.New(errs.ActiveSQLTransaction, "REINDEX %s cannot run inside a transaction block", what)
	}
	tables, err := reindexed(env, n)
	if err != nil {
		return "", err
	}
	for _, t := range tables {
		if err := reindexTable(ctx, env, t, verbose); err != nil && (len(tables) == 1 || !errs.Is(err, errs.UndefinedTable)) {
			return "", err
		}
	}
	return "REINDEX", nil
}

// reindexOptions reads what stands in parentheses, and CONCURRENTLY.
func reindexOptions(options []*pg.Node) (verbose, concurrently bool, err error) {
	for _, o := range options {
		d := o.GetDefElem()
		switch d.Defname {
		case "verbose":
			verbose, err = flag(d)
		case "concurrently":
			concurrently, err = flag(d)
		case "tablespace":
			if s := d.GetArg().GetString_().GetSval(); s != "pg_default" {
				err = errs.New(errs.UndefinedObject, "tablespace %q does not exist", s)
			}
		default:
			err = errs.New(errs.SyntaxError, "unrecognized REINDEX option %q", d.Defname)
		}
		if err != nil {
			return false, false, err
		}
	}
	return verbose, concurrently, nil
}

// reindexed returns the tables that a REINDEX is about.
func reindexed(env *Env, n *pg.ReindexStmt) ([]*catalog.Table, error) {
	switch n.Kind {
	case pg.ReindexObjectType_REINDEX_OBJECT_TABLE:
		rel, err := relationNamed(env, n.Relation)
		switch {
		case err != nil:
			return nil, err
		case rel.Kind == 'v':
			return nil, errs.New(errs.WrongObjectType, "%q is not a table or materialized view", n.Relation.Relname)
		case rel.Table == nil:
			return nil, nil // a catalog of the system has no segments
		}
		return []*catalog.Table{rel.Table}, nil
	case pg.ReindexObjectType_REINDEX_OBJECT_SCHEMA:
		if env.Tx.Catalog().Schema(n.Name) == nil && !pgcatalog.IsSchema(n.Name) {
			return nil, errs.New(errs.InvalidSchemaName, "schema %q does not exist", n.Name)
		}
		var found []*catalog.Table
		for _, t := range env.Tx.Catalog().Tables() {
			if t.Schema == n.Name {
				found = append(found, t)
			}
		}
		return found, nil
	case pg.ReindexObjectType_REINDEX_OBJECT_DATABASE, pg.ReindexObjectType_REINDEX_OBJECT_SYSTEM:
		if n.Name != "" && n.Name != env.Fn.Session.Database() {
			return nil, errs.New(errs.FeatureNotSupported, "can only reindex the currently open database")
		}
		if n.Kind == pg.ReindexObjectType_REINDEX_OBJECT_SYSTEM {
			return nil, nil // catalogs have no segments
		}
		return env.Tx.Catalog().Tables(), nil
	}
	rel, err := relationNamed(env, n.Relation)
	if err == nil && rel.Virtual == nil {
		return nil, errs.New(errs.WrongObjectType, "%q is not an index", n.Relation.Relname)
	}
	for _, t := range env.Tx.Catalog().Tables() {
		if k := t.Constraint(n.Relation.Relname); k != nil && k.Indexed() {
			return nil, errs.Unsupported("REINDEX INDEX").WithHint("REINDEX TABLE builds the indexes of a table anew.")
		}
	}
	return nil, err
}

// reindexTable builds the segments of one table anew, and tells of them.
func reindexTable(ctx context.Context, env *Env, t *catalog.Table, verbose bool) error {
	var lines []rebuild.Line
	err := env.DB.Reindex(ctx, t.ID, func(l rebuild.Line) error {
		if lines = append(lines, l); l.Problem() == "" {
			return nil
		}
		return env.Out.Notice("WARNING", string(errs.DataCorrupted), fmt.Sprintf("segment %d of table %q, rows %s: %s", l.Segment, t.Name, l.Numbers(), l.Problem()))
	})
	if errs.Is(err, errs.UndefinedTable) && env.Tx.Made(t.ID) {
		err = nil
	}
	switch {
	case err != nil:
		return err
	case len(lines) == 0:
		return env.Out.Notice("NOTICE", "00000", fmt.Sprintf("table %q has no segments to reindex", t.Name))
	case !verbose:
		return nil
	}
	for _, l := range lines {
		if l.Source == "" { // it was set aside
			continue
		}
		if err := env.Out.Notice("INFO", "00000", fmt.Sprintf("segment %d of table %q was built anew from the %s: %d rows, numbers %s, hash %016x",
			l.Segment, t.Name, l.Source, l.Of.Rows, l.Numbers(), l.Of.Hash)); err != nil {
			return err
		}
	}
	return nil
}

// flag reads an option of a statement that is on or off, and on when it says neither.
func flag(d *pg.DefElem) (bool, error) {
	switch a := d.GetArg().GetNode().(type) {
	case nil:
		return true, nil
	case *pg.Node_Integer:
		if v := a.Integer.Ival; v == 0 || v == 1 {
			return v == 1, nil
		}
	case *pg.Node_Boolean:
		return a.Boolean.Boolval, nil
	case *pg.Node_String_:
		switch a.String_.Sval {
		case "true", "on":
			return true, nil
		case "false", "off":
			return false, nil
		}
	}
	return false, errs.New(errs.SyntaxError, "%s requires a Boolean value", d.Defname)
}
