package expr

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// The test table: x integer, n numeric(15,2), s text (dictionary), t timestamp, b boolean, f double precision.
var tableTypes = []types.Type{types.T(types.Int4), types.NumericOf(15, 2), types.T(types.Text), types.T(types.Timestamp),
	types.T(types.Bool), types.T(types.Float8)}

var tableNames = []string{"x", "n", "s", "t", "b", "f"}

// testDict has more entries than a batch of it uses, one of which makes a cast fail.
func testDict(entries int) *batch.Dictionary {
	d := &batch.Dictionary{ID: 1000 + uint64(entries), Len: entries, Offsets: []uint32{0}, Distinct: true}
	for i := range entries {
		d.Heap = append(d.Heap, fmt.Sprintf("http://www.host%d.org/page/%d", i%7, i)...)
		d.Offsets = append(d.Offsets, uint32(len(d.Heap)))
	}
	return d
}

func testBatch(rows int, d *batch.Dictionary) *batch.Batch {
	b := batch.New(tableTypes)
	b.Len = rows
	for i, c := range b.Cols {
		if i == 2 {
			c.ResetDict(tableTypes[2], d, rows)
		} else {
			c.Reset(tableTypes[i], rows)
		}
	}
	for i := range rows {
		batch.Values[int32](b.Cols[0])[i] = int32(i % 100)
		batch.Values[int64](b.Cols[1])[i] = int64(i*37%100000) - 500
		b.Cols[2].Codes[i] = uint32(i*13) % uint32(d.Len)
		batch.Values[int64](b.Cols[3])[i] = 1373886454000000 + int64(i)*61_000_000
		b.Cols[4].Bools().SetTo(i, i%3 == 0)
		batch.Values[float64](b.Cols[5])[i] = float64(i) / 4
	}
	for i := 5; i < rows; i += 11 {
		b.Cols[0].Nulls(rows).Clear(i)
		b.Cols[2].Nulls(rows).Clear(i)
	}
	return b
}

func col(name string) Expr {
	for i, n := range tableNames {
		if n == name {
			return &Column{Index: i, Name: name, T: tableTypes[i]}
		}
	}
	panic(name)
}

func must(e Expr, err error) Expr {
	if err != nil {
		panic(err)
	}
	return e
}

func op(left Expr, name string, right Expr) Expr { return must(CallOperator(name, left, right)) }

func call(name string, args ...Expr) Expr { return must(CallFunction(name, args...)) }

func str(s string) Expr { return &Const{types.StringOf(types.T(types.Unknown), s)} }

func num(v int64) Expr { return &Const{types.IntOf(types.T(types.Int4), v)} }

