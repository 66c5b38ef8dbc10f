package window

import (
	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/batch"
)

// input is what an aggregate takes of rows: the arguments of those that its filter lets through and whose first argument
// is not NULL.
type input struct {
	cs     *calls
	args   []*field // none: count(*)
	filter *field
	nulls  bool            // rows whose argument is NULL count too
	state  *aggstate.State // nil: only the number of rows counts
	words  bool            // the argument is one of words, which need no columns
	cols   []*hashtable.Column
	vecs   []batch.Vector
	places []uint16
}

func newInput(cs *calls, c *Call, a *aggstate.Aggregate, s *aggstate.State) *input {
	in := &input{cs: cs, nulls: a.Nulls, state: s}
	for _, at := range c.Args {
		in.args = append(in.args, cs.w.lay.column(at))
	}
	if c.Filter >= 0 {
		in.filter = cs.w.lay.column(c.Filter)
	}
	if s == nil {
		return in
	}
	if !s.All {
		in.args = in.args[:1]
	}
	in.words = !s.All && !in.args[0].text()
	return in
}

// begin makes the columns of strings for another bundle, whose strings have other numbers.
func (in *input) begin() error {
	if in.state == nil || in.words {
		return nil
	}
	in.cols, in.vecs = in.cols[:0], make([]batch.Vector, len(in.args))
	for i, f := range in.args {
		var strings *hashtable.Interner
		if f.text() {
			var err error
			if strings, err = in.cs.interner(); err != nil {
				return err
			}
		}
		in.state.Args[i].Strings = strings
		in.cols = append(in.cols, hashtable.NewColumn(f.t, strings))
	}
	if in.places == nil && in.state.All {
		in.places = make([]uint16, batch.MaxRows)
		for i := range in.places {
			in.places[i] = uint16(i)
		}
	}
	return nil
}

// counts tells whether a row goes in.
func (in *input) counts(row []uint64) bool {
	if len(in.args) > 0 && !in.nulls && in.args[0].null(row) {
		return false
	}
	return in.filter == nil || !in.filter.null(row) && row[in.filter.at] != 0
}

// add adds the rows from one up to another, without it, to a state, and returns how many of them count.
func (in *input) add(r []uint64, from, to int) (rows int, err error) {
	if in.state == nil {
		return in.count(from, to)
	}
	return in.apply(in.state.Update, r, from, to)
}

// remove takes rows away that were added.
func (in *input) remove(r []uint64, from, to int) (rows int, err error) {
	if in.state == nil {
		return in.count(from, to)
	}
	return in.apply(in.state.Retract, r, from, to)
}

// count returns how many rows count.
func (in *input) count(from, to int) (rows int, err error) {
	if len(in.args) == 0 && in.filter == nil {
		return to - from, nil
	}
	b := in.cs.b
	for i := from; i < to; i++ {
		if (i-from)%look == look-1 {
			if err := b.stopped(); err != nil {
				return 0, err
			}
		}
		if in.counts(b.row(i)) {
			rows++
		}
	}
	return rows, nil
}

// update is State.Update or State.Retract.
type update func(s *aggstate.State, m aggstate.Memory, r aggstate.Rows) error

// apply hands the arguments of rows to an update, up to batch.MaxRows at a time.
func (in *input) apply(f update, r []uint64, from, to int) (rows int, err error) {
	m := aggstate.Memory{Words: r, Width: len(r)}
	for at := from; at < to; {
		n := min(to-at, batch.MaxRows)
		var x aggstate.Rows
		if in.words {
			x = in.wordsOf(at, n)
		} else if x, err = in.columnsOf(at, n); err != nil {
			return rows, err
		}
		if len(x.Slots) > 0 {
			if err := f(in.state, m, x); err != nil {
				return rows, err
			}
		}
		rows += len(x.Slots)
		if at += n; n == batch.MaxRows {
			if err := in.cs.b.stopped(); err != nil {
				return rows, err
			}
		}
	}
	return rows, nil
}

// wordsOf returns the arguments of n rows.
func (in *input) wordsOf(from, n int) aggstate.Rows {
	b, f, s := in.cs.b, in.args[0], &in.cs.scratch
	if s.words == nil {
		s.words, s.slots = make([]uint64, 2*batch.MaxRows), make([]uint32, batch.MaxRows)
	}
	k := 0
	if f.wide == 1 {
		for i := from; i < from+n; i++ {
			row := b.row(i)
			if f.null(row) || in.filter != nil && !in.counts(row) {
				continue
			}
			s.words[k] = row[f.at]
			k++
		}
		return aggstate.Rows{Slots: s.slots[:k], Words: s.words[:k]}
	}
	for i := from; i < from+n; i++ {
		row := b.row(i)
		if f.null(row) || in.filter != nil && !in.counts(row) {
			continue
		}
		s.words[2*k], s.words[2*k+1] = row[f.at], row[f.at+1]
		k++
	}
	return aggstate.Rows{Slots: s.slots[:k], Words: s.words[:2*k]}
}

// columnsOf returns the arguments of n rows as columns: strings as numbers, and all arguments of lists.
func (in *input) columnsOf(from, n int) (aggstate.Rows, error) {
	b, s := in.cs.b, &in.cs.scratch
	if s.slots == nil {
		s.words, s.slots = make([]uint64, 2*batch.MaxRows), make([]uint32, batch.MaxRows)
	}
	s.rows = s.rows[:0]
	for i := from; i < from+n; i++ {
		if row := b.row(i); in.counts(row) {
			s.rows = append(s.rows, row)
		}
	}
	k := len(s.rows)
	if k == 0 {
		return aggstate.Rows{}, nil
	}
	for i, f := range in.args {
		emitRows(&in.vecs[i], f, s.rows, &b.w.texts)
		if err := in.cols[i].Load(&in.vecs[i], k); err != nil {
			return aggstate.Rows{}, err
		}
	}
	x := aggstate.Rows{Slots: s.slots[:k], Words: in.cols[0].Words[:k*in.cols[0].Wide]}
	if in.state.All {
		x.Columns, x.Places = in.cols, in.places[:k]
	}
	return x, nil
}
