// Package compile turns a logical plan into pipelines of the engine, one file per logical operator.
//
// A Program is one compilation of a plan against one snapshot: it runs once, on behalf of one statement. Compiling
// takes some microseconds per operator, so plans are cached and programs are not. What the engine can decide from
// statistics and from the shape of the tree is decided here: which conditions a scan evaluates on encoded data, which
// columns it returns, where bounds of a top-k or of a join's build side prune it, and which aggregates need no scan.
//
// The compiler belongs to one goroutine. It refuses plans with parameters left in them, and nothing else.
package compile

import (
	"context"
	"reflect"
	"slices"

	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/profile"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Relations finds the rows of stored tables; a transaction is one, and so is a snapshot.
type Relations interface {
	Table(ctx context.Context, id catalog.TableID) (scan.Relation, error)
}

// Virtuals computes virtual tables; a session does.
type Virtuals interface {
	// Relation returns the rows of a virtual table as this statement sees them.
	Relation(v plan.Virtual) (scan.Relation, error)
}

// Env is what compiling needs besides the plan.
type Env struct {
	Relations Relations
	Virtual   Virtuals
	Fn        *fn.Context
	// Analyze makes the program count what its pieces do.
	Analyze bool
	// NoStatistics forbids answers from statistics alone (siltstone.cache = off).
	NoStatistics bool
	// Estimate returns the planner's estimate of a node's rows for EXPLAIN; nil when nobody will look.
	Estimate func(plan.Node) float64
	// Rows returns the same estimate for operators that choose their ways by it; nil: they know nothing.
	Rows func(plan.Node) float64
	// shared are the shared subplans of the program around this one, which has run them: set for runs of an Apply.
	shared []*sharedRows
	// working are the tables of the rounds of recursive queries around this program.
	working []workTable
}

// Program is a compiled plan. Run may be called once.
type Program struct {
	plan exec.Plan
	out  *stream
	// Root describes the tree for EXPLAIN.
	Root *Node
	env  *Env
}

// Compile makes a program whose output columns are those of n, in order.
func Compile(ctx context.Context, n plan.Node, env *Env) (*Program, error) {
	p := &Program{env: env}
	c := &compiler{ctx: ctx, env: env, program: p, shared: slices.Clip(env.shared)}
	cols := n.Columns()
	need := make(plan.Set, len(cols))
	for _, col := range cols {
		need.Add(col.ID)
	}
	s, node, err := c.node(n, need)
	if err != nil {
		return nil, err
	}
	if err := c.arrange(s, cols); err != nil {
		return nil, err
	}
	for _, x := range c.shared[len(env.shared):] {
		node.Shared = append(node.Shared, x.node)
	}
	p.out, p.Root = s, node
	return p, nil
}

// Types returns the types of the output columns.
func (p *Program) Types() []types.Type { return p.out.types }

// Run runs the program and hands every batch of the answer to emit, one at a time; a batch is lent for the call. An
// op.ErrDone of emit ends the program without an error.
func (p *Program) Run(t *op.Task, emit func(*batch.Batch) error) error {
	c := &compiler{env: p.env, program: p}
	c.close(p.out, exec.NewResult(p.out.types, emit), nil)
	return exec.Run(t, &p.plan)
}

// compiler holds the state of one compilation.
type compiler struct {
	ctx     context.Context
	env     *Env
	program *Program
	tops    []topFor
	shared  []*sharedRows
}

// stream is a pipeline that has no sink yet.
type stream struct {
	source op.Source // nil while scan is set and not finished
	ops    []op.Operator
	deps   []int // pipelines of the program that must have run
	ids    []plan.ID
	types  []types.Type
	scan   *tableScan // the source, while it is a scan of a relation
	// origins[i] is the position in the scan's request of the column that output i hands on unchanged, or -1.
	origins []int
	marks   []mark
}

// tableScan is a scan whose request may still get late terms.
type tableScan struct {
	rel  scan.Relation
	req  scan.Request
	more []plan.Column // that the request adds to those of the table
	src  *source.Scan
	node *Node
}

// mark remembers which piece of the pipeline belongs to which node of the explained tree: the source (-1) or an
// operator.
type mark struct {
	node  *Node
	piece int
}

// builders make streams of the nodes of a plan, by type. Each operator's file adds its own.
var builders = map[reflect.Type]func(*compiler, plan.Node, plan.Set) (*stream, *Node, error){}

// builds says how nodes of type N are compiled.
func builds[N plan.Node](f func(*compiler, N, plan.Set) (*stream, *Node, error)) bool {
	builders[reflect.TypeFor[N]()] = func(c *compiler, n plan.Node, need plan.Set) (*stream, *Node, error) { return f(c, n.(N), need) }
	return true
}

// node compiles any logical operator. need holds the columns that the operators above read.
func (c *compiler) node(n plan.Node, need plan.Set) (*stream, *Node, error) {
	build := builders[reflect.TypeOf(n)]
	if build == nil {
		return nil, nil, errs.Internal("no way to run a plan node %T", n)
	}
	return build(c, n, need)
}

// finish makes the stream's source, after which its scan gets no more late terms.
func (s *stream) finish() op.Source {
	if s.source == nil {
		s.scan.src = source.NewScan(s.scan.rel, s.scan.req)
		s.source = s.scan.src
	}
	return s.source
}

// close ends the stream with a sink and returns the number of its pipeline.
func (c *compiler) close(s *stream, sink op.Sink, node *Node) int {
	p := &exec.Pipeline{Source: s.finish(), Operators: s.ops, Sink: sink, DependsOn: s.deps}
	if c.env.Analyze {
		p.Profile = profile.New(len(s.ops))
		for _, m := range s.marks {
			if m.piece < 0 {
				m.node.out = &p.Profile.Source
			} else {
				m.node.out = &p.Profile.Operators[m.piece]
			}
			m.node.pipeline, m.node.piece = p.Profile, m.piece
		}
		if node != nil {
			node.sink, node.sinkPipeline = &p.Profile.Sink, p.Profile
		}
	}
	c.program.plan.Pipelines = append(c.program.plan.Pipelines, p)
	return len(c.program.plan.Pipelines) - 1
}

// push adds an operator to the stream.
func (s *stream) push(o op.Operator, node *Node) {
	s.ops = append(s.ops, o)
	if node != nil {
		s.marks = append(s.marks, mark{node, len(s.ops) - 1})
	}
}

// ordinal returns the position of a column in the stream, or -1.
func (s *stream) ordinal(id plan.ID) int {
	for i, have := range s.ids {
		if have == id {
			return i
		}
	}
	return -1
}

// bind turns column numbers into positions in the stream.
func (s *stream) bind(e expr.Expr) (expr.Expr, error) {
	var missing error
	out := expr.Transform(e, func(e expr.Expr) expr.Expr {
		switch e := e.(type) {
		case *expr.Column:
			i := s.ordinal(plan.ID(e.Index))
			if i < 0 {
				missing = errs.Internal("column %d (%s) is not in the input", e.Index, e.Name)
				return e
			}
			return &expr.Column{Index: i, Name: e.Name, T: s.types[i]}
		case *expr.Param:
			missing = errs.New(errs.UndefinedParameter, "there is no parameter $%d", e.Number)
		}
		return e
	})
	return out, missing
}

// column returns the stream position of an expression that is a plain column.
func (s *stream) column(e expr.Expr) (int, bool) {
	c, ok := e.(*expr.Column)
	if !ok {
		return 0, false
	}
	i := s.ordinal(plan.ID(c.Index))
	return i, i >= 0 && s.types[i] == c.T
}

// origin returns the position in the scan's request of stream column i, or -1.
func (s *stream) origin(i int) int {
	if s.scan == nil || i >= len(s.origins) {
		return -1
	}
	return s.origins[i]
}

// extend projects the stream so that it has its columns and those of extra, which get no number, and returns their
// positions. Expressions that are plain columns of the stream cost nothing.
func (c *compiler) extend(s *stream, extra []expr.Expr) ([]int, error) {
	at := make([]int, len(extra))
	var exprs []expr.Expr
	for i, e := range extra {
		if p, ok := s.column(e); ok {
			at[i] = p
			continue
		}
		b, err := s.bind(e)
		if err != nil {
			return nil, err
		}
		if exprs == nil {
			exprs = s.columns()
		}
		at[i] = len(exprs)
		exprs = append(exprs, b)
	}
	if exprs == nil {
		return at, nil
	}
	ids, origins := s.ids, s.origins
	c.replace(s, exprs, nil)
	s.ids = append(append([]plan.ID(nil), ids...), make([]plan.ID, len(exprs)-len(ids))...)
	if s.scan != nil {
		s.origins = append([]int(nil), origins...)
		for len(s.origins) < len(exprs) {
			s.origins = append(s.origins, -1)
		}
	}
	return at, nil
}

// columns returns the stream's columns as expressions.
func (s *stream) columns() []expr.Expr {
	es := make([]expr.Expr, len(s.ids), len(s.ids)+4)
	for i := range s.ids {
		es[i] = &expr.Column{Index: i, T: s.types[i]}
	}
	return es
}

// replace projects the stream to expressions over its positions. The caller sets ids.
func (c *compiler) replace(s *stream, exprs []expr.Expr, node *Node) {
	origins := make([]int, len(exprs))
	ts := make([]types.Type, len(exprs))
	for i, e := range exprs {
		ts[i], origins[i] = e.Type(), -1
		if col, ok := e.(*expr.Column); ok {
			origins[i] = s.origin(col.Index)
		}
	}
	s.push(relop.NewProject(s.types, exprs, c.env.Fn), node)
	s.types, s.origins = ts, origins
}

// arrange makes the stream's columns exactly cols.
func (c *compiler) arrange(s *stream, cols []plan.Column) error {
	same := len(s.ids) == len(cols)
	exprs := make([]expr.Expr, len(cols))
	ids := make([]plan.ID, len(cols))
	for i, col := range cols {
		p := s.ordinal(col.ID)
		if p < 0 {
			return errs.Internal("column %d (%s) is not in the output", col.ID, col.Name)
		}
		same = same && p == i
		exprs[i], ids[i] = &expr.Column{Index: p, Name: col.Name, T: s.types[p]}, col.ID
	}
	if same {
		return nil
	}
	c.replace(s, exprs, nil)
	s.ids = ids
	return nil
}

// with returns need and the columns that some expressions read.
func with(need plan.Set, es ...expr.Expr) plan.Set {
	out := make(plan.Set, len(need)+len(es))
	for id := range need {
		out.Add(id)
	}
	for _, e := range es {
		if e != nil {
			plan.UsedColumns(e, out)
		}
	}
	return out
}

// Rows makes a program that computes expressions over the rows of a source whose columns are cols: RETURNING, and
// defaults of COPY.
func Rows(cols []plan.Column, src op.Source, exprs []expr.Expr, params []types.Datum, env *Env) (*Program, error) {
	p := &Program{env: env}
	c := &compiler{env: env, program: p}
	s := &stream{source: src, types: src.Types()}
	for _, col := range cols {
		s.ids = append(s.ids, col.ID)
	}
	bound := make([]expr.Expr, len(exprs))
	for i, e := range exprs {
		var err error
		if bound[i], err = s.bind(plan.SubstituteParams(e, params)); err != nil {
			return nil, err
		}
	}
	c.replace(s, bound, nil)
	p.out = s
	return p, nil
}
