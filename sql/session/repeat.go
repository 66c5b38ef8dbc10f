package session

import (
	"context"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// A transaction works on one snapshot, and fails with 40001 when it commits after another one that has changed the same
// rows. For a statement that is a transaction of its own nobody can tell whether it began before or after the other:
// it runs again on a new snapshot, which shows it what PostgreSQL's READ COMMITTED would have shown it.

// repeatsMax bounds how often. Each time another transaction has got through, so that only a statement which takes
// much longer than those it meets comes near: of 50 that hammer one row, none in a million.
const repeatsMax = 1000

// repeatable tells whether a statement, alone in its transaction, is one that can meet such a conflict.
func (s *Session) repeatable(n *pg.Node) bool {
	if s.status != Idle || s.tx != nil {
		return false
	}
	switch n := n.Node.(type) {
	case *pg.Node_UpdateStmt, *pg.Node_DeleteStmt:
		return true
	case *pg.Node_InsertStmt:
		return n.InsertStmt.OnConflictClause != nil
	case *pg.Node_ExecuteStmt:
		p := s.statements[n.ExecuteStmt.Name]
		return p != nil && modifies(p)
	}
	return false
}

func modifies(p *prepared) bool {
	if p.cmd == nil {
		return false
	}
	switch b := p.cmd.Bound.(type) {
	case *bind.Modify:
		return true
	case *bind.Insert:
		return b.Conflict != nil
	}
	return false
}

// alone runs a statement as a transaction of its own, again while it meets conflicts.
func (s *Session) alone(ctx context.Context, st *parse.Statement, out Output) error {
	k := &keeper{Output: out, kept: kept{account: s.engine.options.Pool.Account("returned rows", 0)}}
	defer k.kept.account.Close()
	for try := 0; ; try++ {
		tag, err := s.statement(ctx, st, nil, k, true)
		if err != nil {
			return err
		}
		if err = s.endImplicit(ctx); err == nil {
			return k.complete(tag)
		}
		if !errs.Is(err, errs.SerializationFailure) || try == repeatsMax || ctx.Err() != nil {
			return err
		}
		k.again()
	}
}

// executed is what an implicit transaction of the extended protocol has run: how many statements, and the last one, if
// it ran to its end, with the tag that the client was told.
type executed struct {
	count  int
	portal *portal
	tag    string
}

// repeat runs a statement again that was alone in its transaction. The client has been told its tag, and the rows of
// RETURNING, before the commit failed: those cannot be taken back, so that the error stays when the answer is another.
func (s *Session) repeat(ctx context.Context, last executed, err error) error {
	if last.count != 1 || last.portal == nil || !modifies(last.portal.stmt) || last.portal.stmt.columns != nil {
		return err
	}
	p := last.portal.stmt
	for range repeatsMax {
		if e := s.fresh(ctx, p); e != nil {
			return e
		}
		s.begin()
		tag, e := s.run(ctx, p.cmd, last.portal.params, Discard{}, false)
		if e != nil {
			return e
		}
		if tag != last.tag {
			s.rollback()
			return err
		}
		if err = s.commit(ctx); !errs.Is(err, errs.SerializationFailure) || ctx.Err() != nil {
			return err
		}
	}
	return err
}

// keeper keeps the rows of a statement until it is known that they stand.
type keeper struct {
	Output
	kept      kept
	described bool
}

// Columns implements Output.
func (k *keeper) Columns(cols []Column) error {
	if k.described {
		return nil
	}
	k.described = true
	return k.Output.Columns(cols)
}

// Rows implements Output.
func (k *keeper) Rows(b *batch.Batch) error { return k.kept.Rows(b) }

// again forgets the rows.
func (k *keeper) again() {
	k.kept.rows = nil
	k.kept.account.Free(k.kept.account.Used())
}

// complete hands over the rows.
func (k *keeper) complete(tag string) error {
	for _, b := range k.kept.rows {
		if err := k.Output.Rows(b); err != nil {
			return err
		}
	}
	return k.Output.Complete(tag)
}
