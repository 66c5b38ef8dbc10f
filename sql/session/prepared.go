package session

import (
	"context"
	"time"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/stmt"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// prepared is a prepared statement. Its plan is made anew when the catalog has changed since, as PostgreSQL does it: names
// are looked up again, parameters keep the types that they had at first, since the client has been told them.
type prepared struct {
	name    string
	st      parse.Statement // Node nil: an empty text
	given   []types.Type    // parameter types as the client gave them
	cmd     *stmt.Command   // nil for statements that the session runs itself
	catalog uint64
	columns []Column
	params  []types.Type
	fromSQL bool
	made    int64
	bytes   int64 // that are charged for it
}

// preparedBytes is what a statement takes besides its text, tree and plan: 2,000 of "SELECT 1" took 3 kB each.
const preparedBytes = 3 << 10

// weigh charges a statement that is to be prepared: there may be any number of them.
func (s *Session) weigh(p *prepared, text string) error {
	p.bytes = preparedBytes + parse.Weight(text)
	if err := s.texts.Reserve(p.bytes); err != nil {
		p.bytes = 0
		return err
	}
	return nil
}

// forget gives back what was charged for a statement. It may be called again.
func (s *Session) forget(p *prepared) {
	s.texts.Free(p.bytes)
	p.bytes = 0
}

// forgetStatements drops all of them.
func (s *Session) forgetStatements() {
	for name := range s.statements {
		s.DropStatement(name)
	}
}

// Parse prepares one statement.
func (s *Session) Parse(ctx context.Context, name, sql string, oids []uint32) error {
	err := s.timed(ctx, sql, func(ctx context.Context) error { return s.parse(ctx, name, sql, oids) })
	if err != nil {
		return s.failed(err)
	}
	return nil
}

func (s *Session) parse(ctx context.Context, name, sql string, oids []uint32) error {
	if name == "" {
		s.DropStatement("")
	}
	p := &prepared{name: name, made: time.Now().UnixMicro()}
	if err := s.weigh(p, sql); err != nil {
		return err
	}
	if err := s.prepare(ctx, p, sql, oids); err != nil {
		s.forget(p)
		return err
	}
	s.statements[name] = p
	return nil
}

// prepare fills in a prepared statement.
func (s *Session) prepare(ctx context.Context, p *prepared, sql string, oids []uint32) error {
	all, err := parse.Parse(sql)
	if err != nil {
		return err
	}
	if len(all) > 1 {
		return errs.New(errs.SyntaxError, "cannot insert multiple commands into a prepared statement")
	}
	given, err := parameterTypes(oids)
	if err != nil {
		return err
	}
	p.given, p.params = given, given
	if len(all) == 1 {
		p.st = all[0]
		if s.status == Failed && !leaves(p.st.Node) {
			return errAborted()
		}
		if err := s.plan(ctx, p); err != nil {
			return err
		}
	}
	if s.statements[p.name] != nil { // PostgreSQL finds what is wrong with the text first
		return errs.New(errs.DuplicatePreparedStatement, "prepared statement %q already exists", p.name)
	}
	return nil
}

// plan binds and optimizes a prepared statement, unless it is one of the session's own.
func (s *Session) plan(ctx context.Context, p *prepared) error {
	n := p.st.Node
	if n.GetTransactionStmt() != nil {
		return nil
	}
	s.begin()
	switch x := n.Node.(type) {
	case *pg.Node_PrepareStmt, *pg.Node_DeallocateStmt, *pg.Node_DeclareCursorStmt, *pg.Node_ClosePortalStmt:
		return nil
	case *pg.Node_ExecuteStmt:
		if q := s.statements[x.ExecuteStmt.Name]; q != nil {
			p.columns = q.columns
		}
		return nil
	case *pg.Node_FetchStmt:
		if q := s.portals[x.FetchStmt.Portalname]; q != nil && !x.FetchStmt.Ismove {
			p.columns = q.stmt.columns
		}
		return nil
	}
	settled := p.given
	if p.cmd != nil {
		settled = p.params
	}
	cmd, err := s.command(ctx, &p.st, settled, false, Discard{})
	if err != nil {
		return err
	}
	var cols []Column
	if cmd.Columns != nil {
		cols = columns(cmd.Columns)
	}
	if p.cmd != nil && !sameColumns(p.columns, cols) {
		return errs.New(errs.FeatureNotSupported, "cached plan must not change result type")
	}
	p.cmd, p.columns, p.params, p.catalog = cmd, cols, cmd.Parameters, s.tx.Catalog().Version()
	return nil
}

func sameColumns(a, b []Column) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Name != b[i].Name || a[i].Type != b[i].Type {
			return false
		}
	}
	return true
}

