package rule

import (
	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// EqualPairs moves conditions left = right of a join into Join.Equal, which the hash join is built over. It is required:
// nothing else makes hash joins.
var EqualPairs = Rule{Name: "EqualPairs", Required: true, Apply: func(_ *Env, n plan.Node) (plan.Node, error) {
	return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
		if j, ok := n.(*plan.Join); ok && len(j.On) > 0 {
			return equalPairs(j), nil
		}
		return n, nil
	})
}}

func equalPairs(j *plan.Join) plan.Node {
	left, right := plan.OutputSet(j.Left), plan.OutputSet(j.Right)
	c := *j
	c.On, c.Equal = nil, clip(j.Equal)
	for _, on := range j.On {
		if p, ok := pairOf(on, left, right); ok {
			c.Equal = append(c.Equal, p)
		} else {
			c.On = append(c.On, on)
		}
	}
	if len(c.Equal) == len(j.Equal) {
		return j
	}
	if c.Kind == plan.Cross {
		c.Kind = plan.Inner
	}
	return &c
}

// pairOf takes left = right apart.
func pairOf(e expr.Expr, left, right plan.Set) (plan.EqualPair, bool) {
	call, ok := isCall(e, "=", 2)
	if !ok || !call.Fn.Infix || expr.Volatile(e) {
		return plan.EqualPair{}, false
	}
	for i := range 2 {
		x, y := call.Args[i], call.Args[1-i]
		cx, cy := plan.ColumnsOf(x), plan.ColumnsOf(y)
		if len(cx) > 0 && len(cy) > 0 && left.Contains(cx) && right.Contains(cy) {
			l, r, ok := matched(x, y)
			return plan.EqualPair{Left: l, Right: r}, ok
		}
	}
	return plan.EqualPair{}, false
}

// matched gives both sides of an equality one type, so that equal values have equal bytes. It refuses pairs for which
// that cannot be: they stay ordinary conditions.
func matched(l, r expr.Expr) (expr.Expr, expr.Expr, bool) {
	lt, rt := l.Type(), r.Type()
	switch {
	case lt.Kind == types.Numeric && lt.Physical() == types.PhysBytes, rt.Kind == types.Numeric && rt.Physical() == types.PhysBytes:
		return nil, nil, false // 1.0 and 1.00 are equal, their bytes are not
	case lt.Kind == types.JSONB && rt.Kind == types.JSONB:
		return l, r, true // joins look at the parts that equal values share
	case lt == rt:
		return l, r, true
	case sameBytes(lt) && sameBytes(rt):
		return l, r, true
	case lt.Kind == types.Char || rt.Kind == types.Char || lt.Kind == types.Array || rt.Kind == types.Array:
		return nil, nil, false
	}
	common, err := fn.CommonTypeFor("JOIN", []types.Type{lt, rt})
	if err != nil || common.Kind == types.Numeric && common.Physical() == types.PhysBytes {
		return nil, nil, false
	}
	if common.Kind == types.Timestamptz && lt.Kind != rt.Kind {
		return nil, nil, false // depends on the session's time zone
	}
	if l, err = expr.Coerce(l, common); err != nil {
		return nil, nil, false
	}
	if r, err = expr.Coerce(r, common); err != nil {
		return nil, nil, false
	}
	return l, r, true
}

func sameBytes(t types.Type) bool {
	return t.Kind == types.Text || t.Kind == types.Varchar || t.Kind == types.Name
}
