package aggstate_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/types"
)

// bench is one aggregate over one type, with an account for what its states refer to.
type bench struct {
	t       *testing.T
	name    string
	acc     *mem.Account
	call    aggstate.Call
	columns []*hashtable.Column
}

// everyState calls f for each registered aggregate over each type that it takes, unless it has no state.
func everyState(t *testing.T, f func(b *bench)) {
	t.Helper()
	n := 0
	for _, a := range fn.Aggregates() {
		for _, arg := range append(slices.Clone(enginetest.AllTypes), types.T(types.Timestamptz), types.T(types.Bytea)) {
			args := []types.Type{arg}
			if len(a.Args) == 2 {
				args = append(args, arg)
			}
			r, want, err := fn.ResolveAggregate(a.Name, args)
			if err != nil || r != a || len(want) > 0 && want[0].Kind != arg.Kind {
				continue
			}
			g, k, err := aggstate.Resolve(a, arg, false)
			if err != nil {
				t.Errorf("%s(%s): %v", a.Name, arg, err)
				continue
			}
			if k == nil {
				continue
			}
			n++
			newBench(t, a, args, g, k, f)
		}
	}
	if n < 80 {
		t.Errorf("only %d states", n)
	}
}

func newBench(t *testing.T, a *fn.Aggregate, args []types.Type, g *aggstate.Aggregate, k *aggstate.Kind, f func(b *bench)) {
	acc := memtest.Pool(t, 0).Account("test", 0)
	s := &aggstate.State{Kind: k, Least: g.Least, Store: &aggstate.Store{}}
	b := &bench{t: t, name: fmt.Sprintf("%s(%s)", a.Name, args[0]), acc: acc,
		call: aggstate.Call{Aggregate: g, Fn: a, Arg: args[0], Result: a.Result(args), State: s}}
	for _, arg := range args {
		var in *hashtable.Interner
		if arg.Physical() == types.PhysBytes {
			var err error
			if in, err = hashtable.NewInterner(acc, nil, 0); err != nil {
				t.Fatal(err)
			}
			defer in.Close()
		}
		s.Args = append(s.Args, aggstate.Arg{Type: arg, Strings: in})
		b.columns = append(b.columns, hashtable.NewColumn(arg, in))
	}
	s.Store.Prepare(s)
	f(b)
	s.Store.Release(acc)
}

const groups = 5

// rows makes rows of random values for random groups. Their words are the caller's.
func (b *bench) rows(rng *rand.Rand, n int) aggstate.Rows {
	b.t.Helper()
	arg := b.call.Arg
	values := enginetest.Random(rng, []enginetest.Column{{Type: arg, Distinct: 40}}, n)
	var r aggstate.Rows
	for x, c := range b.columns {
		v := &batch.Vector{}
		v.Reset(arg, 0)
		for _, row := range values {
			v.AppendDatum(row[0])
		}
		if err := c.Load(v, n); err != nil {
			b.t.Fatal(err)
		}
		if x == 0 {
			r.Words = slices.Clone(c.Words)
		}
	}
	for i := range n {
		r.Slots, r.Places = append(r.Slots, rng.Uint32N(groups)), append(r.Places, uint16(i))
	}
	r.Columns = b.columns
	return r
}

// memory is where states of the groups lie, not at the start of their rows.
func (b *bench) memory() aggstate.Memory {
	w := b.call.State.Words + 3
	return aggstate.Memory{Words: make([]uint64, w*groups), Width: w, At: 2}
}

// row cuts a row out of many.
func row(r aggstate.Rows, i int) aggstate.Rows {
	wide := len(r.Words) / len(r.Slots)
	return aggstate.Rows{Slots: r.Slots[i : i+1], Words: r.Words[i*wide : i*wide+wide], Columns: r.Columns, Places: r.Places[i : i+1]}
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("%s: %v", b.name, err)
	}
}

// form returns the binary forms of all groups.
func (b *bench) form(m aggstate.Memory) string {
	var out []byte
	for g := range groups {
		out = append(b.call.State.Append(out, b.state(m, g)), '|')
	}
	return string(out)
}

// TestWeights holds rows with weights against the same rows given as often.
func TestWeights(t *testing.T) {
	weighted := 0
	everyState(t, func(b *bench) {
		s := b.call.State
		if aggstate.Weighs(b.call.Fn, b.call.Arg, false) != (s.Weighted != nil) {
			t.Errorf("%s: Weighs is wrong", b.name)
		}
		if s.Weighted == nil {
			return
		}
		weighted++
		rng := rand.New(rand.NewPCG(1, 1))
		r := b.rows(rng, 60)
		each, once := b.memory(), b.memory()
		for i := range r.Slots {
			n := int64(1 + rng.IntN(9))
			r.Weights = append(r.Weights, n)
			for range n {
				b.must(s.Update(s, each, row(r, i)))
			}
		}
		b.must(s.Weighted(s, once, r))
		if got, want := b.form(once), b.form(each); got != want {
			t.Errorf("%s: weighted %x, want %x", b.name, got, want)
		}
	})
	if weighted < 50 {
		t.Errorf("only %d states take weights", weighted)
	}
}