// fresh plans a statement again when the catalog has changed or the transaction has its own.
func (s *Session) fresh(ctx context.Context, p *prepared) error {
	if p.cmd == nil || p.st.Node == nil {
		return nil
	}
	s.begin()
	if p.catalog == s.tx.Catalog().Version() && !s.tx.Changed() {
		// The plan may still be old in its statistics: the cache knows.
		if p.cmd.Plan != nil {
			return s.plan(ctx, p)
		}
		return nil
	}
	return s.plan(ctx, p)
}

func (s *Session) lookup(name string) (*prepared, error) {
	p := s.statements[name]
	if p == nil {
		if name == "" {
			return nil, errs.New(errs.InvalidSQLStatementName, "unnamed prepared statement does not exist")
		}
		return nil, errs.New(errs.InvalidSQLStatementName, "prepared statement %q does not exist", name)
	}
	return p, nil
}

// DescribeStatement returns the parameter types and the result columns.
func (s *Session) DescribeStatement(ctx context.Context, name string) ([]types.Type, []Column, error) {
	p, err := s.lookup(name)
	if err == nil && s.status == Failed && p.columns != nil {
		err = errAborted()
	}
	if err != nil {
		return nil, nil, s.failed(err)
	}
	return p.params, p.columns, nil
}

// CloseStatement forgets a prepared statement; it is no error when there is none.
func (s *Session) CloseStatement(name string) error {
	s.DropStatement(name)
	return nil
}

// DropStatement forgets a prepared statement. Portals made of it stay, as in PostgreSQL.
func (s *Session) DropStatement(name string) {
	if p := s.statements[name]; p != nil {
		s.forget(p)
		delete(s.statements, name)
	}
}

// prepareSQL runs PREPARE.
func (s *Session) prepareSQL(ctx context.Context, st *parse.Statement, n *pg.PrepareStmt, out Output) (string, error) {
	if s.statements[n.Name] != nil {
		return "", errs.New(errs.DuplicatePreparedStatement, "prepared statement %q already exists", n.Name)
	}
	p := &prepared{name: n.Name, fromSQL: true, made: s.stmtStart}
	var err error
	if len(n.Argtypes) > 0 {
		if p.given, err = s.typesOf(ctx, st, n.Argtypes); err != nil {
			return "", err
		}
	}
	p.st = parse.Statement{Node: n.Query, Text: st.Text, Source: st.Source}
	if err := s.weigh(p, st.Text); err != nil {
		return "", err
	}
	if err := s.plan(ctx, p); err != nil {
		s.forget(p)
		return "", err
	}
	s.statements[n.Name] = p
	return "PREPARE", nil
}

// executeSQL runs EXECUTE.
func (s *Session) executeSQL(ctx context.Context, st *parse.Statement, n *pg.ExecuteStmt, out Output, describe bool) (string, error) {
	p := s.statements[n.Name]
	if p == nil {
		return "", errs.New(errs.InvalidSQLStatementName, "prepared statement %q does not exist", n.Name)
	}
	if len(n.Params) != len(p.params) {
		return "", errs.New(errs.SyntaxError, "wrong number of parameters for prepared statement %q", n.Name).
			WithDetail("Expected %d parameters but got %d.", len(p.params), len(n.Params))
	}
	values, err := s.arguments(ctx, st, n.Params, p.params)
	if err != nil {
		return "", err
	}
	if p.cmd == nil {
		tag, _, err := s.own(ctx, &p.st, out, describe)
		return tag, err
	}
	if err := s.fresh(ctx, p); err != nil {
		return "", err
	}
	if err := p.cmd.Check(ctx, values); err != nil {
		return "", err
	}
	return s.run(ctx, p.cmd, values, out, describe)
}

// deallocate runs DEALLOCATE.
func (s *Session) deallocate(n *pg.DeallocateStmt) (string, error) {
	if n.Name == "" {
		s.forgetStatements()
		return "DEALLOCATE ALL", nil
	}
	if s.statements[n.Name] == nil {
		return "", errs.New(errs.InvalidSQLStatementName, "prepared statement %q does not exist", n.Name)
	}
	s.DropStatement(n.Name)
	return "DEALLOCATE", nil
}
