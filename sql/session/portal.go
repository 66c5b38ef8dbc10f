package session

import (
	"context"
	"fmt"
	"io"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// portal is a prepared statement with values for its parameters. It ends with its transaction.
type portal struct {
	name   string
	stmt   *prepared
	params []types.Datum
	run    *execution // when it was suspended
	done   bool
	cursor bool // made by DECLARE
}

// Bind makes a portal. An unnamed one replaces the one before.
func (s *Session) Bind(ctx context.Context, name, statement string, params []Parameter) error {
	if err := s.bind(ctx, name, statement, params); err != nil {
		return s.failed(err)
	}
	return nil
}

func (s *Session) bind(ctx context.Context, name, statement string, params []Parameter) error {
	p, err := s.lookup(statement)
	if err != nil {
		return err
	}
	if s.status == Failed && p.st.Node != nil && !leaves(p.st.Node) {
		return errAborted()
	}
	if len(params) != len(p.params) {
		return errs.New(errs.ProtocolViolation, "bind message supplies %d parameters, but prepared statement %q requires %d",
			len(params), statement, len(p.params))
	}
	if name == "" {
		s.closePortal("")
	} else if s.portals[name] != nil {
		return errs.New(errs.DuplicateCursor, "cursor %q already exists", name)
	}
	if err := s.fresh(ctx, p); err != nil {
		return err
	}
	values, err := s.decode(name, p.params, params)
	if err != nil {
		return err
	}
	s.portals[name] = &portal{name: name, stmt: p, params: values}
	return nil
}

// DescribePortal returns the result columns, nil when there are no rows.
func (s *Session) DescribePortal(_ context.Context, name string) ([]Column, error) {
	o := s.portals[name]
	if o == nil {
		return nil, s.failed(noPortal(name))
	}
	return o.stmt.columns, nil
}

func noPortal(name string) error {
	return errs.New(errs.InvalidCursorName, "portal %q does not exist", name)
}

// Execute runs a portal for at most maxRows rows.
func (s *Session) Execute(ctx context.Context, name string, maxRows int, out Output) (suspended bool, err error) {
	o := s.portals[name]
	if o == nil {
		return false, s.failed(noPortal(name))
	}
	if o.stmt.st.Node == nil {
		return false, out.Empty()
	}
	err = s.timed(ctx, o.stmt.st.Text, func(ctx context.Context) error {
		suspended, err = s.execute(ctx, o, maxRows, out)
		return err
	})
	if err != nil {
		err = s.failed(err)
	}
	if e := s.report(out); err == nil {
		err = e
	}
	return suspended, err
}

func (s *Session) execute(ctx context.Context, o *portal, maxRows int, out Output) (bool, error) {
	if s.status == Failed && !leaves(o.stmt.st.Node) {
		return false, errAborted()
	}
	if o.done {
		if o.stmt.columns == nil {
			return false, errs.New(errs.ObjectNotInPrerequisiteState, "portal %q cannot be run", o.name)
		}
		return false, out.Complete("SELECT 0")
	}
	if o.run == nil && (maxRows <= 0 || o.stmt.columns == nil) {
		o.done = true
		tag, err := s.runPortal(ctx, o, out)
		if err != nil {
			return false, err
		}
		s.last = executed{s.last.count + 1, o, tag}
		return false, out.Complete(tag)
	}
	s.last = executed{s.last.count + 1, nil, ""}
	rows, err := s.pull(ctx, o, maxRows, out.Rows)
	if err != nil {
		return false, err
	}
	if maxRows > 0 && rows == int64(maxRows) {
		return true, nil
	}
	o.done = true
	tag := o.run.tag
	if o.run.isQuery {
		tag = fmt.Sprintf("SELECT %d", rows)
	}
	return false, out.Complete(tag)
}

// runPortal runs a portal to its end at once.
func (s *Session) runPortal(ctx context.Context, o *portal, out Output) (string, error) {
	p := o.stmt
	if p.cmd == nil {
		return s.statement(ctx, &p.st, o.params, out, false)
	}
	s.begin()
	return s.run(ctx, p.cmd, o.params, out, false)
}

// execution is a query that runs while its client takes the rows piece by piece. It runs on a goroutine of its own,
// which waits in the middle of the query; it is stopped and awaited when the portal is closed.
type execution struct {
	stop    context.CancelFunc
	rows    chan *batch.Batch
	done    chan struct{} // closed when the query is over; tag and err are set then
	tag     string
	err     error
	isQuery bool
	rest    *batch.Batch // handed over and not taken yet
	at      int
}

// start begins the execution of a portal. Its context outlives the message that started it.
func (s *Session) start(ctx context.Context, o *portal) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	e := &execution{stop: stop, rows: make(chan *batch.Batch), done: make(chan struct{})}
	o.run = e
	s.begin()
	env := s.env(ctx, nil)
	env.Params, env.Workers = o.params, 1
	env.Out = pieces{ctx, e}
	cmd := o.stmt.cmd
	_, e.isQuery = cmd.Bound.(*bind.Query)
	go func() {
		defer close(e.done)
		e.tag, e.err = cmd.Run(ctx, env)
	}()
}

