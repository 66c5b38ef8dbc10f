package expr

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
)

// overColumn parses an expression in which 'COL' stands for the text column 0.
func overColumn(t *testing.T, s string) Expr {
	t.Helper()
	e, err := parseNotation(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return Transform(e, func(e Expr) Expr {
		if k, ok := e.(*Const); ok && k.Value.S == "COL" {
			return &Column{T: types.T(types.Text)}
		}
		return e
	})
}

// strings returns a batch of n equal strings.
func stringsOf(n int, s string) *batch.Batch {
	b := batch.New([]types.Type{types.T(types.Text)})
	b.Cols[0].Reset(types.T(types.Text), n)
	for range n {
		b.Cols[0].AppendString(s)
	}
	b.Len = n
	return b
}

// charged evaluates over a batch with an account of limit bytes and returns what it took of the heap besides.
func charged(t *testing.T, e Expr, b *batch.Batch, ctx context.Context, limit int64) (v *batch.Vector, allocated uint64, err error) {
	t.Helper()
	account := memtest.Pool(t, 0).Account("query", limit)
	env := &fn.Context{Ctx: ctx, Shared: fn.NewShared()}
	env.Shared.Charge(account)
	ev, err := NewEvaluator(e, []types.Type{types.T(types.Text)}, env)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	v, err = ev.Eval(b)
	runtime.ReadMemStats(&after)
	if account.Peak() > limit {
		t.Errorf("%s: %d bytes charged", e, account.Peak())
	}
	ev.Close()
	if used := account.Used(); used != 0 {
		t.Errorf("%s: %d bytes stay charged", e, used)
	}
	return v, after.TotalAlloc - before.TotalAlloc, err
}

// TestResultMemory computes strings that are more than the memory of a statement: it is refused before they are made.
func TestResultMemory(t *testing.T) {
	const limit = 8 << 20
	b := stringsOf(200, strings.Repeat("a'", 50_000))
	for _, s := range []string{"('COL'::text || 'x'::text)", "repeat('COL'::text, 2)", "replace('COL'::text, 'a'::text, 'bcd'::text)",
		"regexp_replace('COL'::text, 'a'::text, 'bcd'::text, 'g'::text)", "lpad('COL'::text, 200000)", "rpad('COL'::text, 200000, 'xy'::text)",
		"string_to_array('COL'::text, 'a'::text)", "regexp_split_to_array('COL'::text, 'a'::text)", "concat('COL'::text, 1)",
		"concat_ws('-'::text, 'COL'::text, 1)", "format('%s|%L'::text, 'COL'::text, 'COL'::text)", "format('%100000s'::text, 'COL'::text)",
		"translate('COL'::text, 'a'::text, 'é'::text)", "overlay('COL'::text, 'x'::text, 5)", "quote_literal('COL'::text)", "quote_ident('COL'::text)",
		"upper('COL'::text)", "initcap('COL'::text)", "reverse('COL'::text)", "substr('COL'::text, 2)", "left('COL'::text, 99999)",
		"array_to_string(string_to_array('COL'::text, 'a'::text), ', '::text)", "encode(convert_to('COL'::text, 'utf8'::text), 'hex'::text)",
		"to_char(5, 'COL'::text)"} {
		_, allocated, err := charged(t, overColumn(t, s), b, context.Background(), limit)
		if !errs.Is(err, errs.OutOfMemory) {
			t.Errorf("%s: %v, want 53200", s, err)
		}
		if allocated > 6*limit {
			t.Errorf("%s: allocated %d bytes, %d may be charged", s, allocated, limit)
		}
	}
}

// TestPieces computes numbers by way of strings that are more than the memory of a statement together.
func TestPieces(t *testing.T) {
	const limit = 24 << 20
	b := stringsOf(200, strings.Repeat("ab", 1000))
	b.Cols[0].SetNull(7)
	for _, c := range []struct {
		s    string
		want int64
	}{
		{"length(repeat('COL'::text, 100))", 200_000}, {"length(replace('COL'::text, 'a'::text, repeat('x'::text, 400)))", 401_000},
		{"cardinality(string_to_array(repeat('COL'::text, 50), 'b'::text))", 50_001}, {"length(repeat('COL'::text, 2500))", 5_000_000},
	} {
		for _, sel := range []bool{false, true} {
			b.Sel = batch.Selection{}
			if sel {
				b.Sel.Index = []uint16{3, 7, 100, 199}
			}
			v, _, err := charged(t, overColumn(t, c.s), b, context.Background(), limit)
			if err != nil {
				t.Errorf("%s: %v", c.s, err)
				continue
			}
			for i := range b.Len {
				if sel && i != 3 && i != 7 && i != 100 && i != 199 {
					continue
				}
				if d := v.Datum(i); d.Null != (i == 7) || !d.Null && d.I != c.want {
					t.Fatalf("%s: row %d is %v, want %d", c.s, i, d, c.want)
				}
			}
		}
	}
	b.Sel = batch.Selection{}
}

// TestValueLimit makes values that no memory could hold, or that are longer than a value may be.
func TestValueLimit(t *testing.T) {
	one := stringsOf(1, "a")
	for s, want := range map[string]errs.Code{
		"replace(repeat('COL'::text, 1000000), 'a'::text, repeat('b'::text, 10000))":                   errs.ProgramLimitExceeded,
		"regexp_replace(repeat('COL'::text, 1000000), 'a'::text, repeat('b'::text, 10000), 'g'::text)": errs.OutOfMemory,
		"repeat('COL'::text, 1073741820)":           errs.ProgramLimitExceeded,
		"repeat('COL'::text, 1073741819)":           errs.OutOfMemory,
		"lpad('COL'::text, 268435455)":              errs.ProgramLimitExceeded,
		"lpad('COL'::text, 268435454)":              errs.OutOfMemory,
		"format('%2000000000s'::text, 'COL'::text)": errs.ProgramLimitExceeded,
		"format('%1000000000s'::text, 'COL'::text)": errs.OutOfMemory,
		"format('%3000000000s'::text, 'COL'::text)": errs.NumericValueOutOfRange,
		"array_to_string(string_to_array(repeat('COL'::text, 100000), 'a'::text), repeat('x'::text, 20000))": errs.OutOfMemory,
		"length(replace(repeat('COL'::text, 300000), 'a'::text, repeat('b'::text, 10000)))":                  errs.ProgramLimitExceeded,
		"length(replace(repeat('COL'::text, 300000), 'a'::text, repeat('b'::text, 1000)))":                   errs.OutOfMemory,
	} {
		start := time.Now()
		_, allocated, err := charged(t, overColumn(t, s), one, context.Background(), 64<<20)
		if !errs.Is(err, want) {
			t.Errorf("%s: %v, want %s", s, err, want)
		}
		if allocated > 400<<20 {
			t.Errorf("%s: allocated %d bytes in %v", s, allocated, time.Since(start))
		}
	}
}

// looked is a context that ends when it was looked at some times.
type looked struct {
	context.Context
	left int
}

func (c *looked) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestExpressionStops ends statements within a value and between the values of a batch.
func TestExpressionStops(t *testing.T) {
	for _, s := range []string{"repeat('COL'::text, 50000000)", "length(repeat('COL'::text, 50000000))", "lpad('COL'::text, 50000000)",
		"replace(repeat('COL'::text, 5000000), 'a'::text, 'bc'::text)", "string_to_array(repeat('COL'::text, 5000000), 'a'::text)",
		"regexp_replace(repeat('COL'::text, 5000000), 'a'::text, 'b'::text, 'g'::text)", "regexp_count(repeat('COL'::text, 5000000), 'b|a+b'::text)",
		"translate(repeat('COL'::text, 5000000), 'a'::text, 'b'::text)", "encode(convert_to(repeat('COL'::text, 50000000), 'utf8'::text), 'hex'::text)",
		"regexp_split_to_array(repeat('COL'::text, 5000000), 'a'::text)"} {
		for _, looks := range []int{0, 2} {
			ctx := &looked{context.Background(), looks}
			_, _, err := charged(t, overColumn(t, s), stringsOf(1, "a"), ctx, 1<<30)
			if !errs.Is(err, errs.QueryCanceled) {
				t.Errorf("%s after %d looks: %v", s, looks, err)
			}
			if ctx.left < -4 {
				t.Errorf("%s after %d looks: looked %d times more", s, looks, -ctx.left)
			}
		}
	}
	b := stringsOf(2000, strings.Repeat("a", 2000))
	for _, s := range []string{"upper('COL'::text)", "to_char(123456, repeat('9'::text, 1000))", "('COL'::text || 'COL'::text)"} {
		ctx := &looked{context.Background(), 0}
		if _, _, err := charged(t, overColumn(t, s), b, ctx, 1<<30); !errs.Is(err, errs.QueryCanceled) && !strings.Contains(s, "to_char") {
			t.Errorf("%s: %v", s, err)
		}
	}
}

// TestFoldKeepsLargeCalls: constants that are large are not part of plans.
func TestFoldKeepsLargeCalls(t *testing.T) {
	for n, folded := range map[int]bool{1000: true, 100_000_000: false} {
		e := Fold(overColumn(t, fmt.Sprintf("repeat('x'::text, %d)", n)))
		if IsConst(e) != folded {
			t.Errorf("%d characters: folded is %v", n, IsConst(e))
		}
	}
}
