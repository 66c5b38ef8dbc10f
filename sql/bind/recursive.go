package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// working is what a recursive query reads of itself: the rows of the round before.
type working struct {
	id   int
	cols []plan.Column // of the query
}

// references tells in what order WITH queries are bound, and which of them read themselves.
type references struct {
	items []*pg.CommonTableExpr // each after those that it reads
	of    map[*pg.CommonTableExpr][]string
}

func (r *references) self(x *pg.CommonTableExpr) bool { return slices.Contains(r.of[x], x.Ctename) }

// recursionOrder sorts the queries of WITH RECURSIVE.
func (b *Binder) recursionOrder(items []*pg.CommonTableExpr) (*references, error) {
	r := &references{of: map[*pg.CommonTableExpr][]string{}}
	for _, x := range items {
		r.of[x] = withNames(x.Ctequery, items)
	}
	left := slices.Clone(items)
	for len(left) > 0 {
		ready := slices.IndexFunc(left, func(x *pg.CommonTableExpr) bool {
			return !slices.ContainsFunc(left, func(y *pg.CommonTableExpr) bool { return y != x && slices.Contains(r.of[x], y.Ctename) })
		})
		if ready < 0 {
			return nil, b.fail(left[0].Location, errs.FeatureNotSupported, "mutual recursion between WITH items is not implemented")
		}
		r.items = append(r.items, left[ready])
		left = slices.Delete(left, ready, ready+1)
	}
	for _, x := range r.items {
		if r.self(x) {
			if err := b.checkRecursion(x); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// recursiveQuery binds a query that reads itself. Its first term gives the names and types of its columns.
func (b *Binder) recursiveQuery(c *cte) (*query, error) {
	n := c.query
	s := &scope{parent: c.scope}
	if n.WithClause != nil {
		if err := b.with(s, n.WithClause); err != nil {
			return nil, err
		}
	}
	seed, err := b.selectStmt(&scope{parent: s}, n.Larg, true)
	if err != nil {
		return nil, err
	}
	ts := make([]types.Type, len(seed.cols))
	q := &query{places: seed.places}
	for i, col := range seed.cols {
		ts[i] = b.visibleType(col)
		out := b.newColumn(col.Name, ts[i])
		if b.declared.Has(col.ID) {
			b.declared.Add(out.ID)
		}
		q.cols = append(q.cols, out)
	}
	if err := b.nameColumns(c, q); err != nil {
		return nil, err
	}
	b.rounds++
	self := *c
	self.working = &working{id: b.rounds, cols: q.cols}
	// The name means the query itself from here on, in the second term alone.
	rs := &scope{parent: s, ctes: []*cte{&self}}
	step, err := b.selectStmt(&scope{parent: rs}, n.Rarg, false)
	if err != nil {
		return nil, err
	}
	r := &plan.Recursive{Name: c.name, Working: self.working.id, All: n.All, Cols: slices.Clone(q.cols)}
	if err := b.recursiveTypes(c, seed, step, ts); err != nil {
		return nil, err
	}
	if r.Seed, err = b.retype(seed, ts); err != nil {
		return nil, err
	}
	if r.Step, err = b.retype(step, ts); err != nil {
		return nil, err
	}
	q.node = settle(s.ctes, r)
	return q, nil
}

// visibleType returns the type of a column as SQL sees it: text for a literal that nothing gave a type, and without the precision and scale that are only what its values need.
func (b *Binder) visibleType(c plan.Column) types.Type {
	if c.Type.Kind == types.Unknown {
		return types.T(types.Text)
	}
	if c.Type.Kind == types.Numeric && !b.declared.Has(c.ID) {
		return plainType(c.Type)
	}
	return c.Type
}

// recursiveTypes checks that the second term has columns of the types of the first.
func (b *Binder) recursiveTypes(c *cte, seed, step *query, ts []types.Type) error {
	if len(seed.cols) != len(step.cols) {
		return b.fail(step.place(0), errs.SyntaxError, "each UNION query must have the same number of columns")
	}
	for i, t := range ts {
		other := b.visibleType(step.cols[i])
		all, err := fn.CommonTypeFor("UNION", []types.Type{seed.cols[i].Type, other})
		if err != nil {
			return b.at(err, step.place(i))
		}
		if all = plainType(all); t == other {
			all = t
		}
		if all != t {
			return b.fail(seed.place(i), errs.DatatypeMismatch, "recursive query %q column %d has type %s in non-recursive term but type %s overall",
				c.name, i+1, t, all).WithHint("Cast the output of the non-recursive term to the correct type.")
		}
	}
	return nil
}

// readWorking makes what stands for the reference of a recursive query to itself.
func (b *Binder) readWorking(c *cte) *query {
	scan := &plan.WorkScan{Working: c.working.id, Name: c.name}
	for i, col := range c.working.cols {
		scan.Cols, scan.Ordinals = append(scan.Cols, b.projected(col.Name, ref(col))), append(scan.Ordinals, i)
	}
	return &query{node: scan, cols: slices.Clone(scan.Cols)}
}
