package bind

import (
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// joinExpr binds a JOIN b ON ..., USING and NATURAL.
func (b *Binder) joinExpr(s *scope, n *pg.JoinExpr) (plan.Node, from, error) {
	left, lf, err := b.fromItem(s, n.Larg)
	if err != nil {
		return nil, from{}, err
	}
	// The right side sees the left one when it is lateral.
	rs := &scope{parent: s.parent, ctes: s.ctes, from: merge(s.from, lf), node: s.node, clause: s.clause}
	right, rf, err := b.fromItem(rs, n.Rarg)
	if err != nil {
		return nil, from{}, err
	}
	if err := b.checkAliases(&lf, &rf, n.Rarg); err != nil {
		return nil, from{}, err
	}
	if n.IsNatural {
		natural := n
		n = naturalUsing(n, &lf, &rf)
		b.definition.natural(natural, n)
	}
	for _, f := range []*from{&lf, &rf} {
		for _, t := range f.tables {
			t.joined = true
		}
	}
	j := &join{kind: joinKinds[n.Jointype], left: left, right: right, lf: lf, rf: rf}
	if len(n.UsingClause) > 0 {
		if err := b.using(j, n); err != nil {
			return nil, from{}, err
		}
	} else {
		j.out = merge(lf, rf)
	}
	if n.Quals != nil {
		if err := b.joinCondition(s, j, n.Quals); err != nil {
			return nil, from{}, err
		}
	}
	node, err := b.makeJoin(j, n)
	if err != nil {
		return nil, from{}, err
	}
	if n.Alias == nil {
		return node, j.out, nil
	}
	t := &table{alias: n.Alias.Aliasname, columns: append([]name(nil), j.out.visible...)}
	if err := b.renameColumns(t, n.Alias, -1); err != nil {
		return nil, from{}, err
	}
	return node, from{tables: []*table{t}, visible: t.columns}, nil
}

var joinKinds = map[pg.JoinType]plan.JoinKind{pg.JoinType_JOIN_INNER: plan.Inner, pg.JoinType_JOIN_LEFT: plan.Left,
	pg.JoinType_JOIN_RIGHT: plan.Right, pg.JoinType_JOIN_FULL: plan.Full}

// join is a JOIN while it is bound.
type join struct {
	kind        plan.JoinKind
	left, right plan.Node
	lf, rf, out from
	on          []expr.Expr
	above       []expr.Expr // of an inner join: conditions over subqueries
	wrap        func(plan.Node) plan.Node
}

// makeJoin builds the node. A right side that reads the left one becomes an Apply.
func (b *Binder) makeJoin(j *join, n *pg.JoinExpr) (plan.Node, error) {
	var node plan.Node
	switch {
	case correlated(j.right, j.left):
		if j.kind != plan.Inner && j.kind != plan.Left {
			return nil, b.unsupported(-1, "a lateral item on the right side of a %s join", j.kind)
		}
		right := j.right
		if len(j.on) > 0 {
			right = &plan.Filter{Input: right, Conds: j.on}
		}
		node = &plan.Apply{Kind: j.kind, Left: j.left, Right: right}
	case j.kind == plan.Inner && len(j.on) == 0:
		node = &plan.Join{Kind: plan.Cross, Left: j.left, Right: j.right}
	default:
		node = &plan.Join{Kind: j.kind, Left: j.left, Right: j.right, On: j.on}
	}
	if j.wrap != nil {
		node = &plan.Filter{Input: j.wrap(node), Conds: j.above}
	}
	return node, nil
}

// joinCondition binds ON. Subqueries in it are joined above an inner join, and to the right side of a left join when
// they read nothing of the left side.
func (b *Binder) joinCondition(s *scope, j *join, quals *pg.Node) error {
	on := &scope{parent: s.parent, ctes: s.ctes, from: j.out, clause: "JOIN conditions", group: &grouping{}}
	cond, err := b.boolean(on, quals, "JOIN/ON")
	if err != nil {
		return err
	}
	pend := on.group.pending
	switch {
	case len(pend) == 0:
		j.on = append(j.on, expr.Conjuncts(nil, cond)...)
	case j.kind == plan.Inner:
		j.above = expr.Conjuncts(nil, cond)
		j.wrap = func(n plan.Node) plan.Node {
			for _, p := range pend {
				n = p.attach(n, p.right)
			}
			return n
		}
	case j.kind == plan.Left:
		left := plan.OutputSet(j.left)
		for _, p := range pend {
			if correlated(p.right, j.left) || plan.ColumnsOf(p.left...).Intersects(left) {
				return b.unsupported(parse.Location(quals), "this subquery in the condition of an outer join")
			}
			j.right = p.attach(j.right, p.right)
		}
		j.on = append(j.on, expr.Conjuncts(nil, cond)...)
	default:
		return b.unsupported(parse.Location(quals), "a subquery in the condition of a %s join", j.kind)
	}
	return nil
}

// naturalUsing turns NATURAL into USING over the names that both sides have.
func naturalUsing(n *pg.JoinExpr, lf, rf *from) *pg.JoinExpr {
	c := &pg.JoinExpr{Jointype: n.Jointype, Larg: n.Larg, Rarg: n.Rarg, Quals: n.Quals, Alias: n.Alias}
	for _, l := range lf.visible {
		if _, k := rf.find(l.name); k > 0 {
			c.UsingClause = append(c.UsingClause, &pg.Node{Node: &pg.Node_String_{String_: &pg.String{Sval: l.name}}})
		}
	}
	return c
}

// using binds USING: equal columns, which appear once, before the others.
func (b *Binder) using(j *join, n *pg.JoinExpr) error {
	var merged []name
	drop := map[string]bool{}
	for _, col := range parse.Names(n.UsingClause) {
		if drop[col] {
			return errs.New(errs.DuplicateColumn, "column name %q appears more than once in USING clause", col)
		}
		drop[col] = true
		l, err := usingColumn(&j.lf, col, "left")
		if err != nil {
			return err
		}
		r, err := usingColumn(&j.rf, col, "right")
		if err != nil {
			return err
		}
		b.definition.uses(l.value)
		b.definition.uses(r.value)
		eq, err := b.operator("=", l.value, r.value, -1, -1, -1)
		if err != nil {
			return fmt.Errorf("JOIN/USING: %w", err)
		}
		j.on = append(j.on, eq)
		m := *l
		switch j.kind {
		case plan.Right:
			m = *r
		case plan.Full:
			both, t, err := b.common("JOIN/USING", []expr.Expr{l.value, r.value}, []int32{-1, -1})
			if err != nil {
				return err
			}
			m = name{name: col, value: &expr.Coalesce{Args: both, T: t}}
		}
		m.name = col
		merged = append(merged, m)
	}
	j.out.tables = append(j.lf.tables[:len(j.lf.tables):len(j.lf.tables)], j.rf.tables...)
	j.out.visible = merged
	for _, side := range []*from{&j.lf, &j.rf} {
		for _, v := range side.visible {
			if !drop[v.name] {
				j.out.visible = append(j.out.visible, v)
			}
		}
	}
	return nil
}

func usingColumn(f *from, col, side string) (*name, error) {
	var found *name
	for i := range f.visible {
		if f.visible[i].name == col {
			if found != nil {
				return nil, errs.New(errs.AmbiguousColumn, "common column name %q appears more than once in %s table", col, side)
			}
			found = &f.visible[i]
		}
	}
	if found == nil {
		return nil, errs.New(errs.UndefinedColumn, "column %q specified in USING clause does not exist in %s table", col, side)
	}
	return found, nil
}