// pieces is the output of an execution: every batch is copied and waits until it is taken.
type pieces struct {
	ctx context.Context
	e   *execution
}

func (p pieces) Notice(string, string, string) error       { return nil }
func (p pieces) CopyIn(int8, int) (io.Reader, error)       { return nil, errNoCopy }
func (p pieces) CopyOut(int8, int) (io.WriteCloser, error) { return nil, errNoCopy }

var errNoCopy = errs.New(errs.FeatureNotSupported, "COPY cannot be fetched row by row")

func (p pieces) Rows(b *batch.Batch) error {
	c := batch.New(b.Types())
	c.Reset()
	c.Append(b)
	select {
	case p.e.rows <- c:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// pull hands up to n rows (0: all) of a portal to emit, and returns how many there were.
func (s *Session) pull(ctx context.Context, o *portal, n int, emit func(*batch.Batch) error) (int64, error) {
	if o.run == nil {
		if o.stmt.cmd == nil {
			return 0, errs.Unsupported("fetching a statement of this kind row by row")
		}
		s.start(ctx, o)
	}
	var total int64
	for n <= 0 || total < int64(n) {
		b, err := o.run.next(ctx)
		if err != nil {
			return total, err
		}
		if b == nil {
			return total, nil
		}
		most := b.Len - o.run.at
		if n > 0 {
			most = min(most, n-int(total))
		}
		if err := emit(o.run.take(b, most)); err != nil {
			return total, err
		}
		total += int64(most)
	}
	return total, nil
}

// next returns the batch that rows are taken from, or nil at the end.
func (e *execution) next(ctx context.Context) (*batch.Batch, error) {
	if e.rest != nil && e.at < e.rest.Len {
		return e.rest, nil
	}
	e.rest, e.at = nil, 0
	select {
	case b := <-e.rows:
		e.rest = b
		return b, nil
	case <-e.done:
		return nil, e.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// take returns the next n rows of b.
func (e *execution) take(b *batch.Batch, n int) *batch.Batch {
	from := e.at
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

func (e *execution) close() {
	e.stop()
	<-e.done
}

// ClosePortal forgets a portal; it is no error when there is none.
func (s *Session) ClosePortal(name string) error {
	s.closePortal(name)
	return nil
}

func (s *Session) closePortal(name string) {
	o := s.portals[name]
	if o == nil {
		return
	}
	delete(s.portals, name)
	if o.run != nil {
		o.run.close()
	}
}

// closePortals ends all portals, which their transaction does not outlive.
func (s *Session) closePortals() {
	for name := range s.portals {
		s.closePortal(name)
	}
}

// Sync ends the implicit transaction of a sequence of extended-protocol messages.
func (s *Session) Sync(ctx context.Context, failed bool) error {
	defer s.rest()
	if s.status != Idle {
		return nil
	}
	if failed {
		s.rollback()
		return nil
	}
	last := s.last
	err := s.commit(ctx)
	if errs.Is(err, errs.SerializationFailure) {
		err = s.repeat(ctx, last, err)
	}
	if err != nil {
		return s.failed(err)
	}
	return nil
}
