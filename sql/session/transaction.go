package session

import (
	"context"
	"time"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/stmt"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// savepoint is a point of the open transaction by its name. A name may occur several times; the newest counts.
type savepoint struct {
	name string
	data stmt.Savepoint
	set  int
}

// begin makes sure that a transaction is open, an implicit one if need be.
func (s *Session) begin() {
	if s.tx != nil {
		return
	}
	s.tx = stmt.Begin(s.engine.db, s.engine.options.Pool)
	s.txStart = s.stmtStart
	if s.txStart == 0 {
		s.txStart = time.Now().UnixMicro()
	}
	s.txMark = s.settings.Mark()
	for _, mode := range []string{"read_only", "isolation", "deferrable"} {
		s.settings.Adopt("transaction_"+mode, "default_transaction_"+mode)
	}
}

// commit ends the transaction and publishes its writes. When that fails, nothing of it remains.
func (s *Session) commit(ctx context.Context) error {
	s.closePortals()
	if s.tx == nil {
		return nil
	}
	tx := s.tx
	if err := tx.Commit(ctx); err != nil {
		s.rollback()
		return err
	}
	s.settings.Commit()
	s.ended()
	return nil
}

// rollback ends the transaction and forgets its writes.
func (s *Session) rollback() {
	s.closePortals()
	if s.tx != nil {
		s.tx.Rollback()
		s.settings.Rollback(s.txMark)
	}
	s.ended()
}

func (s *Session) ended() {
	if s.tx != nil {
		s.endAdvisory()
	}
	s.tx, s.savepoints, s.status, s.last = nil, nil, Idle, executed{}
}

// endImplicit commits a transaction that no BEGIN has opened.
func (s *Session) endImplicit(ctx context.Context) error {
	if s.status != Idle {
		return nil
	}
	return s.commit(ctx)
}

// failed does what an error does to the transaction: an implicit one is over, an explicit one waits for its ROLLBACK.
func (s *Session) failed(err error) error {
	switch s.status {
	case Idle:
		s.rollback()
	case InTransaction:
		for _, o := range s.portals {
			if o.depth == len(s.savepoints) { // older ones live on when the block goes back to its savepoint
				o.fail()
			}
		}
		s.status = Failed
	}
	return errs.From(err)
}

// transaction runs BEGIN, COMMIT, ROLLBACK and the savepoint statements.
func (s *Session) transaction(ctx context.Context, n *pg.TransactionStmt, out Output) (string, error) {
	switch n.Kind {
	case pg.TransactionStmtKind_TRANS_STMT_BEGIN, pg.TransactionStmtKind_TRANS_STMT_START:
		return s.beginBlock(n, out)
	case pg.TransactionStmtKind_TRANS_STMT_COMMIT:
		return s.commitBlock(ctx, n, out)
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK:
		return s.rollbackBlock(n, out)
	case pg.TransactionStmtKind_TRANS_STMT_SAVEPOINT:
		if err := s.inBlock("SAVEPOINT"); err != nil {
			return "", err
		}
		s.savepoints = append(s.savepoints, savepoint{n.SavepointName, s.tx.Savepoint(), s.settings.Mark()})
		return "SAVEPOINT", nil
	case pg.TransactionStmtKind_TRANS_STMT_RELEASE:
		if err := s.inBlock("RELEASE SAVEPOINT"); err != nil {
			return "", err
		}
		i, err := s.savepoint(n.SavepointName)
		if err != nil {
			return "", err
		}
		s.savepoints = s.savepoints[:i]
		for _, o := range s.portals {
			o.depth = min(o.depth, i)
		}
		return "RELEASE", nil
	case pg.TransactionStmtKind_TRANS_STMT_ROLLBACK_TO:
		return s.rollbackTo(n.SavepointName)
	}
	return "", errs.Unsupported("two-phase commit")
}

func (s *Session) beginBlock(n *pg.TransactionStmt, out Output) (string, error) {
	tag := "BEGIN"
	if n.Kind == pg.TransactionStmtKind_TRANS_STMT_START {
		tag = "START TRANSACTION"
	}
	if s.status == InTransaction {
		return tag, out.Notice("WARNING", string(errs.ActiveSQLTransaction), "there is already a transaction in progress")
	}
	s.begin()
	s.status = InTransaction
	return tag, s.modes(n.Options, out)
}

func (s *Session) modes(options []*pg.Node, out Output) error {
	return stmt.TransactionModes(commands{s, output{out}}, options, "transaction_", true)
}

func (s *Session) commitBlock(ctx context.Context, n *pg.TransactionStmt, out Output) (string, error) {
	switch s.status {
	case Failed:
		s.rollback()
		return "ROLLBACK", s.chain(n)
	case Idle:
		if n.Chain {
			return "", errs.New(errs.NoActiveSQLTransaction, "COMMIT AND CHAIN can only be used in transaction blocks")
		}
		if err := s.commit(ctx); err != nil {
			return "", err
		}
		return "COMMIT", out.Notice("WARNING", string(errs.NoActiveSQLTransaction), "there is no transaction in progress")
	}
	if err := s.commit(ctx); err != nil {
		return "", err
	}
	return "COMMIT", s.chain(n)
}

func (s *Session) rollbackBlock(n *pg.TransactionStmt, out Output) (string, error) {
	if s.status == Idle {
		if n.Chain {
			return "", errs.New(errs.NoActiveSQLTransaction, "ROLLBACK AND CHAIN can only be used in transaction blocks")
		}
		s.rollback()
		return "ROLLBACK", out.Notice("WARNING", string(errs.NoActiveSQLTransaction), "there is no transaction in progress")
	}
	s.rollback()
	return "ROLLBACK", s.chain(n)
}

// chain opens the next transaction of COMMIT AND CHAIN.
func (s *Session) chain(n *pg.TransactionStmt) error {
	if n.Chain {
		s.begin()
		s.status = InTransaction
	}
	return nil
}

// inBlock refuses what makes sense only inside an explicit transaction.
func (s *Session) inBlock(what string) error {
	if s.status == Idle {
		return errs.New(errs.NoActiveSQLTransaction, "%s can only be used in transaction blocks", what)
	}
	return nil
}

func (s *Session) savepoint(name string) (int, error) {
	for i := len(s.savepoints) - 1; i >= 0; i-- {
		if s.savepoints[i].name == name {
			return i, nil
		}
	}
	return 0, errs.New(errs.InvalidSavepoint, "savepoint %q does not exist", name)
}

func (s *Session) rollbackTo(name string) (string, error) {
	if err := s.inBlock("ROLLBACK TO SAVEPOINT"); err != nil {
		return "", err
	}
	i, err := s.savepoint(name)
	if err != nil {
		return "", err
	}
	p := s.savepoints[i]
	s.closeYounger(i)
	if err := s.tx.RollbackTo(p.data); err != nil {
		return "", err
	}
	s.settings.Rollback(p.set)
	s.savepoints = s.savepoints[:i+1]
	s.status = InTransaction
	return "ROLLBACK", nil
}

// leaves tells whether a statement may run in a failed block.
func leaves(n *pg.Node) bool {
	t := n.GetTransactionStmt()
	if t == nil {
		return false
	}
	switch t.Kind {
	case pg.TransactionStmtKind_TRANS_STMT_COMMIT, pg.TransactionStmtKind_TRANS_STMT_ROLLBACK,
		pg.TransactionStmtKind_TRANS_STMT_ROLLBACK_TO:
		return true
	}
	return false
}

func errAborted() error {
	return errs.New(errs.InFailedSQLTransaction,
		"current transaction is aborted, commands ignored until end of transaction block")
}
