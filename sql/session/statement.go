package session

import (
	"context"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/sql/stmt"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// statement runs one statement inside the open transaction, or an implicit one that the caller ends. It returns the
// command tag; out.Columns is called when describe is true.
func (s *Session) statement(ctx context.Context, st *parse.Statement, params []types.Datum, out Output, describe bool) (string, error) {
	if s.status == Failed && !leaves(st.Node) {
		return "", errAborted()
	}
	if t := st.Node.GetTransactionStmt(); t != nil {
		return s.transaction(ctx, t, out)
	}
	s.begin()
	if tag, ok, err := s.own(ctx, st, out, describe); ok {
		return tag, err
	}
	cmd, err := s.command(ctx, st, nil, params == nil, out)
	if err != nil {
		return "", err
	}
	if err := cmd.Check(ctx, params); err != nil {
		return "", err
	}
	return s.run(ctx, cmd, params, out, describe)
}

// run runs a command. With describe it calls out.Columns too.
func (s *Session) run(ctx context.Context, cmd *stmt.Command, params []types.Datum, out Output, describe bool) (string, error) {
	if what, ok := stmt.Writes(cmd.Bound); ok && s.settings.Raw("transaction_read_only") == "on" {
		return "", errs.New(errs.ReadOnlySQLTransaction, "cannot execute %s in a read-only transaction", what)
	} else if ok {
		if err := s.preserve(ctx); err != nil {
			return "", err
		}
	}
	s.tx.Settle()
	if !describe || cmd.Columns == nil {
		return s.runTo(ctx, cmd, params, out)
	}
	cols := columns(cmd.Columns)
	if _, ok := cmd.Bound.(*bind.Query); ok {
		if err := out.Columns(cols); err != nil {
			return "", err
		}
		return s.runTo(ctx, cmd, params, out)
	}
	// Whatever is no query has run to its end before PostgreSQL says anything of its rows.
	late := &lateColumns{Output: out, cols: cols}
	tag, err := s.runTo(ctx, cmd, params, late)
	if err == nil {
		err = late.describe()
	}
	return tag, err
}

func (s *Session) runTo(ctx context.Context, cmd *stmt.Command, params []types.Datum, out Output) (string, error) {
	env := s.env(ctx, output{out})
	env.Params = params
	return cmd.Run(ctx, env)
}

// lateColumns describes rows when the first of them come.
type lateColumns struct {
	Output
	cols []Column // nil: described
}

func (l *lateColumns) describe() error {
	cols := l.cols
	if l.cols = nil; cols == nil {
		return nil
	}
	return l.Output.Columns(cols)
}

// Rows implements Output.
func (l *lateColumns) Rows(b *batch.Batch) error {
	if err := l.describe(); err != nil {
		return err
	}
	return l.Output.Rows(b)
}

// command binds and optimizes a statement, or finds it in the cache. params are the parameter types as far as the
// client gave them; closed says that there can be none.
func (s *Session) command(ctx context.Context, st *parse.Statement, params []types.Type, closed bool, out Output) (*stmt.Command, error) {
	env := s.env(ctx, output{out})
	key, cacheable := s.planKey(st, params)
	if cacheable {
		if cmd := s.engine.plans.get(ctx, key, s.tx); cmd != nil && !(closed && len(cmd.Parameters) > 0) {
			return cmd, nil
		}
	}
	b := bind.New(&resolver{s: s}, params, bind.Env{Fn: env.Fn, NoParameters: closed})
	bound, err := b.Statement(*st)
	if err != nil {
		return nil, err
	}
	cmd, err := stmt.Prepare(ctx, env, bound, b.Parameters())
	if err != nil {
		return nil, err
	}
	if cacheable && cmd.Plan != nil {
		s.engine.plans.put(ctx, key, cmd, s.tx)
	}
	return cmd, nil
}

// planKey returns what a plan depends on besides the statistics: the text, the catalog, how names are looked up, and
// the settings that literals are read with. Transactions that changed the catalog plan for themselves.
func (s *Session) planKey(st *parse.Statement, params []types.Type) (planKey, bool) {
	if s.tx.Changed() || len(st.Text) > planTextBytes {
		return planKey{}, false
	}
	var types strings.Builder
	for _, p := range params {
		types.WriteString(p.String())
		types.WriteByte(',')
	}
	return planKey{text: st.Text, catalog: s.tx.Catalog().Version(), params: types.String(),
		path: s.settings.Raw("search_path") + "\x00" + s.user, zone: s.settings.Raw("timezone"),
		style: s.settings.Raw("datestyle"), passes: s.settings.Raw("siltstone.disable_passes")}, true
}

// own runs the statements that only the session can run.
func (s *Session) own(ctx context.Context, st *parse.Statement, out Output, describe bool) (tag string, ok bool, err error) {
	switch n := st.Node.Node.(type) {
	case *pg.Node_PrepareStmt:
		tag, err = s.prepareSQL(ctx, st, n.PrepareStmt, out)
	case *pg.Node_ExecuteStmt:
		tag, err = s.executeSQL(ctx, st, n.ExecuteStmt, out, describe)
	case *pg.Node_DeallocateStmt:
		tag, err = s.deallocate(n.DeallocateStmt)
	case *pg.Node_DeclareCursorStmt:
		tag, err = s.declare(ctx, st, n.DeclareCursorStmt, out)
	case *pg.Node_FetchStmt:
		tag, err = s.fetch(ctx, n.FetchStmt, out, describe)
	case *pg.Node_ClosePortalStmt:
		tag, err = s.closeCursor(n.ClosePortalStmt)
	default:
		return "", false, nil
	}
	return tag, true, err
}

// columns turns the columns of a plan into those of a result.
func columns(cols []plan.Column) []Column {
	out := make([]Column, len(cols))
	for i, c := range cols {
		out[i] = Column{Name: c.Name, Type: c.Type, TableOID: c.TableOID, Bare: c.Bare}
		if c.TableOID != 0 {
			out[i].Attnum = int16(c.Ordinal + 1) // negative for system columns
		}
	}
	return out
}
