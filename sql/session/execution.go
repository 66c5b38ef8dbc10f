package session

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/stmt"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// execution is a statement whose rows its client takes piece by piece.
//
// A query is a coroutine with one worker: at any moment either it or its session runs. So it reads the session's
// settings and transaction without locks, its batches are lent until it goes on and need no copy, and a panic in it
// comes up where it was resumed. Closing the execution unwinds it.
//
// A statement that changes data runs to its end before its first row is handed out, and its rows are kept: its work
// must not depend on how many of them the client takes (PostgreSQL's PORTAL_ONE_RETURNING).
type execution struct {
	next    func() (*batch.Batch, bool) // resumes; false at the end
	close   func()                      // idempotent
	cancel  context.CancelFunc          // ends what runs
	isQuery bool
	kept    bool   // it has run, and its rows are kept
	tag     string // tag and err are set at the end
	err     error
	batch   *batch.Batch // rows from at on are not taken yet
	at      int
}

// start begins the execution of a portal. A query's context outlives the message that started it.
func (s *Session) start(ctx context.Context, o *portal) error {
	if _, writes := stmt.Writes(o.stmt.cmd.Bound); writes {
		return s.startKept(ctx, o)
	}
	s.begin()
	if err := s.picture(ctx, o); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e := &execution{cancel: cancel}
	_, e.isQuery = o.stmt.cmd.Bound.(*bind.Query)
	next, stop := iter.Pull(func(yield func(*batch.Batch) bool) {
		env := s.env(ctx, pieces{yield: yield})
		env.Params, env.Workers, env.Picture = o.params, 1, o.picture
		e.tag, e.err = o.stmt.cmd.Run(ctx, env)
	})
	e.next = next
	e.close = func() {
		cancel()
		stop()
	}
	o.run = e
	return nil
}

// pieces is the output of an execution.
type pieces struct {
	Discard
	yield func(*batch.Batch) bool
}

// Rows suspends the query until its session wants to go on.
func (p pieces) Rows(b *batch.Batch) error {
	if !p.yield(b) {
		return context.Canceled
	}
	return nil
}

// startKept runs a portal's statement to its end and keeps its rows, charged to an account, until they are taken.
func (s *Session) startKept(ctx context.Context, o *portal) error {
	s.begin()
	k := &kept{account: s.engine.options.Pool.Account("returned rows", 0)}
	tag, err := s.run(ctx, o.stmt.cmd, o.params, k, false)
	if err != nil {
		k.account.Close()
		return err
	}
	next, stop := iter.Pull(k.all)
	o.run = &execution{next: next, cancel: func() {}, tag: tag, kept: true, close: func() {
		stop()
		k.account.Close()
	}}
	return nil
}

// kept is an output that keeps rows.
type kept struct {
	Discard
	account *mem.Account
	rows    []*batch.Batch
}

// Rows keeps a copy of a batch.
func (k *kept) Rows(b *batch.Batch) error {
	if err := k.account.Reserve(b.Bytes()); err != nil {
		return err
	}
	c := batch.New(b.Types())
	c.Reset()
	c.Append(b)
	k.rows = append(k.rows, c)
	return nil
}

func (k *kept) all(yield func(*batch.Batch) bool) {
	for _, b := range k.rows {
		if !yield(b) {
			return
		}
	}
}

// pull hands up to n rows (0: all) of a portal to emit, and returns how many there were.
func (s *Session) pull(ctx context.Context, o *portal, n int, emit func(*batch.Batch) error) (rows int64, err error) {
	if o.failed {
		return 0, cannotRun(o)
	}
	defer func() { o.failed = err != nil }()
	if o.run == nil {
		if o.stmt.cmd == nil {
			return 0, errs.Unsupported("fetching a statement of this kind row by row")
		}
		if err := s.start(ctx, o); err != nil {
			return 0, err
		}
	}
	e := o.run
	defer context.AfterFunc(ctx, e.cancel)()
	var total int64
	for n <= 0 || total < int64(n) {
		if !e.advance() {
			return total, e.err
		}
		most := e.batch.Len - e.at
		if n > 0 {
			most = min(most, n-int(total))
		}
		if err := emit(e.take(most)); err != nil {
			return total, err
		}
		total += int64(most)
	}
	return total, nil
}

// advance makes sure that there is a batch with rows to take. It returns false at the end.
func (e *execution) advance() bool {
	for e.batch == nil || e.at == e.batch.Len {
		b, ok := e.next()
		if e.batch, e.at = b, 0; !ok {
			return false
		}
	}
	return true
}

// take returns the next n rows of the batch, lent until the next call of advance.
func (e *execution) take(n int) *batch.Batch {
	from, b := e.at, e.batch
	e.at += n
	if from == 0 && n == b.Len {
		return b
	}
	idx := make([]uint16, n)
	for i := range idx {
		idx[i] = uint16(from + i)
	}
	part := batch.New(b.Types())
	for i, v := range part.Cols {
		v.Gather(b.Cols[i], idx)
	}
	part.Len = n
	return part
}

// completed returns the command tag after the last rows, of which there were n in the last piece.
func (e *execution) completed(n int64) string {
	if e.isQuery {
		return fmt.Sprintf("SELECT %d", n)
	}
	if e.kept { // PostgreSQL counts the rows that were taken last
		return recount(e.tag, n)
	}
	return e.tag
}

// recount returns a command tag with another number of rows, if it has any.
func recount(tag string, n int64) string {
	if i := strings.LastIndexByte(tag, ' '); i >= 0 && tag[i+1] >= '0' && tag[i+1] <= '9' {
		return fmt.Sprintf("%s %d", tag[:i], n)
	}
	return tag
}
