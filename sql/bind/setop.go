package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

var setOps = map[pg.SetOperation]plan.SetOpKind{pg.SetOperation_SETOP_UNION: plan.Union,
	pg.SetOperation_SETOP_INTERSECT: plan.Intersect, pg.SetOperation_SETOP_EXCEPT: plan.Except}

// setOperation binds UNION, INTERSECT and EXCEPT with their ORDER BY and LIMIT.
func (b *Binder) setOperation(s *scope, n *pg.SelectStmt) (*query, error) {
	q, err := b.setTree(s, n)
	if err != nil {
		return nil, err
	}
	keys, err := b.setOrder(s, q, n)
	if err != nil {
		return nil, err
	}
	if len(keys) > 0 {
		q.node = &plan.Sort{Input: q.node, Keys: keys, Limit: -1}
	}
	return q, b.limit(s, q, n)
}

func (b *Binder) setTree(s *scope, n *pg.SelectStmt) (*query, error) {
	word := []string{"UNION", "INTERSECT", "EXCEPT"}[setOps[n.Op]]
	left, err := b.selectStmt(&scope{parent: s}, n.Larg, true)
	if err != nil {
		return nil, err
	}
	right, err := b.selectStmt(&scope{parent: s}, n.Rarg, true)
	if err != nil {
		return nil, err
	}
	if len(left.cols) != len(right.cols) {
		return nil, b.fail(right.place(0), errs.SyntaxError, "each %s query must have the same number of columns", word)
	}
	ts := make([]types.Type, len(left.cols))
	op := &plan.SetOp{Kind: setOps[n.Op], All: n.All}
	out := &query{}
	for i := range left.cols {
		pair := []types.Type{left.cols[i].Type, right.cols[i].Type}
		if ts[i], err = fn.CommonTypeFor(word, pair); err != nil {
			return nil, b.at(err, right.place(i))
		}
		if !b.fixedScale(ts[i], left.column(i), right.column(i)) {
			ts[i] = plainType(ts[i])
		}
		if !op.All || op.Kind != plan.Union {
			if err := b.equatable(&expr.Const{Value: types.NullOf(ts[i])}, left.place(i)); err != nil {
				return nil, err
			}
		}
		col := b.newColumn(left.cols[i].Name, ts[i])
		if l, r := left.cols[i], right.cols[i]; l.Type == r.Type && b.declared.Has(l.ID) && b.declared.Has(r.ID) {
			b.declared.Add(col.ID)
		}
		op.Cols = append(op.Cols, col)
		out.places = append(out.places, left.place(i))
	}
	if op.Left, err = b.retype(left, ts); err != nil {
		return nil, err
	}
	if op.Right, err = b.retype(right, ts); err != nil {
		return nil, err
	}
	out.node, out.cols = op, append([]plan.Column{}, op.Cols...) // never nil: rows without columns are rows, too
	if op.Kind == plan.Union && !op.All && len(op.Cols) == 0 {
		op.All, out.node = true, firstRow(op)
	}
	return out, nil
}

// firstRow removes duplicates of rows without columns, which are all equal: a grouping by nothing has a row of no rows.
func firstRow(n plan.Node) plan.Node { return &plan.Limit{Input: n, Count: 1} }

func (q *query) place(i int) int32 {
	if i < len(q.places) {
		return q.places[i]
	}
	return -1
}

// column returns the expression of a column as far as it is seen: an item of the select list, else its type.
func (q *query) column(i int) expr.Expr {
	if p, ok := q.node.(*plan.Project); ok && len(p.Exprs) == len(q.cols) {
		return p.Exprs[i]
	}
	return &expr.Column{T: q.cols[i].Type}
}

// retype converts the columns of a query. Literals of its select list are converted in place.
func (b *Binder) retype(q *query, ts []types.Type) (plan.Node, error) {
	same := true
	for i, c := range q.cols {
		same = same && c.Type == ts[i]
	}
	if same {
		return q.node, nil
	}
	if p, ok := q.node.(*plan.Project); ok && len(p.Exprs) == len(ts) {
		c := &plan.Project{Input: p.Input}
		for i, e := range p.Exprs {
			e, err := b.exactly(e, ts[i], q.place(i))
			if err != nil {
				return nil, err
			}
			col := p.Cols[i]
			if col.Type != ts[i] {
				col = b.newColumn(col.Name, ts[i])
			}
			c.Exprs, c.Cols = append(c.Exprs, e), append(c.Cols, col)
		}
		return c, nil
	}
	c := &plan.Project{Input: q.node}
	for i, col := range q.cols {
		col.ID = q.node.Columns()[i].ID
		if col.Type.Kind == types.Unknown {
			col.Type = types.T(types.Text)
		}
		var e expr.Expr = ref(col)
		e, err := b.exactly(e, ts[i], q.place(i))
		if err != nil {
			return nil, err
		}
		c.Exprs, c.Cols = append(c.Exprs, e), append(c.Cols, b.newColumn(col.Name, ts[i]))
	}
	return c, nil
}

