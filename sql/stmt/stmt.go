// Package stmt runs bound statements: queries, DDL, INSERT, COPY, EXPLAIN, SET and SHOW, as small commands over one
// transaction. Package session decides when a transaction begins and ends, and keeps what outlives a statement.
//
// A Command is a statement that was bound and optimized once and may run any number of times, with other parameters
// each time; it is immutable and shared by sessions. Env is what one run may use, and belongs to one goroutine.
// Whatever PostgreSQL has and Siltstone has not is refused by its name with 0A000.
package stmt

import (
	"context"
	"io"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/sql/compile"
	"github.com/siltstone-db/siltstone/sql/opt"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/sql/stats"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Output takes what a command answers.
type Output interface {
	// Rows takes a batch, lent for the call, of any vector form, without a selection.
	Rows(b *batch.Batch) error
	Notice(severity, code, message string, detail ...string) error
	CopyIn(format int8, columns int) (io.Reader, error)
	CopyOut(format int8, columns int) (io.WriteCloser, error)
}

// Session is what commands that concern the session ask of it.
type Session interface {
	// Set, Reset and Show work on settings by PostgreSQL's rules. An empty name of Reset means all.
	Set(name, value string, local bool) error
	Reset(name string) error
	Show(name string) (string, error)
	ShowAll() []Setting
	// Discard drops what DISCARD names: ALL, PLANS, SEQUENCES, TEMPORARY.
	Discard(what string) error
	// InTransaction tells whether an explicit transaction block is open.
	InTransaction() bool
	// TypeSettings returns the settings that the text forms of values depend on.
	TypeSettings() *types.Settings
}

// Setting is a line of SHOW ALL.
type Setting struct{ Name, Value, Description string }

// Env is what one run of a command may use.
type Env struct {
	DB      *storage.DB
	Tx      *Tx
	Picture *Picture // what the tables hold; nil: what the transaction sees now
	Pool    *mem.Pool
	Session Session
	Fn      *fn.Context
	Virtual compile.Virtuals
	// Resolver finds names when a statement is bound during a run (COPY defaults).
	Resolver bind.Resolver
	Params   []types.Datum
	Out      Output

	Workers     int
	BatchRows   int
	MemoryLimit int64 // of one query, bytes; 0: the pool's
	// Spill is where queries put what their memory refuses, with the limits of SpillOptions; nil: they fail with 53200.
	Spill         *spill.Dir
	SpillOptions  spill.Options
	NoStatistics  bool
	DisablePasses map[string]bool

	kept *stats.Kept // of the command that runs; nil: its plan is none that is run again
}

// Command is a statement ready to run.
type Command struct {
	Bound bind.Statement
	// Plan is the optimized plan of a query or of an INSERT's source; nil for other statements.
	Plan plan.Node
	// Columns are the columns of the answer; nil when it has no rows.
	Columns []plan.Column
	// Parameters are the types of $1, $2, ...
	Parameters []types.Type
	unsettled  []expr.Expr // of Plan
	kept       *stats.Kept // what runs have estimated of Plan
}

// Prepare optimizes a bound statement.
func Prepare(ctx context.Context, env *Env, b bind.Statement, params []types.Type) (*Command, error) {
	c := &Command{Bound: b, Parameters: params}
	var err error
	switch b := b.(type) {
	case *bind.Query:
		c.Columns = b.Columns
		c.Plan, err = env.optimize(ctx, b.Plan)
	case *bind.Insert:
		c.Columns = b.Columns
		c.Plan, err = env.optimize(ctx, b.Source)
	case *bind.Modify:
		c.Columns = b.Columns
		c.Plan, err = env.optimize(ctx, b.Source)
	case *bind.Copy:
		if b.Query != nil {
			c.Plan, err = env.optimize(ctx, b.Query.Plan)
		}
	case *bind.CreateTable:
		if b.As != nil {
			c.Plan, err = env.optimize(ctx, b.As.Plan)
		}
	case *bind.Explain:
		c.Columns = []plan.Column{{Name: "QUERY PLAN", Type: types.T(types.Text)}}
	case *bind.Utility:
		c.Columns = utilityColumns(env, b)
	}
	if err != nil {
		return nil, err
	}
	if c.Plan != nil {
		c.unsettled, c.kept = unsettled(c.Plan), stats.Keep(c.Plan)
	}
	return c, nil
}

func (e *Env) optimize(ctx context.Context, n plan.Node) (plan.Node, error) {
	// Stable functions must not fold into a plan that is kept: only immutable ones do.
	n, _, err := opt.Optimize(ctx, n, opt.Env{Stats: e.statistics(ctx), Fn: &fn.Context{Ctx: ctx}, Disable: e.DisablePasses})
	return n, err
}

func (e *Env) statistics(ctx context.Context) stats.Source { return relationStats{ctx, e.Tx} }

// Run runs a command inside the transaction of env and returns its command tag. Rows go to env.Out.
func (c *Command) Run(ctx context.Context, env *Env) (string, error) {
	env.kept = c.kept
	switch b := c.Bound.(type) {
	case *bind.Query:
		return c.query(ctx, env)
	case *bind.Insert:
		return c.insert(ctx, env, b)
	case *bind.Modify:
		return c.modify(ctx, env, b)
	case *bind.Copy:
		return c.copy(ctx, env, b)
	case *bind.CreateTable:
		return c.createTable(ctx, env, b)
	case *bind.CreateView:
		return createView(env, b)
	case *ddl.CreateSequence:
		return createSequence(env, b)
	case *ddl.AlterSequence:
		return alterSequence(ctx, env, b)
	case *ddl.DropTable:
		return dropTable(env, b)
	case *ddl.AlterTable:
		return alter(ctx, env, b)
	case *bind.Explain:
		return explain(ctx, env, b)
	case *bind.Utility:
		return utility(ctx, env, b)
	}
	return "", errs.Internal("no way to run a statement %T", c.Bound)
}

// program compiles a plan with the parameters of this run.
func (e *Env) program(ctx context.Context, n plan.Node, change func(*compile.Env)) (*compile.Program, error) {
	n, err := plan.Substitute(n, e.Params)
	if err != nil {
		return nil, err
	}
	if n, err = e.gather(n); err != nil {
		return nil, err
	}
	source := e.statistics(ctx)
	fresh := stats.New(source, e.Fn)
	ce := &compile.Env{Relations: e.relations(), Virtual: e.Virtual, Fn: e.Fn, NoStatistics: e.NoStatistics,
		Rows: func(n plan.Node) float64 { return e.kept.Rows(n, source, fresh.Rows) }}
	if change != nil {
		change(ce)
	}
	return compile.Compile(ctx, n, ce)
}

// gather makes lists of comparisons with values that only this run knows: its parameters, and literals that are read with
// the session's settings.
func (e *Env) gather(n plan.Node) (plan.Node, error) {
	lists := func(n plan.Node) (plan.Node, error) {
		return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
			return plan.MapExprs(n, func(x expr.Expr) expr.Expr {
				if !expr.Gathers(x) {
					return x
				}
				return expr.Gather(expr.FoldWith(x, e.Fn))
			}), nil
		})
	}
	n, err := plan.MapShared(n, lists)
	if err != nil {
		return nil, err
	}
	return lists(n)
}

