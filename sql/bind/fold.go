package bind

import "github.com/siltstone-db/siltstone/engine/expr"

// fold computes what is constant in an expression. What would raise an error stays as it is.
func (b *Binder) fold(e expr.Expr) (expr.Expr, error) { return expr.Fold(e), nil }
