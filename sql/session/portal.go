package session

import (
	"context"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/stmt"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// portal is a prepared statement with values for its parameters. It ends with its transaction.
type portal struct {
	name    string
	stmt    *prepared
	params  []types.Datum
	picture *stmt.Picture // what its query reads; nil: not kept yet
	run     *execution    // when it was suspended
	done    bool
	failed  bool   // while it ran
	tag     string // when it is done
	depth   int    // number of savepoints when it was made
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
	values, err := s.decode(ctx, name, p.params, params)
	if err != nil {
		return err
	}
	if p.cmd != nil {
		if err := p.cmd.Check(ctx, values); err != nil {
			return err
		}
	}
	made := *p // whoever plans the statement again leaves portals alone that were made before
	s.portals[name] = &portal{name: name, stmt: &made, params: values, depth: len(s.savepoints)}
	return nil
}

// DescribePortal returns the result columns, nil when there are no rows.
func (s *Session) DescribePortal(_ context.Context, name string) ([]Column, error) {
	o := s.portals[name]
	if o == nil {
		return nil, s.failed(noPortal(name))
	}
	if s.status == Failed && o.stmt.columns != nil {
		return nil, s.failed(errAborted())
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
	if o.failed || o.done && o.stmt.columns == nil {
		return false, cannotRun(o)
	}
	if o.done {
		return false, out.Complete(recount(o.tag, 0))
	}
	if o.run == nil && o.picture == nil && (maxRows <= 0 || o.stmt.columns == nil) {
		o.done = true
		tag, err := s.runPortal(ctx, o, out)
		if err != nil {
			return false, err
		}
		o.tag = tag
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
	o.done, o.tag = true, o.run.completed(rows)
	return false, out.Complete(o.tag)
}

func cannotRun(o *portal) error {
	return errs.New(errs.ObjectNotInPrerequisiteState, "portal %q cannot be run", o.name)
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
	o.close()
}

// close unwinds what runs.
func (o *portal) close() {
	if o.run != nil {
		o.run.close()
	}
	if o.picture != nil {
		o.picture.Close()
	}
	o.run, o.picture = nil, nil
}

// fail is what an error of the transaction does to a portal: its name is taken until the block has gone back.
func (o *portal) fail() {
	o.close()
	o.failed = true
}

// closeYounger ends the portals that were made behind more savepoints than depth.
func (s *Session) closeYounger(depth int) {
	for name, o := range s.portals {
		if o.depth > depth {
			s.closePortal(name)
		}
	}
}

// picture keeps what the tables of a portal's query hold now, unless that is kept already.
func (s *Session) picture(ctx context.Context, o *portal) (err error) {
	if o.picture != nil || o.done || o.stmt.cmd == nil {
		return nil
	}
	if _, ok := o.stmt.cmd.Bound.(*bind.Query); ok {
		o.picture, err = s.tx.Picture(ctx, o.stmt.cmd.Plan)
	}
	return err
}

// preserve is called before a statement writes. A query shows what was there at Bind, and not what came until Execute:
// this is where it is kept, since few portals see a write between the two.
func (s *Session) preserve(ctx context.Context) error {
	for _, o := range s.portals {
		if err := s.picture(ctx, o); err != nil {
			return err
		}
	}
	return nil
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
	// A large transaction may wait for its rows to be sealed: also that ends when the client goes away.
	err := s.cancellable(ctx, func(ctx context.Context, _ context.CancelCauseFunc) error {
		err := s.commit(ctx)
		if errs.Is(err, errs.SerializationFailure) {
			err = s.repeat(ctx, last, err)
		}
		return err
	})
	if err != nil {
		return s.failed(err)
	}
	return nil
}
