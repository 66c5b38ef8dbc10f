package bind

import (
	"slices"
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

func itoa(i int32) string { return strconv.Itoa(int(i)) }

// createTable binds CREATE TABLE.
func (b *Binder) createTable(n *pg.CreateStmt) (Statement, error) {
	c := &CreateTable{Schema: n.Relation.Schemaname, Name: n.Relation.Relname, IfNotExists: n.IfNotExists,
		Temporary: n.Relation.Relpersistence == "t", Options: map[string]string{}}
	switch {
	case n.OfTypename != nil:
		return nil, b.unsupported(n.OfTypename.Location, "CREATE TABLE OF")
	case n.Partbound != nil:
		return nil, b.unsupported(n.Relation.Location, "PARTITION OF")
	case len(n.InhRelations) > 0:
		return nil, b.unsupported(n.Relation.Location, "INHERITS")
	case c.Temporary:
		return nil, b.unsupported(n.Relation.Location, "CREATE TEMPORARY TABLE")
	case n.Relation.Relpersistence == "u":
		return nil, b.unsupported(n.Relation.Location, "CREATE UNLOGGED TABLE")
	case n.Tablespacename != "":
		return nil, b.unsupported(n.Relation.Location, "TABLESPACE")
	}
	var constraints []*pg.Constraint
	for _, e := range n.TableElts {
		switch x := e.Node.(type) {
		case *pg.Node_ColumnDef:
			if err := b.columnDef(c, x.ColumnDef); err != nil {
				return nil, err
			}
		case *pg.Node_Constraint:
			constraints = append(constraints, x.Constraint)
		case *pg.Node_TableLikeClause:
			return nil, b.unsupported(x.TableLikeClause.GetRelation().GetLocation(), "LIKE in CREATE TABLE")
		default:
			return nil, errs.Unsupported("%s in CREATE TABLE", nodeName(e))
		}
	}
	for _, k := range constraints {
		if err := b.tableConstraint(c, k); err != nil {
			return nil, err
		}
	}
	if err := b.tableOptions(c, n.Options); err != nil {
		return nil, err
	}
	if n.Partspec != nil {
		if err := b.partitionBy(c, n.Partspec); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (b *Binder) columnDef(c *CreateTable, d *pg.ColumnDef) error {
	for _, other := range c.Columns {
		if other.Name == d.Colname {
			return errs.New(errs.DuplicateColumn, "column %q specified more than once", d.Colname)
		}
	}
	if names := stringsOf(d.TypeName.GetNames()); len(names) == 1 {
		switch names[0] {
		case "serial", "serial4", "bigserial", "serial8", "smallserial", "serial2":
			return b.unsupported(d.TypeName.Location, "type %s", names[0])
		}
	}
	t, err := b.typeName(d.TypeName)
	if err != nil {
		return err
	}
	if t.Kind >= types.Oid {
		return b.unsupported(d.TypeName.Location, "a column of type %s", t)
	}
	col := catalog.Column{Name: d.Colname, Type: t, NotNull: d.IsNotNull}
	if d.CollClause != nil {
		if name := stringsOf(d.CollClause.Collname); !slices.Contains([]string{"default", "C", "POSIX", "ucs_basic"}, name[len(name)-1]) {
			return b.unsupported(d.CollClause.Location, "collation %q", name[len(name)-1])
		}
	}
	null, notNull := false, false
	c.Columns = append(c.Columns, col)
	at := len(c.Columns) - 1
	for _, n := range d.Constraints {
		k := n.GetConstraint()
		switch k.Contype {
		case pg.ConstrType_CONSTR_NULL, pg.ConstrType_CONSTR_NOTNULL:
			not := k.Contype == pg.ConstrType_CONSTR_NOTNULL
			if null && not || notNull && !not {
				return b.fail(k.Location, errs.SyntaxError, "conflicting NULL/NOT NULL declarations for column %q of table %q", d.Colname, c.Name)
			}
			null, notNull = !not, not
			c.Columns[at].NotNull = not
		case pg.ConstrType_CONSTR_DEFAULT:
			if err := b.columnDefault(&c.Columns[at], k); err != nil {
				return err
			}
		case pg.ConstrType_CONSTR_PRIMARY:
			if err := b.primaryKey(c, k, []int{at}); err != nil {
				return err
			}
		default:
			if err := b.unenforced(c, k, d.Colname); err != nil {
				return err
			}
		}
	}
	return nil
}

// columnDefault checks a DEFAULT against the column and keeps its text.
func (b *Binder) columnDefault(c *catalog.Column, k *pg.Constraint) error {
	s := &scope{clause: "DEFAULT expressions", node: oneRow()}
	start := s.node
	if hasColumnRef(k.RawExpr) {
		return b.fail(location(k.RawExpr), errs.FeatureNotSupported, "cannot use column reference in DEFAULT expression")
	}
	e, err := b.expr(s, k.RawExpr)
	if err != nil {
		return err
	}
	if s.node != start {
		return b.fail(location(k.RawExpr), errs.FeatureNotSupported, "cannot use subquery in DEFAULT expression")
	}
	if _, err := b.assign(e, c, location(k.RawExpr)); err != nil {
		// The table has no column yet, so PostgreSQL gives this mismatch another text and no position.
		if errs.Is(err, errs.DatatypeMismatch) {
			return errs.New(errs.DatatypeMismatch, "column %q is of type %s but default expression is of type %s", c.Name,
				plainType(c.Type), plainType(e.Type())).WithHint("You will need to rewrite or cast the expression.")
		}
		return err
	}
	c.Default, err = parse.Expression(k.RawExpr)
	return err
}

func hasColumnRef(n *pg.Node) bool {
	switch x := n.GetNode().(type) {
	case *pg.Node_ColumnRef:
		return true
	case *pg.Node_TypeCast:
		return hasColumnRef(x.TypeCast.Arg)
	case *pg.Node_AExpr:
		return hasColumnRef(x.AExpr.Lexpr) || hasColumnRef(x.AExpr.Rexpr)
	case *pg.Node_FuncCall:
		return slices.ContainsFunc(x.FuncCall.Args, hasColumnRef)
	}
	return false
}

func (b *Binder) tableConstraint(c *CreateTable, k *pg.Constraint) error {
	if k.Contype != pg.ConstrType_CONSTR_PRIMARY {
		return b.unenforced(c, k, "")
	}
	var key []int
	for _, name := range stringsOf(k.Keys) {
		at := slices.IndexFunc(c.Columns, func(col catalog.Column) bool { return col.Name == name })
		if at < 0 {
			return b.fail(k.Location, errs.UndefinedColumn, "column %q named in key does not exist", name)
		}
		if slices.Contains(key, at) {
			return b.fail(k.Location, errs.DuplicateColumn, "column %q appears twice in primary key constraint", name)
		}
		key = append(key, at)
	}
	return b.primaryKey(c, k, key)
}

func (b *Binder) primaryKey(c *CreateTable, k *pg.Constraint, key []int) error {
	if c.PrimaryKey != nil {
		return b.fail(k.Location, errs.InvalidTableDefinition, "multiple primary keys for table %q are not allowed", c.Name)
	}
	c.PrimaryKey, c.PrimaryKeyName = key, k.Conname
	if c.PrimaryKeyName == "" {
		c.PrimaryKeyName = c.Name + "_pkey"
	}
	for _, i := range key {
		c.Columns[i].NotNull = true
	}
	return nil
}

func (b *Binder) tableOptions(c *CreateTable, defs []*pg.Node) error {
	for _, d := range defs {
		def := d.GetDefElem()
		name := strings.ToLower(def.Defname)
		if _, twice := c.Options[name]; twice {
			return errs.New(errs.InvalidParameterValue, "parameter %q specified more than once", name)
		}
		c.Options[name] = defString(def.Arg)
		if def.Arg == nil {
			c.Options[name] = "true"
		}
	}
	return nil
}

// partitionBy keeps PARTITION BY as an option: the table stays one, its segments follow the partitions.
func (b *Binder) partitionBy(c *CreateTable, p *pg.PartitionSpec) error {
	if p.Strategy != pg.PartitionStrategy_PARTITION_STRATEGY_RANGE {
		return b.unsupported(p.Location, "PARTITION BY other than RANGE")
	}
	var cols []string
	for _, n := range p.PartParams {
		e := n.GetPartitionElem()
		if e.Expr != nil {
			return b.unsupported(e.Location, "PARTITION BY an expression")
		}
		if !slices.ContainsFunc(c.Columns, func(col catalog.Column) bool { return col.Name == e.Name }) {
			return b.fail(e.Location, errs.UndefinedColumn, "column %q named in partition key does not exist", e.Name)
		}
		cols = append(cols, quoteIdent(e.Name))
	}
	c.Options["partition_by"] = "RANGE (" + strings.Join(cols, ", ") + ")"
	return nil
}

// quoteIdent writes a name so that it reads back as itself.
func quoteIdent(s string) string {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c == '_' || i > 0 && c >= '0' && c <= '9') {
			return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
		}
	}
	return s
}

// createTableAs binds CREATE TABLE AS.
func (b *Binder) createTableAs(n *pg.CreateTableAsStmt) (Statement, error) {
	if n.Objtype != pg.ObjectType_OBJECT_TABLE {
		return &Utility{Node: &pg.Node{Node: &pg.Node_CreateTableAsStmt{CreateTableAsStmt: n}}, Tag: "CREATE MATERIALIZED VIEW"}, nil
	}
	into := n.Into
	sel := n.Query.GetSelectStmt()
	switch {
	case sel == nil:
		return nil, errs.Unsupported("CREATE TABLE AS EXECUTE")
	case into.Rel.Relpersistence != "p":
		return nil, b.unsupported(into.Rel.Location, "CREATE TEMPORARY TABLE AS")
	}
	q, err := b.query(sel)
	if err != nil {
		return nil, err
	}
	c := &CreateTable{Schema: into.Rel.Schemaname, Name: into.Rel.Relname, IfNotExists: n.IfNotExists, As: q,
		WithNoData: into.SkipData, Options: map[string]string{}}
	names := stringsOf(into.ColNames)
	if len(names) > len(q.Columns) {
		return nil, errs.New(errs.SyntaxError, "too many column names were specified")
	}
	for i, col := range q.Columns {
		name := col.Name
		if i < len(names) {
			name = names[i]
		}
		t := storable(col.Type)
		if col.Bare {
			t = plainType(t)
		}
		if t.Kind == types.Invalid {
			return nil, errs.Unsupported("a column of type %s", col.Type)
		}
		for _, other := range c.Columns {
			if other.Name == name {
				return nil, errs.New(errs.DuplicateColumn, "column %q specified more than once", name)
			}
		}
		c.Columns = append(c.Columns, catalog.Column{Name: name, Type: t})
	}
	b.unconstrained(q)
	return c, b.tableOptions(c, into.Options)
}

// unconstrained turns the columns of a query that have no modifier into plain numerics, as a table keeps them.
func (b *Binder) unconstrained(q *Query) {
	p := &plan.Project{Input: q.Plan}
	cast := false
	for i := range q.Columns {
		c := &q.Columns[i]
		e, out := expr.Expr(ref(*c)), *c
		if t := plainType(c.Type); c.Bare && t != c.Type {
			cast = true
			e, out = &expr.Cast{Arg: e, T: t}, b.newColumn(c.Name, t)
			*c = out
		}
		p.Exprs, p.Cols = append(p.Exprs, e), append(p.Cols, out)
	}
	if cast {
		q.Plan = p
	}
}

// storable returns the type of a stored column for the type of an expression.
func storable(t types.Type) types.Type {
	switch t.Kind {
	case types.Name, types.InternalChar, types.Regclass, types.Regtype, types.Regproc, types.Regnamespace:
		return types.T(types.Text)
	case types.Oid:
		return types.T(types.Int8)
	case types.Array, types.Void, types.Unknown:
		return types.Type{}
	}
	return t
}

// dropTable binds DROP TABLE.
func (b *Binder) dropTable(n *pg.DropStmt) (Statement, error) {
	d := &DropTable{IfExists: n.MissingOk, Cascade: n.Behavior == pg.DropBehavior_DROP_CASCADE}
	for _, o := range n.Objects {
		parts := stringsOf(o.GetList().GetItems())
		switch len(parts) {
		case 1:
			d.Tables = append(d.Tables, QualifiedName{Name: parts[0]})
		case 2, 3:
			d.Tables = append(d.Tables, QualifiedName{Schema: parts[len(parts)-2], Name: parts[len(parts)-1]})
		default:
			return nil, errs.New(errs.SyntaxError, "improper relation name (too many dotted names): %s", strings.Join(parts, "."))
		}
	}
	return d, nil
}

// explain binds EXPLAIN.
func (b *Binder) explain(n *pg.ExplainStmt) (Statement, error) {
	e := &Explain{Costs: true, Format: "text"}
	timing, summary := false, false
	for _, o := range n.Options {
		d := o.GetDefElem()
		var on bool
		var err error
		if name := strings.ToLower(d.Defname); name != "format" {
			if on, err = b.defBool(d); err != nil {
				return nil, err
			}
		}
		switch strings.ToLower(d.Defname) {
		case "analyze":
			e.Analyze = on
		case "verbose":
			e.Verbose = on
		case "costs":
			e.Costs = on
		case "buffers":
			e.Buffers = on
		case "timing":
			e.Timing, timing = on, true
		case "summary":
			e.Summary, summary = on, true
		case "settings", "wal", "generic_plan", "memory", "serialize":
		case "format":
			e.Format = strings.ToLower(defString(d.Arg))
			switch e.Format {
			case "text", "json":
			case "xml", "yaml":
				return nil, b.unsupported(d.Location, "EXPLAIN format %q", e.Format)
			default:
				return nil, b.fail(d.Location, errs.InvalidParameterValue, "unrecognized value for EXPLAIN option \"format\": %q", e.Format)
			}
		default:
			return nil, b.fail(d.Location, errs.SyntaxError, "unrecognized EXPLAIN option %q", d.Defname)
		}
	}
	if !timing {
		e.Timing = e.Analyze
	} else if e.Timing && !e.Analyze {
		return nil, errs.New(errs.InvalidParameterValue, "EXPLAIN option TIMING requires ANALYZE")
	}
	if !summary {
		e.Summary = e.Analyze
	}
	var err error
	e.Statement, err = b.statement(n.Query)
	return e, err
}
