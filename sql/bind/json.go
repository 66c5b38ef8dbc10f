package bind

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// equatable refuses to compare values of a type without an equality: in GROUP BY, DISTINCT and set operations.
func (b *Binder) equatable(e expr.Expr, loc int32) error {
	if e.Type().Ordered() {
		return nil
	}
	return b.fail(loc, errs.UndefinedFunction, "could not identify an equality operator for type %s", plainType(e.Type()))
}

// sortable refuses to sort by values of a type without an order.
func (b *Binder) sortable(e expr.Expr, loc int32) error {
	if e.Type().Ordered() {
		return nil
	}
	return b.fail(loc, errs.UndefinedFunction, "could not identify an ordering operator for type %s", plainType(e.Type())).
		WithHint("Use an explicit ordering operator or modify the query.")
}
