package ddl

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// definition is a CREATE TABLE while it is read.
type definition struct {
	CreateTable
	binder Binder
	st     *parse.Statement
	byName map[string]int // columns: a table of 1,600 is not looked through for each
}

// Create binds CREATE TABLE.
func Create(binder Binder, st *parse.Statement, n *pg.CreateStmt) (*CreateTable, error) {
	t := &definition{binder: binder, st: st, byName: map[string]int{}}
	t.Schema, t.Name, t.IfNotExists = n.Relation.Schemaname, n.Relation.Relname, n.IfNotExists
	if err := t.refuse(n); err != nil {
		return nil, err
	}
	if err := t.elements(n.TableElts); err != nil {
		return nil, err
	}
	var err error
	if t.Options, err = Options(n.Options); err != nil {
		return nil, err
	}
	return &t.CreateTable, nil
}

// refuse names what PostgreSQL's CREATE TABLE has and ours has not.
func (t *definition) refuse(n *pg.CreateStmt) error {
	switch {
	case n.Partspec != nil:
		return t.st.Unsupported(n.Partspec.Location, "PARTITION BY")
	case n.OfTypename != nil:
		return t.st.Unsupported(n.OfTypename.Location, "CREATE TABLE OF")
	case n.Partbound != nil:
		return t.st.Unsupported(n.Relation.Location, "PARTITION OF")
	case len(n.InhRelations) > 0:
		return t.st.Unsupported(n.Relation.Location, "INHERITS")
	case n.Relation.Relpersistence == "t":
		return t.st.Unsupported(n.Relation.Location, "CREATE TEMPORARY TABLE")
	case n.Relation.Relpersistence == "u":
		return t.st.Unsupported(n.Relation.Location, "CREATE UNLOGGED TABLE")
	case n.Tablespacename != "":
		return t.st.Unsupported(n.Relation.Location, "TABLESPACE")
	}
	return nil
}

// elements reads the columns, and then the constraints, which may stand before the columns that they name.
func (t *definition) elements(elts []*pg.Node) error {
	var constraints []*pg.Constraint
	columns := 0
	for _, e := range elts {
		switch x := e.Node.(type) {
		case *pg.Node_ColumnDef:
			columns++
		case *pg.Node_Constraint:
			constraints = append(constraints, x.Constraint)
		case *pg.Node_TableLikeClause:
			return t.st.Unsupported(x.TableLikeClause.GetRelation().GetLocation(), "LIKE in CREATE TABLE")
		default:
			return errs.Unsupported("%s in CREATE TABLE", parse.NodeName(e))
		}
	}
	// Before the types and defaults of all of them are looked at, which takes its time for a text of many megabytes.
	if columns > catalog.MaxColumns {
		return errs.New(errs.TooManyColumns, "tables can have at most %d columns", catalog.MaxColumns)
	}
	for _, e := range elts {
		if d := e.GetColumnDef(); d != nil {
			if err := t.column(d); err != nil {
				return err
			}
		}
	}
	for _, k := range constraints {
		if err := t.constraint(k); err != nil {
			return err
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
