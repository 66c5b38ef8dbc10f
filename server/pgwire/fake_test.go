package pgwire

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// fakeSession is a Session without a database, so that the protocol is tested alone. Its statements:
//
//	rows N [text]      N rows (n integer, t text)
//	params             one row with the parameters' formats and values
//	begin | commit     change the transaction state
//	fail CODE          an error with every field
//	failafter N        an error behind N rows
//	fatal | panic      end the session
//	notice | set N V   a notice; a parameter status
//	wait               runs until it is cancelled
//	copyin [N]         takes data and tells how much; fails when N bytes have come; 'all' needs no end
//	copyout N          N rows
//	big N              one row with a value of N bytes
//	(nothing)          the empty statement
type fakeSession struct {
	pid        int32
	start      Startup
	status     session.TxStatus
	statements map[string]string
	portals    map[string]*fakePortal

	mu     sync.Mutex
	cancel context.CancelFunc
	early  bool // Cancel came when nothing ran: the next "wait" takes it, so that scripts need no sleep
	closed chan struct{}
}

type fakePortal struct {
	sql    string
	params []session.Parameter
	row    int
}

// fakes numbers the sessions.
var fakes atomic.Int32

func newFake(_ context.Context, s Startup) (Session, error) {
	switch s.Database {
	case "nowhere":
		return nil, errs.New(errs.InvalidCatalogName, "database %q does not exist", s.Database)
	case "panic":
		panic("planted in Open")
	}
	return &fakeSession{pid: fakes.Add(1), start: s, status: session.Idle, statements: map[string]string{}, portals: map[string]*fakePortal{}, closed: make(chan struct{})}, nil
}

var fakeColumns = []session.Column{{Name: "n", Type: types.T(types.Int4), TableOID: 16384, Attnum: 1}, {Name: "t", Type: types.T(types.Text)}}

func columnsOf(sql string) []session.Column {
	switch strings.Fields(sql + " x")[0] {
	case "rows", "failafter", "big":
		return fakeColumns
	case "params":
		return fakeColumns[1:]
	}
	return nil
}

func (f *fakeSession) PID() int32 { return f.pid }

func (f *fakeSession) TypeSettings() *types.Settings { return &types.Settings{} }

func (f *fakeSession) begin(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	f.mu.Lock()
	f.cancel = cancel
	f.mu.Unlock()
	return ctx, func() {
		f.mu.Lock()
		f.cancel = nil
		f.mu.Unlock()
		cancel()
	}
}

func (f *fakeSession) Simple(ctx context.Context, sql string, out session.Output) error {
	ctx, done := f.begin(ctx)
	defer done()
	if strings.TrimSpace(sql) == "" {
		return out.Empty()
	}
	for _, s := range strings.Split(sql, ";") {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		if cols := columnsOf(s); cols != nil {
			if err := out.Columns(cols); err != nil {
				return err
			}
		}
		if _, err := f.run(ctx, &fakePortal{sql: s}, 0, out); err != nil {
			if f.status == session.InTransaction {
				f.status = session.Failed
			}
			return err
		}
	}
	return nil
}

func rowsOf(from, to int, t string) *batch.Batch {
	b := batch.New([]types.Type{types.T(types.Int4), types.T(types.Text)})
	b.Reset()
	for i := from; i < to; i++ {
		b.Cols[0].AppendDatum(types.IntOf(types.T(types.Int4), int64(i+1)))
		if t == "" {
			b.Cols[1].AppendDatum(types.NullOf(types.T(types.Text)))
		} else {
			b.Cols[1].AppendDatum(types.TextOf(t))
		}
		b.Len++
	}
	return b
}

