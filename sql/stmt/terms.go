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

// Terms compiles what SQL says of the rows of a table: the CHECK constraints, columns computed of others, and the defaults of columns for which lacking
// is true; nil: of none. Functions see env, values are printed with the settings.
func Terms(env *fn.Context, set *types.Settings, t *catalog.Table, lacking func(column int) bool) (*table.Terms, error) {
	list, err := conditions(env, t)
	if err != nil {
		return nil, err
	}
	terms := &table.Terms{Conditions: list, Text: func(d types.Datum) string { return datumText(set, d) }}
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Generated {
			g, err := generated(env, t, i)
			if err != nil {
				return nil, err
			}
			terms.Generated = append(terms.Generated, g)
		}
	}
	if lacking == nil {
		return terms, nil
	}
	terms.Defaults = make([]table.Default, len(t.Columns))
	for i := range t.Columns {
		if t.Columns[i].Default != "" && !t.Columns[i].Generated && lacking(i) {
			if terms.Defaults[i], err = defaultOf(env, &t.Columns[i]); err != nil {
				return nil, err
			}
		}
	}
	return terms, nil
}

// generated compiles a column that is computed of others.
func generated(env *fn.Context, t *catalog.Table, column int) (table.Generated, error) {
	e, err := bind.Generated(unnamed{}, bind.Env{Fn: env}, t.Name, t.Columns, &t.Columns[column])
	if err != nil {
		return table.Generated{}, err
	}
	ev, err := expr.NewEvaluator(e, t.Types(), env)
	if err != nil {
		return table.Generated{}, err
	}
	return table.Generated{Column: column, Compute: ev.Eval}, nil
}

// defaultOf compiles the DEFAULT of a column. One that cannot be computed is an error for the rows that need it.
func defaultOf(env *fn.Context, c *catalog.Column) (table.Default, error) {
	fails := func(err error) (table.Default, error) {
		if code := errs.From(err).Code; !strings.HasPrefix(string(code), "22") {
			return table.Default{}, err
		}
		return table.Default{Compute: func(int) (*batch.Vector, error) { return nil, err }}, nil
	}
	e, err := bind.Default(unnamed{}, bind.Env{Fn: env}, c)
	if err != nil {
		return fails(err)
	}
	ev, err := expr.NewEvaluator(e, nil, env)
	if err != nil {
		return table.Default{}, err
	}
	compute := func(n int) (*batch.Vector, error) { return ev.Eval(&batch.Batch{Len: n}) }
	if expr.Volatile(e) {
		return table.Default{Compute: compute}, nil
	}
	v, err := compute(1)
	if err != nil {
		return fails(err)
	}
	d := v.Datum(0)
	d.Type, d.S = c.Type, strings.Clone(d.S) // it is the evaluator's
	return table.Default{Value: &d}, nil
}

// conditions compiles the CHECK constraints of a table, in order of their names.
func conditions(env *fn.Context, t *catalog.Table) ([]table.Condition, error) {
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

// unnamed is a Resolver that knows types and functions: there is nothing else in a CHECK or a DEFAULT.
type unnamed struct{}

func (unnamed) Relation(string, string) (*bind.Relation, error) { return nil, nil }
func (unnamed) ByID(catalog.ID) *bind.Relation                  { return nil }
func (unnamed) Function(string, string, []types.Type) (*bind.TableFunction, error) {
	return nil, nil
}
func (unnamed) Type(_, name string) (types.Type, bool) { return pgtype.ByName(name) }
func (unnamed) SearchPath() []string                   { return nil }
func (unnamed) CreationSchema() (string, error) {
	return "", errs.Internal("a check constraint makes nothing")
}
