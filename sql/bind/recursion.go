package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// withNames returns the names of items that a tree reads, but those which mean a WITH query of its own.
func withNames(tree *pg.Node, items []*pg.CommonTableExpr) (found []string) {
	w := &withWalker{}
	w.table = func(v *pg.RangeVar) error {
		named := func(x *pg.CommonTableExpr) bool { return x.Ctename == v.Relname }
		if slices.ContainsFunc(items, named) && !slices.Contains(found, v.Relname) {
			found = append(found, v.Relname)
		}
		return nil
	}
	_ = w.walk(tree)
	return found
}

// withWalker goes through a raw tree and knows which names mean WITH queries that stand in the tree.
type withWalker struct {
	inner []string
	// table is called for each table name that is none of them; node for each other message, and may go on by itself.
	table func(*pg.RangeVar) error
	node  func(proto.Message) (done bool, err error)
}

// walk goes through a message and what stands in it.
func (w *withWalker) walk(m proto.Message) error {
	r := m.ProtoReflect()
	if !r.IsValid() {
		return nil
	}
	if v, ok := m.(*pg.RangeVar); ok {
		if v.Schemaname != "" || slices.Contains(w.inner, v.Relname) {
			return nil
		}
		return w.table(v)
	}
	depth := len(w.inner)
	defer func() { w.inner = w.inner[:depth] }()
	with := r.Descriptor().Fields().ByName("with_clause")
	if with != nil && r.Has(with) {
		if err := w.with(r.Get(with).Message().Interface().(*pg.WithClause)); err != nil {
			return err
		}
	}
	if w.node != nil {
		if done, err := w.node(m); done || err != nil {
			return err
		}
	}
	var failed error
	r.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f != with && f.Kind() == protoreflect.MessageKind {
			failed = w.field(f, v)
		}
		return failed == nil
	})
	return failed
}

func (w *withWalker) field(f protoreflect.FieldDescriptor, v protoreflect.Value) error {
	if !f.IsList() {
		return w.walk(v.Message().Interface())
	}
	for i := range v.List().Len() {
		if err := w.walk(v.List().Get(i).Message().Interface()); err != nil {
			return err
		}
	}
	return nil
}

// with goes through WITH queries, whose names are known in the queries behind them, with RECURSIVE in all.
func (w *withWalker) with(n *pg.WithClause) error {
	if n.Recursive {
		for _, x := range n.Ctes {
			w.inner = append(w.inner, x.GetCommonTableExpr().GetCtename())
		}
	}
	for _, x := range n.Ctes {
		if err := w.walk(x.GetCommonTableExpr().GetCtequery()); err != nil {
			return err
		}
		if !n.Recursive {
			w.inner = append(w.inner, x.GetCommonTableExpr().GetCtename())
		}
	}
	return nil
}

// recursion checks where a recursive query reads itself: once, where each row of a round gives rows of the next.
type recursion struct {
	withWalker
	b     *Binder
	name  string
	where string // what the reference must not stand in; "" where it may
	count int
}

// checkRecursion checks the form of a recursive query.
func (b *Binder) checkRecursion(x *pg.CommonTableExpr) error {
	n := x.Ctequery.GetSelectStmt()
	if n == nil {
		return b.fail(x.Location, errs.InvalidRecursion, "recursive query %q must not contain data-modifying statements", x.Ctename)
	}
	if n.Op != pg.SetOperation_SETOP_UNION {
		return b.fail(x.Location, errs.InvalidRecursion, "recursive query %q does not have the form non-recursive-term UNION [ALL] recursive-term", x.Ctename)
	}
	r := &recursion{b: b, name: x.Ctename}
	r.table, r.node = r.own, r.place
	if n.WithClause != nil {
		r.where = "a subquery"
		if err := r.with(n.WithClause); err != nil {
			return err
		}
	}
	if err := b.plainUnion(n); err != nil {
		return err
	}
	r.where = "its non-recursive term"
	if err := r.walk(n.Larg); err != nil {
		return err
	}
	r.where = ""
	if err := r.walk(n.Rarg); err != nil {
		return err
	}
	if r.count != 1 {
		return errs.Internal("missing recursive reference")
	}
	return nil
}

// plainUnion refuses what stands behind the UNION of a recursive query.
func (b *Binder) plainUnion(n *pg.SelectStmt) error {
	refuse := func(at *pg.Node, what string) error {
		return b.fail(parse.Location(at), errs.FeatureNotSupported, "%s in a recursive query is not implemented", what)
	}
	switch {
	case len(n.SortClause) > 0:
		return refuse(n.SortClause[0].GetSortBy().GetNode(), "ORDER BY")
	case n.LimitOffset != nil:
		return refuse(n.LimitOffset, "OFFSET")
	case n.LimitCount != nil:
		return refuse(n.LimitCount, "LIMIT")
	case len(n.LockingClause) > 0:
		return refuse(nil, "FOR UPDATE/SHARE")
	}
	return nil
}

// own is called for each table name.
func (r *recursion) own(v *pg.RangeVar) error {
	if v.Relname != r.name {
		return nil
	}
	if r.where != "" {
		return r.b.fail(v.Location, errs.InvalidRecursion, "recursive reference to query %q must not appear within %s", r.name, r.where)
	}
	if r.count++; r.count > 1 {
		return r.b.fail(v.Location, errs.InvalidRecursion, "recursive reference to query %q must not appear more than once", r.name)
	}
	return nil
}

// place goes through what changes whether the reference may stand there.
func (r *recursion) place(m proto.Message) (done bool, err error) {
	switch n := m.(type) {
	case *pg.SubLink:
		if err := r.in("a subquery", n.Subselect); err != nil || n.Testexpr == nil {
			return true, err
		}
		return true, r.walk(n.Testexpr)
	case *pg.JoinExpr:
		return true, r.join(n)
	case *pg.SelectStmt:
		if r.where != "" || n.Op != pg.SetOperation_SETOP_INTERSECT && n.Op != pg.SetOperation_SETOP_EXCEPT {
			return false, nil
		}
		left, right := "", "INTERSECT"
		switch {
		case n.Op == pg.SetOperation_SETOP_EXCEPT:
			right = "EXCEPT"
			if n.All {
				left = right
			}
		case n.All:
			left = right
		default:
			right = ""
		}
		if err := r.in(left, n.Larg); err != nil {
			return true, err
		}
		return true, r.in(right, n.Rarg)
	}
	return false, nil
}

func (r *recursion) join(n *pg.JoinExpr) error {
	left, right := "", ""
	switch n.Jointype {
	case pg.JoinType_JOIN_LEFT:
		right = "an outer join"
	case pg.JoinType_JOIN_RIGHT:
		left = "an outer join"
	case pg.JoinType_JOIN_FULL:
		left, right = "an outer join", "an outer join"
	}
	if err := r.in(left, n.Larg); err != nil {
		return err
	}
	if err := r.in(right, n.Rarg); err != nil || n.Quals == nil {
		return err
	}
	return r.walk(n.Quals)
}

// in goes through a tree where the reference must not stand; "" says that it may where it might before. What forbids it
// outside is told first, but for a subquery.
func (r *recursion) in(where string, m proto.Message) error {
	kept := r.where
	if where != "" && (kept == "" || where == "a subquery") {
		r.where = where
	}
	err := r.walk(m)
	r.where = kept
	return err
}
