package expr

import (
	"testing"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestSweep looks at when all entries of a dictionary are computed together, and what it does with errors.
func TestSweep(t *testing.T) {
	host := call("regexp_replace", col("s"), str(`^https?://(?:www\.)?([^/]+)/.*$`), str(`\1`))
	number := &Cast{Arg: call("replace", call("substring", col("s"), str("[0-9]+$")), str("19999"), str("x")), T: types.T(types.Int4)}
	for _, c := range []struct {
		name    string
		e       Expr
		batches int
		swept   bool
		derived int // entries of the derived dictionary, 0: none
	}{
		{"too few rows", host, 1, false, 8},
		{"strings", host, 2, true, 8},
		{"fixed width", call("length", col("s")), 2, true, 0},
		{"an entry without rows raises an error", number, 3, false, 0},
	} {
		d := testDict(20000)
		env := &fn.Context{Shared: fn.NewShared()}
		for range c.batches {
			checkMemoOnce(t, c.e, env, 2048)
		}
		m := env.Shared.Get(memoKey{c.e, d.ID}, nil).(*memo)
		if w := m.sweep.Load(); (w != nil && w.done.Load()) != c.swept {
			t.Errorf("%s: swept %v", c.name, !c.swept)
		}
		if c.derived > 0 && m.dict.Load().Len != c.derived { // 7 hosts, and the entry for NULL
			t.Errorf("%s: %d derived entries, want %d", c.name, m.dict.Load().Len, c.derived)
		}
	}
}

// TestMemoWithoutMemory lets an account refuse what a memo wants at every point: answers stay, and nothing stays charged.
func TestMemoWithoutMemory(t *testing.T) {
	host := call("regexp_replace", col("s"), str(`^https?://(?:www\.)?([^/]+)/.*$`), str(`\1`))
	for _, e := range []Expr{host, call("upper", col("s")), call("length", col("s")), op(col("s"), "~~", str("%a%"))} {
		charged := map[bool]int{}
		for limit := int64(1); limit < 16<<20; limit *= 3 {
			pool := memtest.Pool(t, 0)
			acc := pool.Account("query", limit)
			env := &fn.Context{Shared: fn.NewShared()}
			env.Shared.Charge(acc)
			for range 3 {
				checkMemoOnce(t, e, env, 2048)
			}
			if acc.Used() > limit {
				t.Errorf("%s: %d bytes charged, the limit is %d", e, acc.Used(), limit)
			}
			charged[acc.Used() > 0]++
			env.Shared.Drop()
			if n := acc.Close(); n != 0 {
				t.Errorf("%s: %d bytes stayed charged", e, n)
			}
		}
		if charged[false] == 0 || charged[true] == 0 {
			t.Errorf("%s: %d limits refused everything, %d granted something", e, charged[false], charged[true])
		}
	}
}

// checkMemoOnce evaluates one batch with a memo and without, in a new evaluator each time.
func checkMemoOnce(t *testing.T, e Expr, env *fn.Context, rows int) {
	t.Helper()
	d := testDict(20000)
	ev, err := NewEvaluator(e, tableTypes, env)
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := NewEvaluator(e, tableTypes, &fn.Context{})
	b := testBatch(rows, d)
	for i := range b.Cols[2].Codes {
		if b.Cols[2].Codes[i] == 19999 {
			b.Cols[2].Codes[i] = 0
		}
	}
	f := *b
	f.Cols = append(f.Cols[:0:0], b.Cols...)
	f.Cols[2] = &batch.Vector{}
	f.Cols[2].Flatten(b.Cols[2])
	got, err := ev.Eval(b)
	if err != nil {
		t.Fatal(err)
	}
	want, err := plain.Eval(&f)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rows {
		if g, w := got.Datum(i), want.Datum(i); g != w {
			t.Fatalf("%s, row %d: got %s, want %s", e, i, g, w)
		}
	}
}

// TestRun looks at rows that are consecutive entries of a dictionary: nothing is remembered of them.
func TestRun(t *testing.T) {
	host := call("regexp_replace", col("s"), str(`^https?://(?:www\.)?([^/]+)/.*$`), str(`\1`))
	for _, e := range []Expr{host, call("length", col("s")), op(col("s"), "~~", str("%a%"))} {
		d := testDict(20000)
		env := &fn.Context{Shared: fn.NewShared()}
		ev, err := NewEvaluator(e, tableTypes, env)
		if err != nil {
			t.Fatal(err)
		}
		plain, _ := NewEvaluator(e, tableTypes, &fn.Context{})
		for _, first := range []int{0, 1, 17000} {
			b := testBatch(2048, d)
			for i := range b.Cols[2].Codes {
				b.Cols[2].Codes[i] = uint32(first + i)
			}
			b.Cols[2].Valid = nil
			f := *b
			f.Cols = append(f.Cols[:0:0], b.Cols...)
			f.Cols[2] = &batch.Vector{}
			f.Cols[2].Flatten(b.Cols[2])
			got, err := ev.Eval(b)
			if err != nil {
				t.Fatal(err)
			}
			want, err := plain.Eval(&f)
			if err != nil {
				t.Fatal(err)
			}
			for i := range b.Len {
				if g, w := got.Datum(i), want.Datum(i); g != w {
					t.Fatalf("%s, entry %d: got %s, want %s", e, first+i, g, w)
				}
			}
		}
		m := env.Shared.Get(memoKey{e, d.ID}, func() any { return &memo{} }).(*memo)
		if m.rows.Load() != 0 {
			t.Errorf("%s: %d rows went through the memo", e, m.rows.Load())
		}
	}
}

// TestLengths looks at lengths that come from the offsets of a dictionary, with NULLs and with characters of several
// bytes.
func TestLengths(t *testing.T) {
	for _, wide := range []bool{false, true} {
		d := testDict(5000)
		d.HashOrdered = true
		if wide {
			d.Heap = append([]byte(nil), d.Heap...)
			copy(d.Heap[d.Offsets[77]:], "é")
		}
		for _, name := range []string{"length", "char_length", "octet_length"} {
			ev, err := NewEvaluator(call(name, col("s")), tableTypes, &fn.Context{Shared: fn.NewShared()})
			if err != nil {
				t.Fatal(err)
			}
			b := testBatch(2048, d)
			v := b.Cols[2]
			for i := range v.Codes {
				v.Codes[i] = uint32(i*7%5000) &^ 1
			}
			v.Codes[1] = 77
			v.Nulls(2048).Clear(5)
			got, err := ev.Eval(b)
			if err != nil {
				t.Fatal(err)
			}
			for i := range b.Len {
				want := int32(len(d.At(int(v.Codes[i]))))
				if name != "octet_length" {
					want = int32(utf8.RuneCount(d.At(int(v.Codes[i]))))
				}
				if got.IsNull(i) != v.IsNull(i) || !v.IsNull(i) && batch.Values[int32](got)[i] != want {
					t.Fatalf("%s, row %d, wide %t: got %s, want %d", name, i, wide, got.Datum(i), want)
				}
			}
		}
	}
}