func TestShortCircuit(t *testing.T) {
	d := testDict(50)
	div := op(op(num(1), "/", col("x")), ">=", num(0))
	isZero := op(col("x"), "=", num(0))
	notZero := op(col("x"), "<>", num(0))
	zero := num(0)
	for name, e := range map[string]Expr{
		"and":      &Logic{Args: []Expr{notZero, div}},
		"or":       &Logic{Or: true, Args: []Expr{isZero, div}},
		"case":     &Case{Whens: []When{{notZero, div}}, T: boolType},
		"coalesce": op(&Coalesce{Args: []Expr{col("x"), op(num(1), "/", zero)}, T: types.T(types.Int4)}, ">=", num(-1)),
	} {
		rows := 2048
		b := testBatch(rows, d)
		if name == "coalesce" {
			b.Cols[0].Valid = nil
		}
		ev, err := NewEvaluator(e, tableTypes, testEnv)
		if err != nil {
			t.Fatal(err)
		}
		if err := ev.EvalBool(b, make(batch.Bitmap, batch.Words(rows))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	ev, _ := NewEvaluator(div, tableTypes, testEnv)
	b := testBatch(2048, d)
	if err := ev.EvalBool(b, make(batch.Bitmap, 32)); !errs.Is(err, errs.DivisionByZero) {
		t.Errorf("without a guard: %v", err)
	}
	b.Sel = batch.SelectIndex([]uint16{1, 2, 3})
	if err := ev.EvalBool(b, make(batch.Bitmap, 32)); err != nil {
		t.Errorf("row 0 is not selected: %v", err)
	}
}

// TestNoAllocations holds the evaluator to what pipelines promise: none per batch once buffers have grown.
func TestNoAllocations(t *testing.T) {
	for _, e := range steady() {
		b := testBatch(2048, testDict(300))
		ev, err := NewEvaluator(e, tableTypes, testEnv)
		if err != nil {
			t.Fatal(err)
		}
		run := func() {
			if _, err := ev.Eval(b); err != nil {
				t.Fatalf("%s: %v", e, err)
			}
		}
		run()
		run()
		if n := testing.AllocsPerRun(20, run); n != 0 {
			t.Errorf("%s: %v allocations per batch", e, n)
		}
	}
}

func steady() []Expr {
	guarded := &Logic{Args: []Expr{op(col("x"), "<>", num(0)), op(op(num(10), "/", col("x")), ">", num(2))}}
	price := op(op(col("n"), "*", op(num(1), "-", col("n"))), "*", op(num(1), "+", col("n")))
	return []Expr{
		op(col("x"), "+", num(1)), op(op(col("x"), "*", col("x")), "-", num(3)), op(col("f"), "*", col("f")),
		op(col("x"), "<", num(50)), op(col("x"), "<>", op(col("x"), "+", num(1))), guarded, price,
		op(col("n"), "<", must(Coerce(str("24.5"), types.T(types.Numeric)))),
		&Not{col("b")}, &IsNull{Arg: col("x")}, &Logic{Or: true, Args: []Expr{col("b"), &IsNull{Arg: col("s")}}},
		call("extract", str("minute"), col("t")), call("date_trunc", str("minute"), col("t")), call("date_trunc", str("month"), col("t")),
		op(col("t"), ">=", str("2013-07-15")), op(col("s"), "<>", str("")), op(col("s"), "~~", str("%page/1%")), call("length", col("s")),
		call("regexp_replace", col("s"), str(`^https?://(?:www\.)?([^/]+)/.*$`), str(`\1`)),
		&In{Arg: col("x"), List: []types.Datum{types.IntOf(tableTypes[0], 3), types.IntOf(tableTypes[0], 70)}},
		must(NewCase([]When{{op(col("x"), ">", num(5)), col("x")}}, num(0))), must(NewCoalesce([]Expr{col("x"), num(7)})),
	}
}

// TestMemo compares dictionary and flat forms, with evaluators that share what they compute.
func TestMemo(t *testing.T) {
	exprs := []Expr{
		call("length", col("s")), call("lower", col("s")), op(col("s"), "~~", str("%host3%")), call("strpos", col("s"), str("/page")),
		call("regexp_replace", col("s"), str(`^https?://(?:www\.)?([^/]+)/.*$`), str(`\1`)),
		call("regexp_match", col("s"), str("host([0-4])")), call("concat", col("s"), str("!")),
		must(NewCoalesce([]Expr{call("substring", col("s"), str("host[0-2]")), must(Coerce(str("none"), types.T(types.Text)))})),
		op(call("length", col("s")), ">", num(27)),
	}
	for _, entries := range []int{1, 40, 5000, 20000} { // 20000: one batch lazily, then a sweep
		d := testDict(entries)
		env := &fn.Context{Shared: fn.NewShared()}
		var wg sync.WaitGroup
		for range 2 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for _, e := range exprs {
					checkMemo(t, e, d, env)
				}
			}()
		}
		wg.Wait()
	}
}

func checkMemo(t *testing.T, e Expr, d *batch.Dictionary, env *fn.Context) {
	ev, err := NewEvaluator(e, tableTypes, env)
	if err != nil {
		t.Error(err)
		return
	}
	plain, _ := NewEvaluator(e, tableTypes, &fn.Context{})
	for _, rows := range []int{1, 3, 2048, 2048} {
		b := testBatch(rows, d)
		f := testBatch(rows, d)
		flat := &batch.Vector{}
		flat.Flatten(f.Cols[2])
		f.Cols[2] = flat
		got, err := ev.Eval(b)
		if err != nil {
			t.Error(err)
			return
		}
		want, err := plain.Eval(f)
		if err != nil {
			t.Error(err)
			return
		}
		for i := range rows {
			if g, w := got.Datum(i), want.Datum(i); g != w {
				t.Errorf("%s, %d entries, row %d: got %s, want %s", e, d.Len, i, g, w)
				return
			}
		}
	}
}