// setOrder binds ORDER BY over a set operation: only output names and numbers are allowed.
func (b *Binder) setOrder(s *scope, q *query, n *pg.SelectStmt) ([]plan.SortKey, error) {
	targets := make([]target, len(q.cols))
	for i, c := range q.cols {
		targets[i] = target{name: c.Name, expr: ref(c)}
	}
	var keys []plan.SortKey
	for _, it := range n.SortClause {
		k, err := b.sortKey(it.GetSortBy(), func(n *pg.Node) (expr.Expr, error) {
			i, err := b.orderTarget(n, targets, "ORDER BY")
			if err != nil {
				return nil, err
			}
			if i >= 0 {
				return targets[i].expr, nil
			}
			if c := n.GetColumnRef(); c != nil {
				t := &table{alias: "unnamed"}
				for _, tg := range targets {
					t.columns = append(t.columns, name{name: tg.name, value: tg.expr})
				}
				in := &scope{parent: s.parent, from: from{visible: t.columns}}
				return b.columnRef(in, c)
			}
			return nil, b.fail(parse.Location(n), errs.FeatureNotSupported, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause").
				WithDetail("Only result column names can be used, not expressions or functions.").
				WithHint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.")
		})
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// values binds VALUES (...), (...).
func (b *Binder) values(s *scope, n *pg.SelectStmt, keepUnknown bool) (*query, error) {
	rows := make([]row, len(n.ValuesLists))
	for i, l := range n.ValuesLists {
		items := l.GetList().GetItems()
		if len(items) != len(n.ValuesLists[0].GetList().GetItems()) {
			return nil, b.fail(parse.Location(items[0]), errs.SyntaxError, "VALUES lists must all be the same length")
		}
		r, err := b.row(s, items)
		if err != nil {
			return nil, err
		}
		rows[i] = r
	}
	q := &query{}
	for i := range rows[0].exprs {
		column, places := make([]expr.Expr, len(rows)), make([]int32, len(rows))
		unknown := keepUnknown
		for r := range rows {
			column[r], places[r] = rows[r].exprs[i], rows[r].places[i]
			unknown = unknown && column[r].Type().Kind == types.Unknown
		}
		t := types.T(types.Unknown)
		if !unknown || len(rows) > 1 {
			var err error
			if column, t, err = b.common("VALUES", column, places); err != nil {
				return nil, err
			}
		}
		for r := range rows {
			rows[r].exprs[i] = column[r]
		}
		q.cols = append(q.cols, b.newColumn(columnN(i), t))
		q.places = append(q.places, places[0])
	}
	q.node = b.rowsNode(rows, slices.Clone(q.cols))
	if len(n.SortClause) > 0 {
		keys, err := b.setOrder(s, q, n)
		if err != nil {
			return nil, err
		}
		q.node = &plan.Sort{Input: q.node, Keys: keys, Limit: -1}
	}
	return q, b.limit(s, q, n)
}

// row is one row of VALUES. node is nil unless subqueries stand in it.
type row struct {
	exprs  []expr.Expr
	places []int32
	node   plan.Node
}

// row binds the expressions of one row.
func (b *Binder) row(s *scope, items []*pg.Node) (row, error) {
	in := &scope{parent: s.parent, ctes: s.ctes, node: oneRow(), clause: "VALUES"}
	start := in.node
	es, places, err := b.exprs(in, items)
	r := row{exprs: es, places: places}
	if in.node != start {
		r.node = in.node
	}
	return r, err
}

// rowsNode makes the node of rows that have the columns' types.
func (b *Binder) rowsNode(rows []row, cols []plan.Column) plan.Node {
	plain := true
	for _, r := range rows {
		plain = plain && r.node == nil
	}
	if plain {
		v := &plan.Values{Cols: cols}
		for _, r := range rows {
			v.Rows = append(v.Rows, r.exprs)
		}
		return v
	}
	var all plan.Node
	for i, r := range rows {
		in := r.node
		if in == nil {
			in = oneRow()
		}
		out := cols
		if len(rows) > 1 {
			out = b.renumbered(cols)
		}
		var p plan.Node = &plan.Project{Input: in, Exprs: r.exprs, Cols: out}
		if i == 0 {
			all = p
			continue
		}
		next := cols
		if i < len(rows)-1 {
			next = b.renumbered(cols)
		}
		all = &plan.SetOp{Kind: plan.Union, All: true, Left: all, Right: p, Cols: next}
	}
	return all
}

func (b *Binder) renumbered(cols []plan.Column) []plan.Column {
	out := slices.Clone(cols)
	for i := range out {
		out[i].ID = b.newID()
	}
	return out
}
