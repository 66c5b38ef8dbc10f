package ddl

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// Create binds CREATE TABLE.
func Create(binder Binder, st *parse.Statement, n *pg.CreateStmt) (*CreateTable, error) {
	if err := refuse(st, n); err != nil {
		return nil, err
	}
	c := &CreateTable{Schema: n.Relation.Schemaname, Name: n.Relation.Relname, IfNotExists: n.IfNotExists}
	if err := c.elements(newColumns(binder, st, c.Name, nil), n.TableElts); err != nil {
		return nil, err
	}
	var err error
	if c.PartitionBy, err = partitionBy(st, n.Partspec); err != nil {
		return nil, err
	}
	c.Options, err = Options(n.Options)
	return c, err
}

// refuse names what PostgreSQL's CREATE TABLE has and ours has not.
func refuse(st *parse.Statement, n *pg.CreateStmt) error {
	switch {
	case n.OfTypename != nil:
		return st.Unsupported(n.OfTypename.Location, "CREATE TABLE OF")
	case n.Partbound != nil:
		return errs.Unsupported("PARTITION OF").WithHint(ownPartitions).At(st.Position(n.Relation.Location))
	case len(n.InhRelations) > 0:
		return st.Unsupported(n.Relation.Location, "INHERITS")
	case n.Relation.Relpersistence == "t":
		return st.Unsupported(n.Relation.Location, "CREATE TEMPORARY TABLE")
	case n.Relation.Relpersistence == "u":
		return st.Unsupported(n.Relation.Location, "CREATE UNLOGGED TABLE")
	case n.Tablespacename != "":
		return st.Unsupported(n.Relation.Location, "TABLESPACE")
	}
	return nil
}

// elements reads the columns, and then the constraints, which may name any of them.
func (c *CreateTable) elements(t *columns, elts []*pg.Node) error {
	var own []*pg.Constraint // of the table
	count := 0
	for _, e := range elts {
		switch x := e.Node.(type) {
		case *pg.Node_ColumnDef:
			count++
		case *pg.Node_Constraint:
			own = append(own, x.Constraint)
		case *pg.Node_TableLikeClause:
			return t.st.Unsupported(x.TableLikeClause.GetRelation().GetLocation(), "LIKE in CREATE TABLE")
		default:
			return errs.Unsupported("%s in CREATE TABLE", parse.NodeName(e))
		}
	}
	// Before the types and defaults of all of them are looked at, which takes its time for a text of many megabytes.
	if count > catalog.MaxColumns {
		return errs.New(errs.TooManyColumns, "tables can have at most %d columns", catalog.MaxColumns)
	}
	behind := make([][]*pg.Constraint, 0, count) // columns
	for _, e := range elts {
		d := e.GetColumnDef()
		if d == nil {
			continue
		}
		if t.find(d.Colname) >= 0 {
			return errs.New(errs.DuplicateColumn, "column %q specified more than once", d.Colname)
		}
		col, later, err := t.column(d)
		if err != nil {
			return err
		}
		t.add(col)
		behind = append(behind, later)
	}
	c.Columns = t.list
	c.Own = t.own
	for i, list := range behind {
		var err error
		if behind[i], err = t.generate(&t.list[i], list); err != nil {
			return err
		}
	}
	for i, list := range behind {
		all, err := t.constraints(t.list[i].Name, list)
		if err != nil {
			return err
		}
		c.Constraints = append(c.Constraints, all...)
	}
	for _, k := range own {
		one, err := t.constraint(k, "")
		if err != nil {
			return err
		}
		c.Constraints = append(c.Constraints, *one)
	}
	return c.oneKey(t)
}

// oneKey refuses a second primary key, and makes the columns of the first NOT NULL.
func (c *CreateTable) oneKey(t *columns) error {
	keys := 0
	for i := range c.Constraints {
		k := &c.Constraints[i]
		if k.Kind != catalog.PrimaryKey {
			continue
		}
		if keys++; keys > 1 {
			return t.st.Fail(k.at, errs.InvalidTableDefinition, "multiple primary keys for table %q are not allowed", c.Name)
		}
		for _, name := range k.Columns {
			c.Columns[t.find(name)].NotNull = true
		}
	}
	return nil
}

// Options reads WITH (name = value, ...).
func Options(defs []*pg.Node) ([]catalog.Option, error) {
	var options []catalog.Option
	for _, d := range defs {
		def := d.GetDefElem()
		o := catalog.Option{Name: strings.ToLower(def.Defname), Value: "true"}
		if def.Defnamespace != "" {
			o.Name = strings.ToLower(def.Defnamespace) + "." + o.Name
		}
		if def.Arg != nil {
			o.Value = parse.Text(def.Arg)
		}
		if slices.ContainsFunc(options, func(p catalog.Option) bool { return p.Name == o.Name }) {
			return nil, errs.New(errs.InvalidParameterValue, "parameter %q specified more than once", o.Name)
		}
		options = append(options, o)
	}
	return options, nil
}
