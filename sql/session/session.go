package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/setting"
	"github.com/siltstone-db/siltstone/sql/stmt"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// Session is one connection.
type Session struct {
	engine   *Engine
	random   fn.Random
	pid      int32
	user     string
	settings *setting.Values
	reported map[string]string // what the client was last told of reported parameters

	// The transaction. status is that of an explicit block; tx is also set inside an implicit one.
	status     TxStatus
	tx         *stmt.Tx
	savepoints []savepoint
	txMark     int   // of settings, when the transaction began
	txStart    int64 // microseconds since 1970 UTC
	stmtStart  int64
	last       executed // of the implicit transaction
	several    bool     // it is that of a text of several statements, in which a cursor can be of use

	statements   map[string]*prepared
	texts        *mem.Account // of prepared statements, and of large texts while they run
	portals      map[string]*portal
	path         []string // the search path, as parsed from pathText
	pathText     string
	pathImplicit bool // pathText does not name pg_catalog, which path begins with

	mu struct {
		sync.Mutex
		stop context.CancelCauseFunc // of the running statement
	}
	activity  activity
	sequences sequences
	waitsFor  *advisoryLock // guarded by those, as held
	held      int           // advisory locks
}

// smallTextBytes is the longest text that is run without an account: its tree and plan take 3 MB at most, some 50 kB as
// clients write them, and most of them come from caches.
const smallTextBytes = 16 << 10

// Causes of a cancelled statement.
var (
	errUser    = errs.New(errs.QueryCanceled, "canceling statement due to user request")
	errTimeout = errs.New(errs.QueryCanceled, "canceling statement due to statement timeout")
)

// PID returns the number of the session.
func (s *Session) PID() int32 { return s.pid }

// Simple runs all statements of a text. The implicit transaction around them ends with the text, unless a statement
// opened an explicit one. The error that stopped it was not sent to out: that is the caller's to do.
func (s *Session) Simple(ctx context.Context, sql string, out Output) error {
	s.DropStatement("")
	s.closePortal("")
	err := s.simple(ctx, sql, out)
	if err != nil {
		err = s.failed(err)
	}
	if e := s.report(out); err == nil {
		err = e
	}
	s.rest()
	return err
}

func (s *Session) simple(ctx context.Context, sql string, out Output) error {
	if len(sql) > smallTextBytes {
		weight := parse.Weight(sql)
		if err := s.texts.Reserve(weight); err != nil {
			return err
		}
		defer s.texts.Free(weight)
	}
	statements, err := parse.Parse(sql)
	if err != nil {
		return err
	}
	if len(statements) == 0 {
		return out.Empty()
	}
	if len(statements) == 1 && s.repeatable(statements[0].Node) {
		return s.timed(ctx, statements[0].Text, func(ctx context.Context) error { return s.alone(ctx, &statements[0], out) })
	}
	s.several = len(statements) > 1
	defer func() { s.several = false }()
	for i := range statements {
		last := i == len(statements)-1
		run := func(ctx context.Context) error {
			tag, err := s.statement(ctx, &statements[i], nil, out, true)
			if err != nil {
				return err
			}
			if last {
				if err := s.endImplicit(ctx); err != nil {
					return err
				}
			}
			return out.Complete(tag)
		}
		if err := s.timed(ctx, statements[i].Text, run); err != nil {
			return err
		}
	}
	return nil
}

// timed runs one statement so that it can be cancelled and its time limit holds.
func (s *Session) timed(ctx context.Context, text string, run func(context.Context) error) error {
	return s.cancellable(ctx, func(ctx context.Context, stop context.CancelCauseFunc) error {
		if limit := s.timeout(); limit > 0 {
			t := time.AfterFunc(limit, func() { stop(errTimeout) })
			defer t.Stop()
		}
		s.begins(text)
		return run(ctx)
	})
}

// cancellable runs something that Cancel stops.
func (s *Session) cancellable(ctx context.Context, run func(context.Context, context.CancelCauseFunc) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s.mu.Lock()
	s.mu.stop = stop
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.mu.stop = nil
		s.mu.Unlock()
	}()
	err := run(ctx, stop)
	return cancelled(ctx, err)
}

// cancelled replaces the error of a stopped context by the reason why it was stopped.
func cancelled(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	if errs.From(err).Code != errs.QueryCanceled && !errors.Is(err, context.Canceled) {
		return err
	}
	var e *errs.Error
	if errors.As(context.Cause(ctx), &e) {
		return e
	}
	return errUser
}

// timeout returns the most time that a statement may take; 0: any.
func (s *Session) timeout() time.Duration {
	return time.Duration(s.settings.Integer("statement_timeout")) * time.Millisecond
}

// Cancel stops the running statement, if any.
func (s *Session) Cancel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.stop != nil {
		s.mu.stop(errUser)
	}
}

// Close rolls back and forgets everything.
func (s *Session) Close() {
	s.Cancel()
	s.rollback()
	s.AdvisoryUnlockAll()
	s.forgetStatements()
	s.texts.Close()
	s.engine.remove(s)
}

// Fresh tells whether the session holds nothing that a new one would not: no transaction, no prepared statement, no
// changed setting. A pool may then hand it to somebody else.
func (s *Session) Fresh() bool {
	return s.tx == nil && s.status == Idle && len(s.statements) == 0 && len(s.portals) == 0 && !s.settings.Changed("")
}

// TxStatus returns the transaction state.
func (s *Session) TxStatus() TxStatus { return s.status }

// Settings returns the parameters that clients are told of, by name.
func (s *Session) Settings() map[string]string {
	m := map[string]string{}
	for _, p := range setting.Reported() {
		m[p.Name], _ = s.settings.Get(p.Name)
	}
	return m
}

// report tells the client which reported parameters changed since it was last told.
func (s *Session) report(out Output) error {
	for name, was := range s.reported {
		now, _ := s.settings.Get(name)
		if now == was {
			continue
		}
		s.reported[name] = now
		if err := out.Setting(name, now); err != nil {
			return err
		}
	}
	return nil
}
