package bind

import (
	"cmp"
	"errors"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// A view is kept as the text of its query and bound anew for each reference. So that the text goes on to mean what it
// meant, the view also keeps which relations and columns its names were (definition.go): the text is bound through a
// resolver that shows these as they were called then, whatever they are called by now, and none of their younger columns.

// viewsMax bounds how many references to views a statement has, also inside views: a chain in which each refers twice to
// the one before doubles every time.
const viewsMax = 2000

// createView binds CREATE VIEW.
func (b *Binder) createView(n *pg.ViewStmt) (Statement, error) {
	if err := b.refuseView(n); err != nil {
		return nil, err
	}
	sel := proto.Clone(n.Query.GetSelectStmt()).(*pg.SelectStmt) // the tree is shared, and its names are written out
	b.definition = &definition{columns: map[plan.ID]readColumn{}, used: map[readColumn]bool{}}
	q, err := b.query(sel)
	if err != nil {
		return nil, err
	}
	if len(b.params.types) > 0 {
		return nil, errs.New(errs.UndefinedParameter, "there is no parameter $1")
	}
	v := &CreateView{Schema: n.View.Schemaname, Name: n.View.Relname, Replace: n.Replace}
	if v.View.Columns, err = viewColumns(q.Columns, parse.Names(n.Aliases)); err != nil {
		return nil, err
	}
	v.View.Reads, v.View.Depends = b.definition.relations, b.definition.depends()
	v.View.Query, err = parse.Query(sel)
	return v, err
}

// refuseView names what PostgreSQL's CREATE VIEW has and ours has not.
func (b *Binder) refuseView(n *pg.ViewStmt) error {
	sel := n.Query.GetSelectStmt()
	switch {
	case sel == nil:
		return errs.Unsupported("%s in CREATE VIEW", parse.NodeName(n.Query))
	case sel.IntoClause != nil:
		return errs.New(errs.FeatureNotSupported, "views must not contain SELECT INTO")
	case n.View.Relpersistence == "t":
		return b.unsupported(n.View.Location, "CREATE TEMPORARY VIEW")
	case n.View.Relpersistence == "u":
		return errs.New(errs.SyntaxError, "views cannot be unlogged because they do not have storage")
	case n.WithCheckOption != pg.ViewCheckOption_NO_CHECK_OPTION:
		return errs.Unsupported("WITH CHECK OPTION")
	}
	for _, o := range n.Options {
		return errs.Unsupported("WITH (%s) of a view", o.GetDefElem().GetDefname())
	}
	return nil
}

// viewColumns names the columns of a view.
func viewColumns(cols []plan.Column, names []string) ([]catalog.Column, error) {
	if len(names) > len(cols) {
		return nil, errs.New(errs.SyntaxError, "CREATE VIEW specifies more column names than columns")
	}
	list := make([]catalog.Column, 0, len(cols))
	seen := make(map[string]bool, len(cols))
	for i, c := range cols {
		name := c.Name
		if i < len(names) {
			name = names[i]
		}
		if seen[name] {
			return nil, errs.New(errs.DuplicateColumn, "column %q specified more than once", name)
		}
		seen[name] = true
		t := c.Type
		if c.Bare {
			t = plainType(t)
		}
		list = append(list, catalog.Column{Name: name, Type: t})
	}
	if len(list) > catalog.MaxColumns {
		return nil, errs.New(errs.TooManyColumns, "tables can have at most %d columns", catalog.MaxColumns)
	}
	return list, nil
}

// view binds the query of a view for one reference.
func (b *Binder) view(r *Relation) (*query, error) {
	v := r.View
	if slices.Contains(b.inside, v.ID) {
		return nil, errs.New(errs.InvalidObjectDefinition, "infinite recursion detected in rules for relation %q", v.Name)
	}
	if b.views++; b.views > viewsMax {
		return nil, errs.New(errs.StatementTooComplex, "a statement reads views more than %d times", viewsMax)
	}
	sts, err := parse.Parse(v.Query)
	if err != nil || len(sts) != 1 || sts[0].Node.GetSelectStmt() == nil {
		return nil, cmp.Or[error](err, errs.Internal("the query of view %q is %q", v.Name, v.Query))
	}
	outer := *b
	b.stmt, b.definition, b.arguments = sts[0], nil, 0
	b.inside = append(slices.Clip(b.inside), v.ID)
	b.resolver = &asDefined{root(b.resolver), v.Reads}
	q, err := b.selectStmt(nil, sts[0].Node.GetSelectStmt(), false)
	b.stmt, b.definition, b.arguments, b.inside, b.resolver = outer.stmt, outer.definition, outer.arguments, outer.inside, outer.resolver
	if err != nil {
		return nil, nowhere(err)
	}
	if len(q.cols) != len(v.Columns) {
		return nil, errs.Internal("view %q has %d columns, its query %d", v.Name, len(v.Columns), len(q.cols))
	}
	return b.viewed(r, q), nil
}

// viewed gives the columns of a view's query the names and types that the view has.
func (b *Binder) viewed(r *Relation, q *query) *query {
	p := &plan.Project{Input: q.node}
	for i := range r.Columns {
		c := &r.Columns[i]
		from := q.cols[r.ordinal(i)]
		e := expr.Expr(ref(from))
		if from.Type != c.Type {
			e = &expr.Cast{Arg: e, T: c.Type}
		}
		col := b.newColumn(c.Name, c.Type)
		col.TableOID, col.Ordinal = r.OID, r.ordinal(i)
		b.origins[col.ID] = col
		b.declared.Add(col.ID)
		p.Exprs, p.Cols = append(p.Exprs, e), append(p.Cols, col)
	}
	return &query{node: p, cols: p.Cols}
}

// nowhere takes an error's position away, which is one in a text that the client has not sent.
func nowhere(err error) error {
	var e *errs.Error
	if !errors.As(err, &e) || e.Position == 0 {
		return err
	}
	c := *e
	c.Position = 0
	return &c
}

// asDefined shows relations with the names that they had when a view was defined.
type asDefined struct {
	Resolver
	reads []catalog.Read
}

// root returns the resolver of the statement.
func root(r Resolver) Resolver {
	if d, ok := r.(*asDefined); ok {
		return d.Resolver
	}
	return r
}

// Relation implements Resolver.
func (d *asDefined) Relation(schema, name string) (*Relation, error) {
	i := slices.IndexFunc(d.reads, func(r catalog.Read) bool { return r.Schema == schema && r.Name == name })
	if i < 0 {
		return d.Resolver.Relation(schema, name) // of the system
	}
	read := &d.reads[i]
	now := d.Resolver.ByID(read.Relation)
	if now == nil {
		return nil, errs.Internal("relation %d of a view is gone", read.Relation)
	}
	then := *now
	then.Schema, then.Name, then.Columns, then.Ordinals = read.Schema, read.Name, nil, nil
	for _, c := range read.Columns {
		at := slices.IndexFunc(now.Columns, func(x catalog.Column) bool { return x.ID == c.ID })
		if at < 0 {
			continue // dropped: nothing of the view needs it
		}
		col := now.Columns[at]
		col.Name = c.Name
		then.Columns, then.Ordinals = append(then.Columns, col), append(then.Ordinals, at)
	}
	return &then, nil
}
