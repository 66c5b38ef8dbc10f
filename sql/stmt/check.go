package stmt

import (
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Conditions compiles the CHECK constraints of a table, in order of their names. Functions in them see env.
func Conditions(env *fn.Context, t *catalog.Table) ([]table.Condition, error) {
	var list []table.Condition
	for i := range t.Constraints {
		if k := &t.Constraints[i]; k.Kind == catalog.Check {
			c, err := condition(env, t, k)
			if err != nil {
				return nil, err
			}
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b table.Condition) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// condition compiles one CHECK constraint. A row passes unless the condition is false: NULL is as good as true.
func condition(env *fn.Context, t *catalog.Table, k *catalog.Constraint) (table.Condition, error) {
	e, err := bind.Check(unnamed{}, bind.Env{Fn: env}, t.Name, t.Columns, k.Expr)
	if err != nil {
		return table.Condition{}, err
	}
	ev, err := expr.NewEvaluator(&expr.Not{Arg: e}, t.Types(), env)
	if err != nil {
		return table.Condition{}, err
	}
	return table.Condition{Name: k.Name, Fails: func(b *batch.Batch, bits batch.Bitmap) error {
		if b.Len == 0 {
			return nil
		}
		return ev.EvalBool(b, bits)
	}}, nil
}

// newGuard returns what holds rows against a table's NOT NULL and CHECK in this statement.
func newGuard(env *Env, t *catalog.Table) (*table.Guard, error) {
	conditions, err := Conditions(env.Fn, t)
	if err != nil {
		return nil, err
	}
	return table.NewGuard(t, conditions, func(d types.Datum) string { return datumText(env, d) }), nil
}

// unnamed is a Resolver that knows types and functions: there is nothing else in a CHECK.
type unnamed struct{}

func (unnamed) Relation(string, string) (*bind.Relation, error) { return nil, nil }
func (unnamed) Function(string, string, []types.Type) (*bind.TableFunction, error) {
	return nil, nil
}
func (unnamed) Type(_, name string) (types.Type, bool) { return pgtype.ByName(name) }
func (unnamed) SearchPath() []string                   { return nil }
func (unnamed) CreationSchema() (string, error) {
	return "", errs.Internal("a check constraint makes nothing")
}