// TestRetract takes rows away again.
func TestRetract(t *testing.T) {
	retracted := 0
	everyState(t, func(b *bench) {
		s := b.call.State
		if s.Retract == nil {
			return
		}
		retracted++
		rng := rand.New(rand.NewPCG(2, 2))
		r := b.rows(rng, 60)
		all, some := b.memory(), b.memory()
		b.must(s.Update(s, all, r))
		wide := len(r.Words) / len(r.Slots)
		half := aggstate.Rows{Slots: r.Slots[:30], Words: r.Words[:30*wide]}
		b.must(s.Retract(s, all, aggstate.Rows{Slots: r.Slots[30:], Words: r.Words[30*wide:]}))
		b.must(s.Update(s, some, half))
		if got, want := b.form(all), b.form(some); got != want {
			t.Errorf("%s: %x after taking away, want %x", b.name, got, want)
		}
	})
	if retracted < 10 {
		t.Errorf("only %d states retract", retracted)
	}
}

// TestMerge adds states of parts, and reads every state back from its binary form. Floats may differ in the last digits,
// so their parts are merged in the order of the rows.
func TestMergeAndForm(t *testing.T) {
	everyState(t, func(b *bench) {
		s := b.call.State
		rng := rand.New(rand.NewPCG(3, 3))
		r := b.rows(rng, 60)
		all, sum := b.memory(), b.memory()
		b.must(s.Update(s, all, r))
		for i := range r.Slots { // of one row each: the result is that of adding the rows
			part := b.memory()
			b.must(s.Update(s, part, row(r, i)))
			g := int(r.Slots[i])
			before := b.form(part)
			b.must(s.Merge(s, b.state(sum, g), b.state(part, g)))
			if s.Store == nil && b.form(part) != before {
				t.Errorf("%s: merging has changed what was merged", b.name)
			}
		}
		b.equal("merged", sum, all)
		for g := range groups {
			form := s.Append(nil, b.state(all, g))
			words := make([]uint64, s.Words)
			x := aggstate.NewReader(form)
			s.Read(&x, words)
			b.must(x.Done())
			if again := s.Append(nil, words); !bytes.Equal(again, form) {
				t.Errorf("%s: read %x, want %x", b.name, again, form)
			}
		}
	})
}

// TestFold holds the sum of a vector in one state against Update.
func TestFold(t *testing.T) {
	folded := 0
	everyState(t, func(b *bench) {
		s := b.call.State
		if s.Fold == nil {
			return
		}
		folded++
		r := b.rows(rand.New(rand.NewPCG(4, 4)), 61)
		for i := range r.Slots {
			r.Slots[i] = 1
		}
		all, one := b.memory(), b.memory()
		b.must(s.Update(s, all, r))
		if !s.Fold(s, b.state(one, 1), r.Words) {
			t.Logf("%s: left to Update", b.name)
			return
		}
		b.equal("folded", one, all)
	})
	if folded < 10 {
		t.Errorf("only %d states fold", folded)
	}
}

// state returns the state of a group.
func (b *bench) state(m aggstate.Memory, g int) []uint64 {
	return m.Words[g*m.Width+m.At:][:b.call.State.Words]
}

// equal compares the finished values of all groups.
func (b *bench) equal(what string, got, want aggstate.Memory) {
	b.t.Helper()
	values := func(m aggstate.Memory) []enginetest.Row {
		out := batch.New([]types.Type{b.call.Result})
		o := aggstate.NewOutput(b.acc)
		defer o.Release()
		o.Vector, o.Len, out.Len = out.Cols[0], groups, groups
		o.Vector.Reset(b.call.Result, groups)
		for g := range groups {
			if o.At = g; slices.Max(b.state(m, g)) == 0 && slices.Min(b.state(m, g)) == 0 {
				o.Null()
				continue
			}
			b.must(b.call.Finish(&b.call, b.state(m, g), 60, &o))
		}
		return enginetest.Rows(out)
	}
	enginetest.Equal(b.t, b.name+" "+what, values(got), values(want))
}

// TestNumbers pins the numbers of the kinds in the binary form. They are kept in files: a number may be added, never
// changed.
func TestNumbers(t *testing.T) {
	got := map[string]uint64{}
	everyState(t, func(b *bench) { got[b.name] = b.call.State.Number })
	for name, number := range map[string]uint64{
		"sum(smallint)": 4, "sum(integer)": 4, "sum(bigint)": 6, "avg(bigint)": 6, "sum(double precision)": 10, "avg(real)": 10, "sum(numeric)": 12,
		"sum(interval)": 14, "min(integer)": 16, "bool_or(boolean)": 16, "max(double precision)": 16, "min(text)": 20, "max(interval)": 22,
		"any_value(text)": 24, "var_pop(integer)": 26, "stddev(double precision)": 28, "variance(numeric)": 30, "string_agg(text)": 32, "array_agg(integer)": 32,
	} {
		if got[name] != number {
			t.Errorf("%s has the number %d, want %d", name, got[name], number)
		}
	}
}
