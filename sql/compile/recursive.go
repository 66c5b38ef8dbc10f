package compile

import (
	"context"
	"slices"

	"github.com/siltstone-db/siltstone/engine/agg"
	"github.com/siltstone-db/siltstone/engine/op"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// workTable is what a WorkScan reads in one round; buffer is nil where only the shape of a plan is wanted.
type workTable struct {
	id     int
	buffer *relop.Buffer
}

var _ = builds((*compiler).recursive)

// recursive runs a recursive query: a source whose rounds are programs of their own, compiled for the rows of the round
// before, as the runs of an Apply are.
func (c *compiler) recursive(n *plan.Recursive, _ plan.Set) (*stream, *Node, error) {
	s := &stream{}
	r := &recursion{n: n}
	for _, col := range n.Cols {
		s.ids, r.types = append(s.ids, col.ID), append(r.types, col.Type)
	}
	var shapes [2]*Node
	for i, part := range []plan.Node{n.Seed, n.Step} {
		held, deps, err := c.hold(part)
		r.held, s.deps = append(r.held, held...), append(s.deps, deps...)
		if err != nil {
			return nil, nil, err
		}
		restore := c.env
		e := *c.env
		e.working = append(e.working[:len(e.working):len(e.working)], workTable{id: n.Working})
		c.env = &e
		shapes[i], err = c.shape(part)
		c.env = restore
		if err != nil {
			return nil, nil, err
		}
	}
	r.env = c.innerEnv()
	node := c.explain(n, shapes[0], shapes[1])
	s.source, s.types, s.marks = r, r.types, []mark{{node, -1}}
	return s, node, nil
}

var _ = builds((*compiler).workScan)

// workScan reads the rows of the round before.
func (c *compiler) workScan(n *plan.WorkScan, need plan.Set) (*stream, *Node, error) {
	at := len(c.env.working) - 1
	for at >= 0 && c.env.working[at].id != n.Working {
		at--
	}
	if at < 0 {
		return nil, nil, errs.Internal("no round of WITH query %s runs", n.Name)
	}
	node := c.explain(n)
	s := &stream{marks: []mark{{node, -1}}}
	buffer := c.env.working[at].buffer
	if buffer == nil { // only the shape is wanted
		for _, col := range n.Cols {
			s.ids, s.types = append(s.ids, col.ID), append(s.types, col.Type)
		}
		s.source = relop.NewBuffer(s.types).Guest()
		return s, node, nil
	}
	s.source = buffer.Guest()
	s.types = s.source.Types()
	s.ids = make([]plan.ID, len(s.types))
	var read []plan.Column
	for i, col := range n.Cols {
		if need.Has(col.ID) {
			s.ids[n.Ordinals[i]], read = col.ID, append(read, col)
		}
	}
	if len(read) == len(s.types) {
		return s, node, nil
	}
	return s, node, c.arrange(s, read)
}

// recursion is the source of a recursive query's rows.
type recursion struct {
	n     *plan.Recursive
	env   *Env
	types []types.Type
	held  []op.Source // keep the shared rows that the rounds read
}

func (r *recursion) Types() []types.Type { return r.types }

func (r *recursion) Open(*op.Task) error { return nil }

// Ordered says that there is one worker: rounds come one after the other. Each of them has all workers.
func (r *recursion) Ordered() bool { return true }

func (r *recursion) Close() {
	for _, h := range r.held {
		h.Close()
	}
}

func (r *recursion) Producer(t *op.Task, _ int) (op.Producer, error) {
	p := &rounds{r: r, task: t, next: r.n.Seed}
	if r.n.All {
		return p, nil
	}
	if t.Spill != nil && t.Spill.Force() || len(r.types) == 0 {
		return p, nil
	}
	var err error
	if p.all, err = p.newRows(); err == nil {
		p.seen, err = agg.NewSeen(t, r.types)
	}
	if err != nil {
		p.Close()
	}
	return p, err
}

// rounds hands out the rows of a recursive query, round by round.
//
// Rows of UNION that came before are known by a set in memory. What it is refused goes the long way: all rows so far lie in
// buffers, which spill, and each round is EXCEPT of them, which spills too.
type rounds struct {
	r     *recursion
	task  *op.Task
	next  plan.Node // what makes the next round
	now   *rows     // this round; nil before the first
	out   op.Producer
	from  op.Source
	seen  *agg.Seen
	all   *rows   // all rows, as long as seen knows them
	kept  []*rows // all rows, once it does not
	fresh batch.Batch
}

// rows are those of a round, or of several.
type rows struct {
	buffer *relop.Buffer
	sink   op.Sink
	in     op.Consumer
	count  int
}

func (p *rounds) newRows() (*rows, error) {
	x := &rows{buffer: relop.NewBuffer(p.r.types)}
	x.sink = x.buffer.Sink()
	if err := x.sink.Open(p.task); err != nil {
		return nil, err
	}
	var err error
	x.in, err = x.sink.Consumer(p.task, 0)
	return x, err
}

func (x *rows) add(b *batch.Batch) error {
	x.count += b.Len
	return x.in.Consume(b)
}

// close gives the rows back. Nil may be closed.
func (x *rows) close() {
	if x != nil && x.sink != nil {
		x.sink.Close()
		x.sink = nil
	}
}

func (p *rounds) Next(ctx context.Context) (*batch.Batch, error) {
	for {
		if p.out != nil {
			if b, err := p.out.Next(ctx); b != nil || err != nil {
				return b, err
			}
			p.endReading()
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if p.now != nil && p.now.count == 0 {
			return nil, nil
		}
		if err := p.round(); err != nil {
			return nil, err
		}
		p.next = p.r.n.Step
		p.from = p.now.buffer.Reader()
		var err error
		if p.out, err = p.from.Producer(p.task, 0); err != nil {
			return nil, err
		}
	}
}

func (p *rounds) endReading() {
	if p.out != nil {
		p.out.Close()
		p.from.Close()
		p.out, p.from = nil, nil
	}
}

// round makes the rows of the next round those of now.
func (p *rounds) round() error {
	made, err := p.newRows()
	if err != nil {
		return err
	}
	err = p.run(made)
	if p.seen != nil && p.task.Spill != nil && errs.Is(err, errs.OutOfMemory) {
		if err = p.forgo(); err == nil { // what it has of this round are rows of made
			err = p.run(made)
		}
	}
	if err == nil {
		err = made.sink.Combine(p.task)
	}
	if err != nil {
		made.close()
		return err
	}
	if !slices.Contains(p.kept, p.now) {
		p.now.close()
	}
	if p.now = made; p.r.n.All || p.seen != nil {
		return nil
	}
	p.kept = append(p.kept, made)
	return p.merge()
}

// run adds the rows that the next plan makes, and that are new, to made.
func (p *rounds) run(made *rows) error {
	env := *p.r.env
	env.working = env.working[:len(env.working):len(env.working)]
	if p.now != nil {
		env.working = append(env.working, workTable{p.r.n.Working, p.now.buffer})
	}
	next := p.next
	emit := made.add
	switch {
	case p.r.n.All:
	case p.seen != nil:
		emit = func(b *batch.Batch) error { return p.addUnseen(made, b) }
	default:
		next = p.except(&env)
	}
	program, err := Compile(p.task.Ctx, next, &env)
	if err != nil {
		return err
	}
	return program.Run(p.task, emit)
}

// addUnseen adds the rows of a batch that did not come before.
func (p *rounds) addUnseen(made *rows, b *batch.Batch) error {
	fresh, err := p.seen.Add(b)
	if err != nil || len(fresh) == 0 {
		return err
	}
	if len(fresh) < b.Len {
		for len(p.fresh.Cols) < len(b.Cols) {
			p.fresh.Cols = append(p.fresh.Cols, new(batch.Vector))
		}
		for i, v := range b.Cols {
			p.fresh.Cols[i].Gather(v, fresh)
		}
		p.fresh.Len = len(fresh)
		b = &p.fresh
	}
	if err := made.add(b); err != nil {
		return err
	}
	return p.all.add(b)
}

// forgo gives the set of seen rows up.
func (p *rounds) forgo() error {
	p.seen.Close()
	p.seen = nil
	p.kept, p.all = append(p.kept, p.all), nil
	return p.kept[0].sink.Combine(p.task)
}

// except is the next plan without the rows that came before, each row once.
func (p *rounds) except(env *Env) plan.Node {
	var before plan.Node
	for i, x := range p.kept {
		id := -1 - i // no Recursive has it
		env.working = append(env.working, workTable{id, x.buffer})
		var scan plan.Node = &plan.WorkScan{Working: id, Name: p.r.n.Name, Cols: p.r.n.Cols, Ordinals: ordinals(len(p.r.types))}
		if before != nil {
			scan = &plan.SetOp{Kind: plan.Union, All: true, Left: before, Right: scan, Cols: p.r.n.Cols}
		}
		before = scan
	}
	if before == nil {
		before = &plan.Values{Cols: p.r.n.Cols}
	}
	return &plan.SetOp{Kind: plan.Except, Left: p.next, Right: before, Cols: p.r.n.Cols}
}

func ordinals(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// keptMost is how many buffers hold all rows before they become one: EXCEPT reads all of them in every round, and copying
// them once in so many rounds adds little.
const keptMost = 16

// merge makes one buffer of all that came before this round.
func (p *rounds) merge() error {
	if len(p.kept) < keptMost {
		return nil
	}
	one, err := p.newRows()
	if err != nil {
		return err
	}
	last := len(p.kept) - 1
	for _, x := range p.kept[:last] {
		if err == nil {
			err = p.copy(one, x)
		}
	}
	if err == nil {
		err = one.sink.Combine(p.task)
	}
	for _, x := range p.kept[:last] {
		x.close()
	}
	p.kept = []*rows{one, p.kept[last]}
	return err
}

// copy adds the rows of x.
func (p *rounds) copy(to, x *rows) error {
	from := x.buffer.Guest()
	defer from.Close()
	out, err := from.Producer(p.task, 0)
	if err != nil {
		return err
	}
	defer out.Close()
	for {
		b, err := out.Next(p.task.Ctx)
		if b == nil || err != nil {
			return err
		}
		if err := to.add(b); err != nil {
			return err
		}
	}
}

func (p *rounds) Close() {
	p.endReading()
	p.now.close()
	p.all.close()
	for _, x := range p.kept {
		x.close()
	}
	p.seen.Close()
	p.seen = nil
}
