package expr

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

var boolType = types.T(types.Bool)

// logicNode is AND or OR. An argument is computed only for the rows that the earlier ones left open, so that it
// raises no errors for the others.
type logicNode struct {
	or   bool
	args []node
	// onlyTrue: the rows of interest are those where an AND is TRUE, as in WHERE, where a NULL decides as FALSE does.
	onlyTrue bool

	open    batch.Bitmap // rows not decided yet
	decided batch.Bitmap // rows with a FALSE (AND) or a TRUE (OR)
	keep    batch.Bitmap // rows where every argument was TRUE (AND) or FALSE (OR)
	bits    batch.Bitmap
	out     batch.Vector
}

func (n *logicNode) eval(r *run, active batch.Bitmap) (*batch.Vector, error) {
	rows := r.n
	n.open, n.decided, n.keep, n.bits = sized(n.open, rows), sized(n.decided, rows), sized(n.keep, rows), sized(n.bits, rows)
	clear(n.decided)
	n.keep.Fill(rows)
	n.keep.And(active)
	copy(n.open, n.keep)
	for i, a := range n.args {
		reach := n.open
		if i == 0 {
			reach = active
		}
		v, err := a.eval(r, reach)
		if err != nil {
			return nil, err
		}
		decides, keeps := falseBits, trueBits
		if n.or {
			decides, keeps = trueBits, falseBits
		}
		decides(v, rows, n.bits)
		n.bits.And(n.open)
		n.decided.Or(n.bits)
		n.open.AndNot(n.bits)
		keeps(v, rows, n.bits)
		n.keep.And(n.bits)
		if n.onlyTrue {
			n.open.And(n.keep)
		}
		if !anySet(n.open) {
			break
		}
	}
	n.out.Reset(boolType, rows)
	value, other := n.keep, n.decided
	if n.or {
		value, other = n.decided, n.keep
	}
	copy(n.out.Bools(), value)
	valid := n.out.Nulls(rows)
	full := true
	for w := range valid {
		m := value[w] | other[w]
		full = full && m == valid[w]
		valid[w] = m
	}
	if full {
		n.out.Valid = nil
	}
	return &n.out, nil
}

// notNode is NOT.
type notNode struct {
	arg node
	out batch.Vector
}

func (n *notNode) eval(r *run, active batch.Bitmap) (*batch.Vector, error) {
	v, err := n.arg.eval(r, active)
	if err != nil {
		return nil, err
	}
	if v.Form == batch.Constant {
		d := v.Datum(0)
		d.I ^= 1
		n.out.ResetConstant(d, r.n)
		return &n.out, nil
	}
	n.out.Reset(boolType, r.n)
	bits := n.out.Bools()
	copy(bits, v.Bools())
	bits.Not(r.n)
	n.out.Valid = v.Valid
	return &n.out, nil
}

// isNullNode is IS [NOT] NULL.
type isNullNode struct {
	arg    node
	negate bool
	out    batch.Vector
}

func (n *isNullNode) eval(r *run, active batch.Bitmap) (*batch.Vector, error) {
	v, err := n.arg.eval(r, active)
	if err != nil {
		return nil, err
	}
	if v.Valid == nil || v.Form == batch.Constant {
		n.out.ResetConstant(types.BoolOf(v.IsNull(0) != n.negate), r.n)
		return &n.out, nil
	}
	n.out.Reset(boolType, r.n)
	bits := n.out.Bools()
	copy(bits, v.Valid)
	if !n.negate {
		bits.Not(r.n)
	}
	return &n.out, nil
}

// isBoolNode is IS [NOT] TRUE, FALSE or UNKNOWN.
type isBoolNode struct {
	arg    node
	value  types.Datum
	negate bool
	out    batch.Vector
}

func (n *isBoolNode) eval(r *run, active batch.Bitmap) (*batch.Vector, error) {
	v, err := n.arg.eval(r, active)
	if err != nil {
		return nil, err
	}
	n.out.Reset(boolType, r.n)
	bits := n.out.Bools()
	switch {
	case n.value.Null && v.Valid == nil:
		clear(bits)
	case n.value.Null && v.Form == batch.Constant:
		if v.IsNull(0) {
			bits.Fill(r.n)
		}
	case n.value.Null:
		copy(bits, v.Valid)
		bits.Not(r.n)
	case n.value.I != 0:
		trueBits(v, r.n, bits)
	default:
		falseBits(v, r.n, bits)
	}
	if n.negate {
		bits.Not(r.n)
	}
	return &n.out, nil
}