func TestTerms(t *testing.T) {
	for _, c := range []struct {
		e    Expr
		want string // op and values, "" when it stays
	}{
		{op(col("x"), "=", num(5)), "0 5"},
		{op(num(5), "<", col("x")), "4 5"},
		{op(col("n"), "<", num(24)), "2 24.00"},
		{op(col("n"), "<", must(Coerce(str("24.005"), types.T(types.Numeric)))), "9"},
		{op(col("s"), "<>", str("")), "1 "},
		{op(col("t"), ">=", str("2013-07-15")), "5 2013-07-15 00:00:00"},
		{op(col("s"), "~~", str("%google%")), "9"},
		{op(col("s"), "~~", str(`%\`)), ""},
		{&IsNull{Arg: col("s"), Negate: true}, "8"},
		{col("b"), "0 t"},
		{&Not{col("b")}, "0 f"},
		{op(op(num(1), "/", col("x")), ">", num(0)), ""},
		{op(col("x"), "=", op(col("x"), "+", num(1))), ""},
		{&Logic{Or: true, Args: []Expr{op(col("x"), "=", num(1)), op(col("x"), ">", num(7))}}, "9"},
		{&In{Arg: col("x"), List: []types.Datum{types.IntOf(tableTypes[0], 3)}}, "6 3"},
	} {
		term, ok := ToTerm(c.e)
		got := ""
		if ok {
			got = fmt.Sprint(uint8(term.Op))
			for _, v := range term.Values {
				got += " " + v.String()
			}
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.e, got, c.want)
		}
		if term.Op == scan.Entries && ok {
			v := &batch.Vector{}
			in := bareIn(c.e)
			v.Reset(in, 0)
			v.AppendDatum(types.NullOf(in))
			out := make(batch.Bitmap, 1)
			if err := term.Filter.Filter(v, out); err != nil || out[0] != 0 {
				t.Errorf("%s over NULL: %v %v", c.e, out, err)
			}
		}
	}
}

func bareIn(e Expr) types.Type { return tableTypes[Columns(nil, e)[0]] }

func TestString(t *testing.T) {
	for _, c := range []struct {
		e    Expr
		want string
	}{
		{op(col("x"), "+", num(1)), "(x + 1)"},
		{&Logic{Args: []Expr{op(col("s"), "~~", str("%a'b%")), &Not{col("b")}}}, "((s ~~ '%a''b%'::text) AND (NOT b))"},
		{op(col("t"), ">=", str("2013-07-15")), "(t >= '2013-07-15 00:00:00'::timestamp without time zone)"},
		{&IsNull{Arg: col("x"), Negate: true}, "(x IS NOT NULL)"},
		{&In{Arg: col("x"), List: []types.Datum{types.IntOf(tableTypes[0], 3), types.IntOf(tableTypes[0], 4)}}, "(x = ANY ('{3,4}'::integer[]))"},
		{must(NewCase([]When{{col("b"), num(1)}}, num(0))), "CASE WHEN b THEN 1 ELSE 0 END"},
		{&Cast{Arg: col("x"), T: types.T(types.Text)}, "(x)::text"},
		{&IsBool{Arg: col("b"), Value: types.BoolOf(true), Negate: true}, "(b IS NOT TRUE)"},
		{must(NewAny("=", col("x"), &Const{types.StringOf(types.ArrayOf(types.Int4), "{1,2}")}, false)), "(x = ANY ('{1,2}'::integer[]))"},
		{&Param{Number: 2}, "$2"},
		{call("date_trunc", str("minute"), col("t")), "date_trunc('minute'::text, t)"},
	} {
		if got := c.e.String(); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestFold(t *testing.T) {
	for _, c := range []struct {
		e    Expr
		want string
	}{
		{op(op(num(1), "+", num(2)), "*", col("x")), "(3 * x)"},
		{op(num(1), "/", num(0)), "(1 / 0)"},
		{&Logic{Args: []Expr{col("b"), boolean(false), op(num(1), "/", num(0))}}, "false"},
		{&Logic{Args: []Expr{col("b"), boolean(true)}}, "b"},
		{&Logic{Or: true, Args: []Expr{boolean(true), col("b")}}, "true"},
		{&Case{Whens: []When{{boolean(false), op(num(1), "/", num(0))}}, Else: num(4), T: types.T(types.Int4)}, "4"},
		{must(NewCoalesce([]Expr{null(types.T(types.Int4)), num(3), col("x")})), "3"},
		{call("now"), "now()"},
		{call("random"), "random()"},
	} {
		if got := Fold(c.e).String(); got != c.want {
			t.Errorf("%s: got %s, want %s", c.e, got, c.want)
		}
	}
	if got := FoldWith(call("now"), testEnv).String(); !strings.HasPrefix(got, "'2013-07-15") {
		t.Errorf("now() in a session: %s", got)
	}
}

func TestLogicTable(t *testing.T) {
	// Three-valued logic over all pairs, against the definition.
	vals := []types.Datum{types.BoolOf(false), types.BoolOf(true), types.NullOf(boolType)}
	in := []types.Type{boolType, boolType}
	b := batch.New(in)
	for i := range 9 {
		b.Cols[0].AppendDatum(vals[i/3])
		b.Cols[1].AppendDatum(vals[i%3])
	}
	b.Len = 9
	p, q := &Column{0, "p", boolType}, &Column{1, "q", boolType}
	for _, or := range []bool{false, true} {
		ev, err := NewEvaluator(&Logic{Or: or, Args: []Expr{p, q}}, in, nil)
		if err != nil {
			t.Fatal(err)
		}
		v, err := ev.Eval(b)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 9 {
			x, y := vals[i/3], vals[i%3]
			decides := types.BoolOf(or)
			want := types.BoolOf(!or)
			switch {
			case x == decides || y == decides:
				want = decides
			case x.Null || y.Null:
				want = types.NullOf(boolType)
			}
			if got := v.Datum(i); got != want {
				t.Errorf("or=%v %s %s: got %s, want %s", or, x, y, got, want)
			}
		}
	}
}

func BenchmarkEval(b *testing.B) {
	for _, e := range steady() {
		b.Run(strings.ReplaceAll(e.String(), " ", ""), func(b *testing.B) {
			rows := testBatch(2048, testDict(300))
			ev, err := NewEvaluator(e, tableTypes, testEnv)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ev.Eval(rows); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2048, "ns/row")
		})
	}
}
