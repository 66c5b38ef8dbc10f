package session

import (
	"context"
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// Options of DECLARE, as PostgreSQL's grammar numbers them.
const (
	cursorScroll = 0x0002
	cursorHold   = 0x0020
)

// declare runs DECLARE CURSOR. Cursors and portals share their names.
func (s *Session) declare(ctx context.Context, st *parse.Statement, n *pg.DeclareCursorStmt, out Output) (string, error) {
	if n.Options&cursorHold != 0 {
		return "", errs.Unsupported("DECLARE CURSOR WITH HOLD")
	}
	if n.Options&cursorScroll != 0 {
		return "", errs.Unsupported("DECLARE SCROLL CURSOR")
	}
	if !s.several {
		if err := s.inBlock("DECLARE CURSOR"); err != nil {
			return "", err
		}
	}
	if s.portals[n.Portalname] != nil {
		return "", errs.New(errs.DuplicateCursor, "cursor %q already exists", n.Portalname)
	}
	p := &prepared{name: n.Portalname, st: parse.Statement{Node: n.Query, Text: st.Text, Source: st.Source}}
	if err := s.plan(ctx, p); err != nil {
		return "", err
	}
	if err := p.cmd.Check(ctx, nil); err != nil {
		return "", err
	}
	s.portals[n.Portalname] = &portal{name: n.Portalname, stmt: p, depth: len(s.savepoints)}
	return "DECLARE CURSOR", nil
}

// fetchAll is PostgreSQL's FETCH_ALL: the largest long.
const fetchAll = 1<<63 - 1

// fetch runs FETCH and MOVE, forward only.
func (s *Session) fetch(ctx context.Context, n *pg.FetchStmt, out Output, describe bool) (string, error) {
	o := s.portals[n.Portalname]
	if o == nil {
		return "", errs.New(errs.InvalidCursorName, "cursor %q does not exist", n.Portalname)
	}
	if n.Direction != pg.FetchDirection_FETCH_FORWARD || n.HowMany < 0 {
		if n.Direction == pg.FetchDirection_FETCH_BACKWARD || n.HowMany < 0 {
			return "", errs.New(errs.ObjectNotInPrerequisiteState, "cursor can only scan forward").
				WithHint("Declare it with SCROLL option to enable backward scan.")
		}
		return "", errs.Unsupported("FETCH ABSOLUTE and FETCH RELATIVE")
	}
	late := &lateColumns{Output: out}
	if describe {
		late.cols = o.stmt.columns
	}
	emit := late.Rows
	if n.Ismove {
		emit = func(*batch.Batch) error { return nil }
	}
	var rows int64
	if !o.done && n.HowMany > 0 {
		most := 0
		if n.HowMany != fetchAll && n.HowMany < 1<<31 {
			most = int(n.HowMany)
		}
		var err error
		if rows, err = s.pull(ctx, o, most, emit); err != nil {
			return "", err
		}
	}
	if n.Ismove {
		return fmt.Sprintf("MOVE %d", rows), nil
	}
	return fmt.Sprintf("FETCH %d", rows), late.describe()
}

// closeCursor runs CLOSE.
func (s *Session) closeCursor(n *pg.ClosePortalStmt) (string, error) {
	if n.Portalname == "" {
		s.closePortals()
		return "CLOSE CURSOR ALL", nil
	}
	if s.portals[n.Portalname] == nil {
		return "", errs.New(errs.InvalidCursorName, "cursor %q does not exist", n.Portalname)
	}
	s.closePortal(n.Portalname)
	return "CLOSE CURSOR", nil
}