// run compiles and runs a plan. Every batch goes to emit.
func (e *Env) run(ctx context.Context, n plan.Node, emit func(*batch.Batch) error) error {
	account, done := e.account()
	defer done()
	p, err := e.program(ctx, n, nil)
	if err != nil {
		return err
	}
	return e.executeWith(ctx, p, account, emit)
}

// account returns the memory of a query, which also pays for what its expressions take while it is compiled. The caller
// calls done when it has ended.
func (e *Env) account() (account *mem.Account, done func()) {
	account = e.Pool.Query("query", e.MemoryLimit)
	if e.Fn != nil {
		e.Fn.Shared.Charge(account)
	}
	return account, func() {
		if e.Fn != nil {
			e.Fn.Shared.Drop()
		}
		account.Close()
	}
}

func (e *Env) execute(ctx context.Context, p *compile.Program, emit func(*batch.Batch) error) error {
	account, done := e.account()
	defer done()
	return e.executeWith(ctx, p, account, emit)
}

func (e *Env) executeWith(ctx context.Context, p *compile.Program, account *mem.Account, emit func(*batch.Batch) error) error {
	task := &op.Task{Ctx: ctx, Workers: max(e.Workers, 1), Account: account, BatchRows: e.BatchRows}
	if e.Spill != nil {
		task.Spill = e.Spill.Space(e.SpillOptions)
		defer task.Spill.Close()
	}
	return p.Run(task, emit)
}

// Writes tells whether a statement changes data or the catalog, with the words PostgreSQL uses when it refuses one.
func Writes(b bind.Statement) (string, bool) {
	switch b := b.(type) {
	case *bind.Query:
		return "SELECT " + b.Lock, b.Lock != ""
	case *bind.Insert:
		return "INSERT", true
	case *bind.Modify:
		if b.Update {
			return "UPDATE", true
		}
		return "DELETE", true
	case *bind.Copy:
		return "COPY FROM", b.From
	case *bind.CreateTable:
		if b.As != nil {
			return "CREATE TABLE AS", true
		}
		return "CREATE TABLE", true
	case *bind.CreateView:
		return "CREATE VIEW", true
	case *ddl.DropTable:
		return "DROP " + strings.ToUpper(b.Kind.String()), true
	case *ddl.AlterTable:
		return "ALTER " + strings.ToUpper(b.Kind.String()), true
	case *ddl.CreateSequence:
		return "CREATE SEQUENCE", true
	case *ddl.AlterSequence:
		return "ALTER SEQUENCE", true
	case *bind.Explain:
		if b.Analyze {
			return Writes(b.Statement)
		}
	case *bind.Utility:
		switch b.Node.Node.(type) {
		case *pg.Node_CreateSchemaStmt, *pg.Node_DropStmt, *pg.Node_CommentStmt:
			return strings.ToUpper(b.Tag), true
		case *pg.Node_TruncateStmt:
			return "TRUNCATE TABLE", true
		}
	}
	return "", false
}