func (f *fakeSession) run(ctx context.Context, p *fakePortal, maxRows int, out session.Output) (bool, error) {
	words := strings.Fields(p.sql)
	if len(words) == 0 {
		return false, out.Empty()
	}
	arg := func(i int) string {
		if i < len(words) {
			return words[i]
		}
		return ""
	}
	n, _ := strconv.Atoi(arg(1))
	switch words[0] {
	case "rows":
		limit := n
		if maxRows > 0 {
			limit = min(n, p.row+maxRows)
		}
		for p.row < limit {
			to := min(limit, p.row+batch.MaxRows)
			if err := out.Rows(rowsOf(p.row, to, arg(2))); err != nil {
				return false, err
			}
			p.row = to
		}
		if p.row < n {
			return true, nil
		}
		return false, out.Complete(fmt.Sprintf("SELECT %d", n))
	case "params":
		b := batch.New([]types.Type{types.T(types.Text)})
		b.Reset()
		var s []string
		for _, q := range p.params {
			if q.Value == nil {
				s = append(s, fmt.Sprintf("%d:null", q.Format))
			} else {
				s = append(s, fmt.Sprintf("%d:%x", q.Format, q.Value))
			}
		}
		b.Cols[0].AppendString(strings.Join(s, " "))
		b.Len = 1
		if err := out.Rows(b); err != nil {
			return false, err
		}
		return false, out.Complete("SELECT 1")
	case "begin":
		f.status = session.InTransaction
		return false, out.Complete("BEGIN")
	case "commit":
		f.status = session.Idle
		return false, out.Complete("COMMIT")
	case "fail":
		return false, errs.New(errs.Code(arg(1)), "a failure\x00 with a zero byte").WithDetail("A detail.").WithHint("A hint.").WithContext("a place").At(7)
	case "failafter":
		if err := out.Rows(rowsOf(0, n, "x")); err != nil {
			return false, err
		}
		return false, errs.New(errs.DivisionByZero, "division by zero")
	case "fatal":
		return false, fatal(errs.AdminShutdown, "the end")
	case "panic":
		panic("planted")
	case "notice":
		if err := out.Notice("NOTICE", "00000", "mind the gap"); err != nil {
			return false, err
		}
		return false, out.Complete("NOTICE")
	case "set":
		if err := out.Setting(arg(1), arg(2)); err != nil {
			return false, err
		}
		return false, out.Complete("SET")
	case "wait":
		f.mu.Lock()
		early := f.early
		f.early = false
		f.mu.Unlock()
		if !early {
			<-ctx.Done()
			return false, ctx.Err()
		}
		return false, context.Canceled
	case "copyin":
		return false, f.copyIn(words, n, out)
	case "copyout":
		w, err := out.CopyOut(0, 2)
		if err != nil {
			return false, err
		}
		for i := range n {
			if _, err := fmt.Fprintf(w, "%d\trow\n", i+1); err != nil {
				return false, err
			}
		}
		if err := w.Close(); err != nil {
			return false, err
		}
		return false, out.Complete(fmt.Sprintf("COPY %d", n))
	case "big":
		if err := out.Rows(rowsOf(0, 1, strings.Repeat("x", n))); err != nil {
			return false, err
		}
		return false, out.Complete("SELECT 1")
	case "settings":
		var s []string
		for _, x := range f.start.Settings {
			s = append(s, x.Name+"="+x.Value)
		}
		return false, out.Complete(f.start.User + " " + f.start.Database + " " + strings.Join(s, ","))
	case "sleep":
		select {
		case <-time.After(time.Duration(n) * time.Millisecond):
		case <-ctx.Done():
			return false, ctx.Err()
		}
		return false, out.Complete("SLEEP")
	}
	return false, errs.New(errs.SyntaxError, "syntax error at or near %q", words[0]).At(1)
}

func (f *fakeSession) copyIn(words []string, limit int, out session.Output) error {
	r, err := out.CopyIn(0, 1)
	if err != nil {
		return err
	}
	buf, total := make([]byte, 100), 0
	for {
		n, err := r.Read(buf)
		total += n
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if limit > 0 && total >= limit {
			return errs.New(errs.BadCopyFileFormat, "extra data after last expected column").WithContext("COPY t, line 1")
		}
		if words[len(words)-1] == "all" {
			break
		}
	}
	return out.Complete(fmt.Sprintf("COPY %d", total))
}

func (f *fakeSession) Parse(_ context.Context, name, sql string, oids []uint32) error {
	if _, has := f.statements[name]; has && name != "" {
		return errs.New(errs.DuplicatePreparedStatement, "prepared statement %q already exists", name)
	}
	if sql == "bad" {
		return errs.New(errs.SyntaxError, "syntax error at or near \"bad\"").At(1)
	}
	f.statements[name] = sql
	return nil
}

func (f *fakeSession) Bind(_ context.Context, portal, statement string, params []session.Parameter) error {
	sql, has := f.statements[statement]
	if !has {
		return errs.New(errs.InvalidSQLStatementName, "prepared statement %q does not exist", statement)
	}
	p := &fakePortal{sql: sql}
	for _, q := range params {
		if q.Value != nil {
			q.Value = append([]byte{}, q.Value...)
		}
		p.params = append(p.params, q)
	}
	f.portals[portal] = p
	return nil
}

func (f *fakeSession) DescribeStatement(_ context.Context, name string) ([]types.Type, []session.Column, error) {
	sql, has := f.statements[name]
	if !has {
		return nil, nil, errs.New(errs.InvalidSQLStatementName, "prepared statement %q does not exist", name)
	}
	return []types.Type{types.T(types.Int4)}, columnsOf(sql), nil
}

func (f *fakeSession) DescribePortal(_ context.Context, name string) ([]session.Column, error) {
	p, has := f.portals[name]
	if !has {
		return nil, errs.New(errs.InvalidCursorName, "portal %q does not exist", name)
	}
	return columnsOf(p.sql), nil
}

func (f *fakeSession) Execute(ctx context.Context, portal string, maxRows int, out session.Output) (bool, error) {
	ctx, done := f.begin(ctx)
	defer done()
	p, has := f.portals[portal]
	if !has {
		return false, errs.New(errs.InvalidCursorName, "portal %q does not exist", portal)
	}
	return f.run(ctx, p, maxRows, out)
}

func (f *fakeSession) CloseStatement(name string) error { delete(f.statements, name); return nil }
func (f *fakeSession) ClosePortal(name string) error    { delete(f.portals, name); return nil }

func (f *fakeSession) Sync(_ context.Context, failed bool) error {
	if failed && f.status == session.InTransaction {
		f.status = session.Failed
	}
	if f.status == session.Idle {
		clear(f.portals)
	}
	return nil
}

func (f *fakeSession) TxStatus() session.TxStatus { return f.status }

func (f *fakeSession) Settings() map[string]string {
	return map[string]string{"server_version": "15.20", "client_encoding": "UTF8"}
}

func (f *fakeSession) Cancel() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cancel != nil {
		f.cancel()
	} else {
		f.early = true
	}
}

func (f *fakeSession) Close() { close(f.closed) }
