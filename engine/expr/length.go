package expr

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// lengthNode computes the lengths of strings that come as codes of a dictionary of sealed or live rows from its offsets,
// which are next to each other in memory and small: no string is read, and nothing is remembered per entry.
type lengthNode struct {
	column  int
	measure fn.Lengths
	memo    node // for all other forms
	out     batch.Vector
}

// entries returns the node for a tree over one string column: what it computes depends on the entry alone.
func (c *compiler) entries(e Expr, col *Column) (node, error) {
	n, err := c.memo(e, col)
	call, ok := e.(*Call)
	if err != nil || !ok || call.Fn.Lengths == fn.NoLength || call.Args[0] != Expr(col) {
		return n, err
	}
	return &lengthNode{column: col.Index, measure: call.Fn.Lengths, memo: n}, nil
}

func (n *lengthNode) eval(r *run, active batch.Bitmap) (*batch.Vector, error) {
	v := r.b.Cols[n.column]
	if v.Form != batch.Dict || !v.Dict.Searchable() || v.Dict.Len == 0 || n.measure == fn.Chars && !v.Dict.ASCII() {
		return n.memo.eval(r, active)
	}
	n.out.Reset(types.T(types.Int4), v.Len)
	out, offsets := batch.Values[int32](&n.out), v.Dict.Offsets
	for i, c := range v.Codes[:v.Len] {
		out[i] = int32(offsets[c+1] - offsets[c])
	}
	if v.Valid != nil {
		copy(n.out.Nulls(v.Len), v.Valid)
	}
	return &n.out, nil
}
