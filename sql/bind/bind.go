// Package bind resolves the names and types of a statement: from PostgreSQL's raw syntax tree to a logical plan or to a
// bound statement. It follows PostgreSQL's rules and words: what a column name means in GROUP BY, how an untyped literal
// gets its type, what an output column is called, which SQLSTATE, message, position and hint an error has.
//
// Subqueries in expressions become joins at once: the subquery is joined to the rows that the expression is computed
// over, as Single (a scalar), Mark (EXISTS, IN), or as an Apply of the same kind when it reads columns of the outer
// query, and a column takes its place in the expression. Passes of package opt make better joins of them.
//
// A Binder binds one statement and belongs to one goroutine. It reads the catalog through a Resolver only.
package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Binder binds one statement.
type Binder struct {
	resolver Resolver
	env      Env
	params   params
	stmt     parse.Statement
	nextID   plan.ID
	// places remembers where a column reference stood, for errors that are found later (42803).
	places map[*expr.Column]int32
	// below has the references that stood in a subquery which is no more than its expression, for 42803, too.
	below map[*expr.Column]bool
	// expanded counts how often WITH queries were bound anew for a reference; shared counts the others.
	expanded, shared int
	// arguments counts the calls of aggregates around what is being bound.
	arguments int
	rounds    int // recursive queries that were bound
	// origins tells which table column a column of the plan is.
	origins map[plan.ID]plan.Column
	// definition is what is noted of the names of a query that is to be kept; nil: nothing is.
	definition *definition
	// inside are the views around what is bound; views counts all that were bound.
	inside []catalog.ID
	views  int
	// declared are the columns whose type has a modifier of SQL's (exprTypmod), not one of our arithmetic.
	declared plan.Set
}

// New returns a binder. params are the types of $1, $2, ... as far as the client gave them; Kind Invalid or Unknown
// means that the binder infers it, and so it does for parameters beyond the list.
func New(r Resolver, params []types.Type, env Env) *Binder {
	b := &Binder{resolver: r, env: env, places: map[*expr.Column]int32{}, below: map[*expr.Column]bool{}, origins: map[plan.ID]plan.Column{}, declared: plan.Set{}}
	b.params.init(params)
	return b
}

// Statement binds a statement. Errors carry the SQLSTATE and position that PostgreSQL gives.
func (b *Binder) Statement(s parse.Statement) (Statement, error) {
	b.stmt = s
	if s.Node == nil {
		return &Empty{}, nil
	}
	st, err := b.statement(s.Node)
	if err != nil {
		return nil, err
	}
	if err := b.params.check(b); err != nil {
		return nil, err
	}
	return st, nil
}

func (b *Binder) statement(n *pg.Node) (Statement, error) {
	switch n := n.Node.(type) {
	case *pg.Node_SelectStmt:
		return b.query(n.SelectStmt)
	case *pg.Node_InsertStmt:
		return b.insert(n.InsertStmt)
	case *pg.Node_CopyStmt:
		return b.copy(n.CopyStmt)
	case *pg.Node_CreateStmt:
		return b.createTable(n.CreateStmt)
	case *pg.Node_CreateSeqStmt:
		return ddl.NewSequence(definitions{b}, &b.stmt, n.CreateSeqStmt)
	case *pg.Node_AlterSeqStmt:
		return ddl.ChangeSequence(definitions{b}, &b.stmt, n.AlterSeqStmt)
	case *pg.Node_ViewStmt:
		return b.createView(n.ViewStmt)
	case *pg.Node_CreateTableAsStmt:
		return b.createTableAs(n.CreateTableAsStmt)
	case *pg.Node_DropStmt:
		switch n.DropStmt.RemoveType {
		case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_SEQUENCE:
			return ddl.Drop(n.DropStmt)
		}
	case *pg.Node_AlterTableStmt:
		return b.alterTable(n.AlterTableStmt)
	case *pg.Node_RenameStmt:
		if a := ddl.Rename(n.RenameStmt); a != nil {
			return a, nil
		}
	case *pg.Node_AlterObjectSchemaStmt:
		if a := ddl.Move(n.AlterObjectSchemaStmt); a != nil {
			return a, nil
		}
	case *pg.Node_ExplainStmt:
		return b.explain(n.ExplainStmt)
	case *pg.Node_UpdateStmt:
		return b.update(n.UpdateStmt)
	case *pg.Node_DeleteStmt:
		return b.delete(n.DeleteStmt)
	case *pg.Node_MergeStmt:
		return nil, errs.Unsupported("MERGE")
	}
	return &Utility{Node: n, Tag: commandTag(n)}, nil
}

// query binds SELECT, VALUES and TABLE as a statement of their own.
func (b *Binder) query(n *pg.SelectStmt) (*Query, error) {
	q, err := b.selectStmt(nil, n, false)
	if err != nil {
		return nil, err
	}
	for i := range q.cols {
		c := &q.cols[i]
		c.Bare = c.Type.Kind == types.Numeric && !b.declared.Has(c.ID)
	}
	out := &Query{Plan: q.node, Columns: q.cols}
	if len(n.LockingClause) > 0 {
		out.Lock = lockName(n.LockingClause[0].GetLockingClause().GetStrength())
	}
	return out, nil
}

// newID makes a column number.
func (b *Binder) newID() plan.ID {
	b.nextID++
	return b.nextID
}

// newColumn makes a column of an expression.
func (b *Binder) newColumn(name string, t types.Type) plan.Column {
	return plan.Column{ID: b.newID(), Name: name, Type: t}
}

// at gives an error a position, unless it has one.
func (b *Binder) at(err error, loc int32) error { return b.stmt.At(err, loc) }

// fail makes an error with a position.
func (b *Binder) fail(loc int32, code errs.Code, format string, args ...any) *errs.Error {
	return b.stmt.Fail(loc, code, format, args...)
}

func (b *Binder) unsupported(loc int32, format string, args ...any) error {
	return b.stmt.Unsupported(loc, format, args...)
}

// ref makes a reference to a column of a plan.
func ref(c plan.Column) *expr.Column { return &expr.Column{Index: int(c.ID), Name: c.Name, T: c.Type} }
