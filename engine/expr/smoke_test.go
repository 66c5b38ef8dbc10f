package expr

import (
	"testing"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// literals and calls in tests.
func lit(t types.Type, s string) Expr {
	d, err := types.Parse(t, s)
	if err != nil {
		panic(err)
	}
	return &Const{d}
}

func TestSmoke(t *testing.T) {
	in := []types.Type{types.T(types.Int4), types.NumericOf(15, 2)}
	b := batch.New(in)
	for i := range 10 {
		b.Cols[0].AppendDatum(types.IntOf(in[0], int64(i)))
		b.Cols[1].AppendDatum(types.IntOf(in[1], int64(i*100)))
	}
	b.Len = 10
	x := &Column{0, "x", in[0]}
	n := &Column{1, "n", in[1]}
	div, err := CallOperator("/", lit(in[0], "10"), x)
	if err != nil {
		t.Fatal(err)
	}
	gt, _ := CallOperator(">", div, lit(in[0], "2"))
	ne, _ := CallOperator("<>", x, lit(in[0], "0"))
	cond := &Logic{Args: []Expr{ne, gt}}
	ev, err := NewEvaluator(cond, in, &fn.Context{})
	if err != nil {
		t.Fatal(err)
	}
	out := make(batch.Bitmap, 1)
	if err := ev.EvalBool(b, out); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s = %b", cond, out[0])
	if out[0] != 0b1110 {
		t.Fatalf("got %b", out[0])
	}
	m, err := CallOperator("*", n, x)
	if err != nil {
		t.Fatal(err)
	}
	ev, _ = NewEvaluator(m, in, nil)
	v, err := ev.Eval(b)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %s = %s", m, m.Type(), v.Datum(3))
}
