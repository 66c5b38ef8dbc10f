package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/bind/copy"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// copy binds COPY.
func (b *Binder) copy(n *pg.CopyStmt) (Statement, error) {
	c := &Copy{From: n.IsFrom, Filename: n.Filename, Program: n.IsProgram}
	target := &copy.Target{From: n.IsFrom}
	if n.Query != nil {
		sel := n.Query.GetSelectStmt()
		if sel == nil {
			return nil, errs.Unsupported("COPY of a statement that is not a query")
		}
		q, err := b.query(sel)
		if err != nil {
			return nil, err
		}
		c.Query = q
		for _, col := range q.Columns {
			target.Columns = append(target.Columns, col.Name)
		}
	} else {
		if err := b.copyTable(c, n); err != nil {
			return nil, err
		}
		target.Table = c.Table.Name
		for _, col := range c.Table.Columns {
			target.Columns = append(target.Columns, col.Name)
		}
		var err error
		if c.Ordinals, err = target.Ordinals(n.Attlist); err != nil {
			return nil, err
		}
		if err := c.generated(len(n.Attlist) > 0); err != nil {
			return nil, err
		}
	}
	o, err := copy.Read(&b.stmt, n.Options, target)
	if err != nil {
		return nil, err
	}
	c.Options = *o
	if n.WhereClause != nil {
		return c, b.copyWhere(c, n.WhereClause)
	}
	return c, nil
}

// generated leaves the columns out that are computed of others, or refuses them where they were named.
func (c *Copy) generated(named bool) error {
	for i := 0; i < len(c.Ordinals); {
		col := &c.Table.Columns[c.Ordinals[i]]
		switch {
		case !col.Generated:
			i++
		case named:
			return errs.New(errs.InvalidColumnReference, "column %q is a generated column", col.Name).
				WithDetail("Generated columns cannot be used in COPY.")
		default:
			c.Ordinals = slices.Delete(c.Ordinals, i, i+1)
		}
	}
	return nil
}

// copyTable finds the table of a COPY.
func (b *Binder) copyTable(c *Copy, n *pg.CopyStmt) error {
	schema, name := n.Relation.Schemaname, n.Relation.Relname
	r, err := b.resolver.Relation(schema, name)
	if err == nil && r == nil {
		if schema != "" {
			name = schema + "." + name
		}
		err = Suggest(errs.New(errs.UndefinedTable, "relation %q does not exist", name), b.resolver, schema, n.Relation.Relname)
	}
	if err != nil {
		return err // without a position, as PostgreSQL has it for utility statements
	}
	c.Table = r
	if c.From && r.Table == nil {
		if r.Schema == "pg_catalog" || r.Schema == "information_schema" {
			return errs.New(errs.InsufficientPrivilege, "permission denied for table %s", r.Name)
		}
		if r.Sequence != nil {
			return errs.New(errs.WrongObjectType, "cannot copy to sequence %q", r.Name)
		}
		return errs.New(errs.WrongObjectType, "cannot copy to view %q", r.Name)
	}
	if r.Sequence != nil {
		return errs.New(errs.WrongObjectType, "cannot copy from sequence %q", r.Name)
	}
	if r.View != nil {
		return errs.New(errs.WrongObjectType, "cannot copy from view %q", r.Name).WithHint("Try the COPY (SELECT ...) TO variant.")
	}
	return nil
}

func (b *Binder) copyWhere(c *Copy, n *pg.Node) error {
	c.Columns = b.tableColumns(c.Table)
	f, err := b.named1(&table{schema: c.Table.Schema, alias: c.Table.Name, name: c.Table.Name}, c.Columns, nil, -1)
	if err != nil {
		return err
	}
	s := &scope{from: f, node: oneRow(), clause: "COPY FROM WHERE conditions"}
	start := s.node
	if c.Where, err = b.boolean(s, n, "WHERE"); err != nil {
		return err
	}
	if s.node != start {
		return b.fail(parse.Location(n), errs.FeatureNotSupported, "cannot use subquery in COPY FROM WHERE condition")
	}
	for _, at := range expr.Columns(nil, c.Where) {
		for i := range c.Columns {
			if col := c.Columns[i]; int(col.ID) == at && c.Table.Columns[i].Generated {
				return errs.New(errs.InvalidColumnReference, "generated columns are not supported in COPY FROM WHERE conditions").
					WithDetail("Column %q is a generated column.", col.Name)
			}
		}
	}
	if expr.Volatile(c.Where) {
		return b.unsupported(parse.Location(n), "a volatile function in COPY FROM WHERE")
	}
	return nil
}
