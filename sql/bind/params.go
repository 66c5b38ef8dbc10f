package bind

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// maxParams is the most parameters of a statement: Bind counts them in 16 bits.
const maxParams = 65535

// params holds what is known of $1, $2, ... A parameter without a type gets that of the first context that wants one.
type params struct {
	types []types.Type
	place []int32 // where it stood first
}

func (p *params) init(given []types.Type) {
	p.types = slices.Clone(given)
	p.place = make([]int32, len(given))
	for i := range p.types {
		if p.types[i].Kind == types.Invalid {
			p.types[i] = types.T(types.Unknown)
		}
		p.place[i] = -1
	}
}

// param binds $n.
func (b *Binder) param(n *pg.ParamRef) (expr.Expr, error) {
	p := &b.params
	if n.Number < 1 || n.Number > maxParams || b.env.NoParameters {
		return nil, b.fail(n.Location, errs.UndefinedParameter, "there is no parameter $%d", n.Number)
	}
	for len(p.types) < int(n.Number) {
		p.types = append(p.types, types.T(types.Unknown))
		p.place = append(p.place, -1)
	}
	i := n.Number - 1
	if p.place[i] < 0 {
		p.place[i] = n.Location
	}
	return &expr.Param{Number: int(n.Number), T: p.types[i]}, nil
}

// settle gives a parameter its type. It reports a conflict with the type that an earlier use gave it.
func (b *Binder) settle(n int, t types.Type, loc int32) error {
	have := &b.params.types[n-1]
	switch {
	case have.Kind == types.Unknown:
		*have = t
	case *have != t:
		return b.fail(loc, "42P08", "inconsistent types deduced for parameter $%d", n).
			WithDetail("%s versus %s", *have, t)
	}
	return nil
}

// check reports parameters whose type nothing determined; PostgreSQL gives no position.
func (p *params) check(b *Binder) error {
	for i, t := range p.types {
		if t.Kind == types.Unknown {
			return errs.New(errs.IndeterminateDatatype, "could not determine data type of parameter $%d", i+1)
		}
	}
	return nil
}
