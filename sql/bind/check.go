package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// Check binds the condition of a CHECK constraint, given as text, over the columns of its table: expr.Column.Index is the
// ordinal.
func Check(r Resolver, env Env, table string, columns []catalog.Column, text string) (expr.Expr, error) {
	n, err := parseExpression(text)
	if err != nil {
		return nil, errs.Internal("check constraint of table %q: %w", table, err)
	}
	e, _, err := New(r, nil, env).check(table, columns, n)
	return e, err
}

// parseExpression reads what parse.Expression has written.
func parseExpression(text string) (*pg.Node, error) {
	sts, err := parse.Parse("SELECT " + text)
	if err != nil {
		return nil, err
	}
	targets := sts[0].Node.GetSelectStmt().GetTargetList()
	if len(sts) != 1 || len(targets) != 1 {
		return nil, errs.Internal("%q is not an expression", text)
	}
	return targets[0].GetResTarget().Val, nil
}

// checkClause is a CHECK constraint as error messages call it.
const checkClause = "check constraints"

// check binds the condition of a CHECK constraint, and returns which columns it reads.
func (b *Binder) check(tableName string, columns []catalog.Column, n *pg.Node) (e expr.Expr, used []int, err error) {
	s, ordinals, err := b.rowScope(tableName, columns, checkClause)
	if err != nil {
		return nil, nil, err
	}
	start := s.node
	if e, err = b.boolean(s, n, "CHECK"); err != nil {
		return nil, nil, err
	}
	if s.node != start {
		return nil, nil, b.fail(parse.Location(n), errs.FeatureNotSupported, "cannot use subquery in check constraint")
	}
	e, used = overOrdinals(e, ordinals)
	return e, used, nil
}

// rowScope makes a scope in which names are columns of one row of a table, and says which column of the plan is which.
func (b *Binder) rowScope(tableName string, columns []catalog.Column, clause string) (*scope, map[plan.ID]int, error) {
	cols := make([]plan.Column, len(columns))
	ordinals := make(map[plan.ID]int, len(columns))
	for i, c := range columns {
		cols[i] = b.newColumn(c.Name, c.Type)
		ordinals[cols[i].ID] = i
	}
	f, err := b.named1(&table{alias: tableName, name: tableName}, cols, nil, -1)
	return &scope{from: f, node: oneRow(), clause: clause}, ordinals, err
}

// overOrdinals returns an expression whose columns have the ordinals of their table as numbers, and which these are.
func overOrdinals(e expr.Expr, ordinals map[plan.ID]int) (over expr.Expr, used []int) {
	seen := make([]bool, len(ordinals))
	e = expr.Transform(e, func(x expr.Expr) expr.Expr {
		c, ok := x.(*expr.Column)
		if !ok {
			return x
		}
		at := ordinals[plan.ID(c.Index)]
		seen[at] = true
		return &expr.Column{Index: at, Name: c.Name, T: c.T}
	})
	for i, is := range seen {
		if is {
			used = append(used, i)
		}
	}
	return e, used
}

// Renamed returns an expression in which a column has another name.
func Renamed(text, was, now string) (string, error) {
	n, err := parseExpression(text)
	if err != nil {
		return "", err
	}
	n = proto.Clone(n).(*pg.Node) // the parser's cache has the other
	renameIn(n.ProtoReflect(), was, now)
	return parse.Expression(n)
}

// renameIn changes the last name of each reference to a column, wherever it stands in a tree.
func renameIn(m protoreflect.Message, was, now string) {
	if c, ok := m.Interface().(*pg.ColumnRef); ok {
		if last := c.Fields[len(c.Fields)-1].GetString_(); last != nil && last.Sval == was {
			last.Sval = now
		}
		return
	}
	m.Range(func(_ protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch x := v.Interface().(type) {
		case protoreflect.Message:
			renameIn(x, was, now)
		case protoreflect.List:
			for i := range x.Len() {
				if inner, ok := x.Get(i).Interface().(protoreflect.Message); ok {
					renameIn(inner, was, now)
				}
			}
		}
		return true
	})
}
