package bind

import (
	"cmp"
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
)

// definition notes what the names of a query mean that is to be kept, and writes them out in its tree: relations with
// their schemas, the columns that * and NATURAL stand for. All methods do nothing with a nil definition.
type definition struct {
	relations []catalog.Read
	columns   map[plan.ID]readColumn // of the plan: what they are of the relations
	used      map[readColumn]bool
	keys      []catalog.Dependency // primary keys without which the query would be wrong
}

// readColumn is a column of a relation.
type readColumn struct {
	relation catalog.ID
	column   uint32
}

// reads notes a reference to a relation.
func (d *definition) reads(n *pg.RangeVar, r *Relation, cols []plan.Column) {
	if d == nil {
		return
	}
	n.Catalogname, n.Schemaname = "", r.Schema
	id := r.id()
	if id == 0 {
		return
	}
	for i, c := range cols {
		d.columns[c.ID] = readColumn{id, r.Columns[i].ID}
	}
	if slices.ContainsFunc(d.relations, func(x catalog.Read) bool { return x.Relation == id }) {
		return
	}
	read := catalog.Read{Relation: id, Schema: r.Schema, Name: r.Name}
	for _, c := range r.Columns {
		read.Columns = append(read.Columns, catalog.ReadColumn{ID: c.ID, Name: c.Name})
	}
	d.relations = append(d.relations, read)
}

// needs notes that the query is right as long as a table has a primary key.
func (d *definition) needs(r *Relation, key *catalog.Constraint) {
	if d == nil {
		return
	}
	if k := (catalog.Dependency{On: r.id(), Constraint: key.OID}); !slices.Contains(d.keys, k) {
		d.keys = append(d.keys, k)
	}
}

// uses notes that an expression reads columns.
func (d *definition) uses(e expr.Expr) {
	if d == nil {
		return
	}
	s := plan.Set{}
	plan.UsedColumns(e, s)
	for id := range s {
		if c, ok := d.columns[id]; ok {
			d.used[c] = true
		}
	}
}

// depends returns what the query needs: the columns that it reads, and relations of which it reads none.
func (d *definition) depends() (list []catalog.Dependency) {
	for _, r := range d.relations {
		n := len(list)
		for c := range d.used {
			if c.relation == r.Relation {
				list = append(list, catalog.Dependency{On: c.relation, Column: c.column})
			}
		}
		if len(list) == n {
			list = append(list, catalog.Dependency{On: r.Relation})
		}
	}
	list = append(list, d.keys...)
	slices.SortFunc(list, func(a, b catalog.Dependency) int {
		return cmp.Or(cmp.Compare(a.On, b.On), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Constraint, b.Constraint))
	})
	return list
}

// natural writes NATURAL out as USING. Without a common column it stays: there is no USING of nothing.
func (d *definition) natural(n, using *pg.JoinExpr) {
	if d != nil && len(using.UsingClause) > 0 {
		n.IsNatural, n.UsingClause = false, using.UsingClause
	}
}

// stars writes * and t.* out in a select list, where each column has a name that means it alone.
func (d *definition) stars(s *scope, n *pg.SelectStmt) {
	if d == nil {
		return
	}
	var list []*pg.Node
	for _, item := range n.TargetList {
		cols, ok := starColumns(s, item)
		if !ok {
			list = append(list, item)
			continue
		}
		for _, c := range cols {
			list = append(list, &pg.Node{Node: &pg.Node_ResTarget{ResTarget: &pg.ResTarget{Val: c}}})
		}
	}
	n.TargetList = list
}

// starColumns returns references to the columns that an item of a select list stands for; false when it is no star, or one
// that cannot be written out.
func starColumns(s *scope, item *pg.Node) (refs []*pg.Node, ok bool) {
	c := item.GetResTarget().GetVal().GetColumnRef()
	if c == nil || c.Fields[len(c.Fields)-1].GetAStar() == nil {
		return nil, false
	}
	names := s.from.visible
	if parts := parse.Names(c.Fields); len(parts) > 0 {
		t := s.from.only(parts[len(parts)-1])
		if t == nil {
			return nil, false
		}
		names = t.columns
	}
	for i := range names {
		r := s.from.reference(&names[i])
		if r == nil {
			return nil, false
		}
		refs = append(refs, r)
	}
	return refs, true
}

// only returns the table with an alias when no other has it.
func (f *from) only(alias string) (found *table) {
	for _, t := range f.tables {
		if t.alias != alias || alias == "" {
			continue
		}
		if found != nil {
			return nil
		}
		found = t
	}
	return found
}

// reference returns a reference to a visible column that can mean nothing else, nil when there is none.
func (f *from) reference(n *name) *pg.Node {
	for _, t := range f.tables {
		same := 0
		mine := false
		for i := range t.columns {
			if t.columns[i].name == n.name {
				same++
				mine = mine || t.columns[i].value == n.value
			}
		}
		if mine && same == 1 && f.only(t.alias) == t {
			return columnNode(t.alias, n.name)
		}
	}
	if _, count := f.find(n.name); count == 1 {
		return columnNode(n.name)
	}
	return nil
}

func columnNode(parts ...string) *pg.Node {
	c := &pg.ColumnRef{Location: -1}
	for _, p := range parts {
		c.Fields = append(c.Fields, pg.MakeStrNode(p))
	}
	return &pg.Node{Node: &pg.Node_ColumnRef{ColumnRef: c}}
}
