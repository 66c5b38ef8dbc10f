package expr

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// listed are types of columns with texts of values, and types of the constants that they are compared with.
var listed = []struct {
	column types.Type
	with   []types.Type
	texts  []string
}{
	{types.T(types.Int2), []types.Type{types.T(types.Int2), types.T(types.Int4), types.T(types.Int8), types.T(types.Numeric), types.NumericOf(9, 2)},
		[]string{"-32768", "32767", "0", "1", "7", "-3"}},
	{types.T(types.Int4), []types.Type{types.T(types.Int8), types.T(types.Numeric)}, []string{"-2147483648", "2147483647", "0", "5", "40000"}},
	{types.T(types.Int8), []types.Type{types.T(types.Int4), types.T(types.Numeric), types.NumericOf(30, 1)},
		[]string{"-2147483648", "0", "5", "77"}},
	{types.NumericOf(5, 2), []types.Type{types.NumericOf(9, 3), types.T(types.Numeric), types.NumericOf(2, 1)}, []string{"0.5", "-1.25", "7", "0", "0.10"}},
	{types.NumericOf(30, 5), []types.Type{types.NumericOf(30, 8), types.T(types.Numeric)}, []string{"0.5", "-1.25", "123456789012345678901.5", "0"}},
	{types.T(types.Numeric), []types.Type{types.T(types.Numeric), types.NumericOf(9, 2)}, []string{"0.5", "0.50", "100", "1e2", "-0", "0.000"}},
	{types.T(types.Float4), []types.Type{types.T(types.Float4)}, []string{"0.1", "NaN", "-0", "0", "Infinity", "1e30"}},
	{types.T(types.Float8), []types.Type{types.T(types.Float8)}, []string{"0.1", "NaN", "-0", "0", "-Infinity", "1e300"}},
	{types.T(types.Text), []types.Type{types.T(types.Text)}, []string{"", "a", "a ", "b", "ä"}},
	{types.Type{Kind: types.Char, Width: 4}, []types.Type{{Kind: types.Char, Width: 6}, types.T(types.Char)}, []string{"", "a", "a ", "b", " b"}},
	{types.T(types.Bool), []types.Type{types.T(types.Bool)}, []string{"t", "f"}},
	{types.T(types.Date), []types.Type{types.T(types.Date)}, []string{"2020-01-01", "infinity", "1999-12-31"}},
	{types.T(types.Timestamptz), []types.Type{types.T(types.Timestamptz)}, []string{"2020-01-01 00:00+00", "2020-01-01 02:00+02", "-infinity"}},
	{types.T(types.Interval), []types.Type{types.T(types.Interval)}, []string{"1 month", "30 days", "720 hours", "1 s"}},
	{types.T(types.UUID), []types.Type{types.T(types.UUID)}, []string{"00000000-0000-0000-0000-000000000001", "ffffffff-0000-0000-0000-000000000001"}},
	{types.T(types.Bytea), []types.Type{types.T(types.Bytea)}, []string{`\x`, `\x00`, `\x0001`, `\xff`}},
}

func parsed(t *testing.T, typ types.Type, text string) types.Datum {
	t.Helper()
	d, err := types.Parse(typ, text)
	if err != nil {
		t.Fatalf("%s of type %s: %v", text, typ, err)
	}
	return d
}

// TestGather: a list answers as the chain of comparisons that it was made of, for values of all types, of other widths
// and scales than the column's, NULLs among rows and values, and other conditions between the equations.
func TestGather(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range listed {
		for _, with := range c.with {
			t.Run(fmt.Sprintf("%s with %s", c.column, with), func(t *testing.T) {
				rows := batch.New([]types.Type{c.column})
				rows.Reset()
				for range 64 {
					d := types.NullOf(c.column)
					if rng.IntN(6) > 0 {
						d = parsed(t, c.column, c.texts[rng.IntN(len(c.texts))])
					}
					rows.Cols[0].AppendDatum(d)
				}
				rows.Len = 64
				for range 40 {
					sameAsChain(t, rng, c.column, with, c.texts, rows)
				}
			})
		}
	}
}

func sameAsChain(t *testing.T, rng *rand.Rand, column, with types.Type, texts []string, rows *batch.Batch) {
	t.Helper()
	or := rng.IntN(2) == 0
	op := map[bool]string{true: "=", false: "<>"}[or]
	chain := &Logic{Or: or}
	for range gatherMin + rng.IntN(6) {
		var x Expr = &Column{T: column}
		if column.IsInteger() && with.Kind == types.Numeric {
			x = &Cast{Arg: x, T: types.T(types.Numeric)}
		}
		text := texts[rng.IntN(len(texts))]
		d, err := types.Parse(with, text)
		if err != nil || rng.IntN(9) == 0 {
			d = types.NullOf(with)
		}
		args := []Expr{x, &Const{d}}
		if rng.IntN(2) == 0 {
			args[0], args[1] = args[1], args[0]
		}
		call, err := CallOperator(op, args[0], args[1])
		if err != nil {
			t.Fatal(err)
		}
		e := Expr(call)
		if rng.IntN(8) == 0 {
			e = &IsNull{Arg: &Column{T: column}, Negate: rng.IntN(2) == 0}
		}
		chain.Args = append(chain.Args, e)
	}
	list := Gather(chain)
	a, b := answers(t, chain, rows), answers(t, list, rows)
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("row %v: the chain says %v, the list %v\n%s\n%s", rows.Cols[0].Datum(i), a[i], b[i], chain, list)
		}
	}
}

func answers(t *testing.T, e Expr, rows *batch.Batch) []string {
	t.Helper()
	ev, err := NewEvaluator(e, []types.Type{rows.Cols[0].Type}, nil)
	if err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	v, err := ev.Eval(rows)
	if err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	out := make([]string, rows.Len)
	for i := range out {
		d := v.Datum(i)
		out[i] = fmt.Sprint(d.Null, d.I)
	}
	return out
}

// TestGatherMakesLists: what should become a list does, and what must not does not.
func TestGatherMakesLists(t *testing.T) {
	col := func(i int) Expr { return &Column{Index: i, Name: string(rune('a' + i)), T: types.T(types.Int4)} }
	equal := func(x Expr, n int64) Expr {
		e, err := CallOperator("=", x, &Const{types.IntOf(types.T(types.Int4), n)})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	four := func(x Expr) (es []Expr) {
		for n := range int64(4) {
			es = append(es, equal(x, n))
		}
		return es
	}
	for _, c := range []struct {
		e    Expr
		want string
	}{
		{&Logic{Or: true, Args: four(col(0))}, "(a = ANY ('{0,1,2,3}'::integer[]))"},
		{&Logic{Or: true, Args: four(col(0))[:3]}, "((a = 0) OR (a = 1) OR (a = 2))"},
		{&Logic{Or: false, Args: four(col(0))}, "((a = 0) AND (a = 1) AND (a = 2) AND (a = 3))"},
		{&Logic{Or: true, Args: append(four(col(0)), equal(col(1), 9))}, "((a = ANY ('{0,1,2,3}'::integer[])) OR (b = 9))"},
		{&Logic{Or: true, Args: append(four(col(1)), four(col(0))...)}, "((b = ANY ('{0,1,2,3}'::integer[])) OR (a = ANY ('{0,1,2,3}'::integer[])))"},
	} {
		if got := Gather(c.e).String(); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.e, got, c.want)
		}
	}
}
