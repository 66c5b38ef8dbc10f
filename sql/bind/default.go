package bind

import (
	"slices"
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// keepDefault sets the text of a default. A relation that it names as a regclass is named by its OID, as PostgreSQL keeps
// it: the default goes on when that gets another name, and it is known what it needs.
func (b *Binder) keepDefault(c *catalog.Column, n *pg.Node) error {
	n = proto.Clone(n).(*pg.Node) // the parser's cache has the other
	c.Needs = nil
	if err := b.relationsByOID(n.ProtoReflect(), c); err != nil {
		return err
	}
	var err error
	c.Default, err = parse.Expression(n)
	return err
}

// byRegclass are the functions whose first argument is a regclass.
var byRegclass = []string{"nextval", "currval", "setval"}

// relationsByOID puts OIDs in the place of names, wherever they stand in a tree.
func (b *Binder) relationsByOID(m protoreflect.Message, c *catalog.Column) error {
	switch x := m.Interface().(type) {
	case *pg.FuncCall:
		names := parse.Names(x.Funcname)
		if len(x.Args) > 0 && slices.Contains(byRegclass, names[len(names)-1]) && x.Args[0].GetAConst().GetSval() != nil {
			regclass := &pg.TypeName{Names: []*pg.Node{pg.MakeStrNode("regclass")}, Typemod: -1}
			x.Args[0] = &pg.Node{Node: &pg.Node_TypeCast{TypeCast: &pg.TypeCast{Arg: x.Args[0], TypeName: regclass}}}
		}
	case *pg.TypeCast:
		names := parse.Names(x.TypeName.GetNames())
		if v := x.Arg.GetAConst().GetSval(); v != nil && len(names) > 0 && names[len(names)-1] == "regclass" {
			return b.relationByOID(v, c)
		}
	}
	var err error
	m.Range(func(_ protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch x := v.Interface().(type) {
		case protoreflect.Message:
			err = b.relationsByOID(x, c)
		case protoreflect.List:
			for i := 0; i < x.Len() && err == nil; i++ {
				if inner, ok := x.Get(i).Interface().(protoreflect.Message); ok {
					err = b.relationsByOID(inner, c)
				}
			}
		}
		return err == nil
	})
	return err
}

func (b *Binder) relationByOID(v *pg.String, c *catalog.Column) error {
	parts := pgcatalog.SplitName(v.Sval)
	schema := ""
	if len(parts) > 1 {
		schema = parts[len(parts)-2]
	}
	r, err := b.resolver.Relation(schema, parts[len(parts)-1])
	if err != nil || r == nil { // a number, which it was already
		return err
	}
	v.Sval = strconv.FormatUint(uint64(r.OID), 10)
	if id := r.id(); id != 0 && !slices.Contains(c.Needs, id) {
		c.Needs = append(c.Needs, id)
	}
	return nil
}

// generationClause is what computes a column of others, as error messages call it.
const generationClause = "column generation expressions"

// Generated binds the expression of a generated column, given as text, over the columns of its table: expr.Column.Index is
// the ordinal.
func Generated(r Resolver, env Env, table string, columns []catalog.Column, c *catalog.Column) (expr.Expr, error) {
	n, err := parseExpression(c.Default)
	if err != nil {
		return nil, errs.Internal("generated column %q of table %q: %w", c.Name, table, err)
	}
	e, _, err := New(r, nil, env).generated(table, columns, c, n)
	return e, err
}

// Generated implements ddl.Binder.
func (d definitions) Generated(table string, columns []catalog.Column, c *catalog.Column, n *pg.Node) error {
	b := d.b
	e, used, err := b.generated(table, columns, c, n)
	if err != nil {
		return err
	}
	for _, at := range used {
		if columns[at].Generated || columns[at].Name == c.Name {
			return errs.New(errs.InvalidObjectDefinition, "cannot use generated column %q in column generation expression", columns[at].Name).
				WithDetail("A generated column cannot reference another generated column.").At(b.stmt.Position(columnIn(n, columns[at].Name)))
		}
	}
	if expr.Volatility(e) != fn.Immutable {
		return errs.New(errs.InvalidObjectDefinition, "generation expression is not immutable")
	}
	return b.keepDefault(c, n)
}

// Names tells whether an expression, given as text, names a column.
func Names(text, column string) bool {
	n, err := parseExpression(text)
	return err == nil && columnIn(n, column) >= 0
}

// columnIn returns where a column is named first, -1 where it is not.
func columnIn(n *pg.Node, name string) int32 {
	found := int32(-1)
	var walk func(m protoreflect.Message)
	walk = func(m protoreflect.Message) {
		if c, ok := m.Interface().(*pg.ColumnRef); ok {
			if last := c.Fields[len(c.Fields)-1].GetString_(); last != nil && last.Sval == name && (found < 0 || c.Location < found) {
				found = c.Location
			}
		}
		m.Range(func(_ protoreflect.FieldDescriptor, v protoreflect.Value) bool {
			switch x := v.Interface().(type) {
			case protoreflect.Message:
				walk(x)
			case protoreflect.List:
				for i := range x.Len() {
					if inner, ok := x.Get(i).Interface().(protoreflect.Message); ok {
						walk(inner)
					}
				}
			}
			return true
		})
	}
	walk(n.ProtoReflect())
	return found
}

// generated binds the expression of a generated column, and returns which columns it reads.
func (b *Binder) generated(tableName string, columns []catalog.Column, c *catalog.Column, n *pg.Node) (e expr.Expr, used []int, err error) {
	s, ordinals, err := b.rowScope(tableName, columns, generationClause)
	if err != nil {
		return nil, nil, err
	}
	start := s.node
	if e, err = b.expr(s, n); err != nil {
		return nil, nil, err
	}
	if s.node != start {
		return nil, nil, b.fail(parse.Location(n), errs.FeatureNotSupported, "cannot use subquery in column generation expression")
	}
	to := catalog.Column{Name: c.Name, Type: c.Type}
	made, err := b.assign(e, &to, parse.Location(n))
	if err != nil {
		return nil, nil, defaultMismatch(err, c, e)
	}
	if made.Type() != c.Type { // as it is stored
		made = &expr.Cast{Arg: made, T: c.Type, Assignment: true}
	}
	made, used = overOrdinals(made, ordinals)
	return made, used, nil
}

// isDefaulted tells whether a value is the word DEFAULT.
func isDefaulted(n *pg.Node) bool { return n.GetSetToDefault() != nil }

// ownValue refuses to give a column a value that it has of its own: of an identity, or computed of others.
func ownValue(c *catalog.Column, verb string) error {
	var e *errs.Error
	if verb == "insert" {
		e = errs.New(errs.GeneratedAlways, "cannot insert a non-DEFAULT value into column %q", c.Name)
	} else {
		e = errs.New(errs.GeneratedAlways, "column %q can only be updated to DEFAULT", c.Name)
	}
	if c.Generated {
		return e.WithDetail("Column %q is a generated column.", c.Name)
	}
	e = e.WithDetail("Column %q is an identity column defined as GENERATED ALWAYS.", c.Name)
	if verb == "insert" {
		return e.WithHint("Use OVERRIDING SYSTEM VALUE to override.")
	}
	return e
}

// nullDefault is the value of a column that nothing was said of.
func nullDefault(c *catalog.Column) expr.Expr { return &expr.Const{Value: types.NullOf(c.Type)} }
