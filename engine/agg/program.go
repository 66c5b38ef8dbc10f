package agg

import (
	"slices"

	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// program is a compiled Config: which states the calls need, and what these read. Behind the key a group's row has the
// words of all states and a skip word per input, in the order in which they were found to be needed.
//
// How many rows went into a state is not counted: it is the group's row count (word 0 of a row) less the rows that the
// state's input skipped because of a NULL or a FILTER, which are counted in the input's skip word. Rows without NULLs
// cost nothing that way.
type program struct {
	calls  []call
	states []state
	inputs []input
	sets   []set
	words  int // of all states and skip words
}

// state is one state of every group.
type state struct {
	aggstate.State
	at int // first word, counted from the end of the key
	in int // input
}

// input is what states read: columns of the rows that a filter lets through and whose first column is not NULL.
type input struct {
	cols   []int // ordinals in Config.In: the argument, then what a list needs besides
	filter int   // ordinal or -1
	skip   int   // word that counts skipped rows, counted from the end of the key
	nulls  bool  // NULLs of the first column go in too
	words  bool  // the values are needed, not only whether they are NULL
	all    bool  // those of all columns, row by row
}

// counts tells whether an input takes all rows, and has no state to give them to.
func (in *input) counts() bool { return len(in.cols) == 0 && in.filter < 0 }

// call is a Call with its state.
type call struct {
	aggstate.Call
	in    int // input, -1 for count(*) without a filter
	state int // -1: none
	set   int // distinct set that feeds the state, -1: none
}

// set is one count(distinct x), or several aggregates over the same distinct values.
type set struct {
	column, filter int
	states         []int
	inputs         []int // inputs of these states: rows of the group are not theirs
}

// compile decides which states are needed; calls with the same argument share them.
func compile(c *Config) (*program, error) {
	p := &program{}
	for i := range c.Calls {
		if err := p.addCall(c, &c.Calls[i]); err != nil {
			return nil, err
		}
	}
	for i := range p.calls { // the states lie still now
		if x := &p.calls[i]; x.state >= 0 {
			x.State = &p.states[x.state].State
		}
	}
	return p, nil
}

func (p *program) addCall(c *Config, k *Call) error {
	x := call{Call: aggstate.Call{Fn: k.Fn, Result: k.result(c.In), Unique: k.Distinct}, in: -1, state: -1, set: -1}
	k = ordered(k)
	for _, o := range k.OrderBy {
		x.OrderBy = append(x.OrderBy, aggstate.Order{Desc: o.Desc, NullsFirst: o.NullsFirst})
	}
	if len(k.Args) > 0 {
		x.Arg = c.In[k.Args[0]]
	}
	if k.Filter >= 0 && c.In[k.Filter].Kind != types.Bool {
		return errs.Internal("a filter of type %s", c.In[k.Filter])
	}
	a, kind, err := aggstate.Resolve(k.Fn, x.Arg, k.Distinct)
	if err != nil {
		return err
	}
	x.Aggregate = a
	if c.Weight != nil && !aggstate.Weighs(k.Fn, x.Arg, k.Distinct) {
		return errs.Internal("%s(%s) of rows with weights", k.Fn.Name, x.Arg)
	}
	switch {
	case k.Distinct && !a.Plain && (kind == nil || !kind.All):
		p.addSet(c, k, &x, kind)
	case len(k.Args) > 0 || k.Filter >= 0:
		if x.in = p.addInput(k, a, kind); kind == nil {
			break
		}
		in := &p.inputs[x.in]
		if len(in.cols) > aggstate.ArgsMax {
			return errs.New(errs.ProgramLimitExceeded, "%s has more than %d arguments and sort keys", k.Fn.Name, aggstate.ArgsMax)
		}
		x.state = p.addState(c, state{State: aggstate.State{Kind: kind, Least: a.Least}, in: x.in}, in.cols)
	}
	p.calls = append(p.calls, x)
	return nil
}

// ordered returns a call; one of a list with DISTINCT with its arguments behind the keys of ORDER BY, so that equal values
// stand together.
func ordered(k *Call) *Call {
	if !k.Distinct || k.Fn.Kind != fn.StringAgg && k.Fn.Kind != fn.ArrayAgg {
		return k
	}
	c := *k
	c.OrderBy = slices.Clone(k.OrderBy)
	for _, a := range k.Args {
		if !slices.ContainsFunc(c.OrderBy, func(o Order) bool { return o.Column == a }) {
			c.OrderBy = append(c.OrderBy, Order{Column: a})
		}
	}
	return &c
}

func (p *program) addInput(k *Call, a *aggstate.Aggregate, kind *aggstate.Kind) int {
	in := input{cols: k.Args, filter: k.Filter, nulls: a.Nulls, words: kind != nil}
	if kind != nil && kind.All {
		in.all = true
		in.cols = slices.Clone(k.Args)
		for _, o := range k.OrderBy {
			in.cols = append(in.cols, o.Column)
		}
	} else if len(in.cols) > 1 {
		in.cols = in.cols[:1]
	}
	for i := range p.inputs {
		o := &p.inputs[i]
		if o.filter == in.filter && o.nulls == in.nulls && o.all == in.all && slices.Equal(o.cols, in.cols) && !p.ofSet(i) {
			o.words = o.words || in.words
			return i
		}
	}
	in.skip = p.words
	p.words++
	p.inputs = append(p.inputs, in)
	return len(p.inputs) - 1
}

// ofSet tells whether an input belongs to a distinct set.
func (p *program) ofSet(i int) bool {
	for _, s := range p.sets {
		if slices.Contains(s.inputs, i) {
			return true
		}
	}
	return false
}

// addState adds a state over columns, unless there is the same one.
func (p *program) addState(c *Config, s state, cols []int) int {
	for i := range p.states {
		if o := &p.states[i]; o.Kind == s.Kind && o.in == s.in && o.Least == s.Least {
			return i
		}
	}
	for _, col := range cols {
		s.Args = append(s.Args, aggstate.Arg{Type: c.In[col]})
	}
	s.at = p.words
	p.words += s.Words
	p.states = append(p.states, s)
	return len(p.states) - 1
}

// addSet makes a call read the distinct values of its argument.
func (p *program) addSet(c *Config, k *Call, x *call, kind *aggstate.Kind) {
	cols := k.Args[:1]
	at := slices.IndexFunc(p.sets, func(s set) bool { return s.column == cols[0] && s.filter == k.Filter })
	if at < 0 {
		at = len(p.sets)
		p.sets = append(p.sets, set{column: cols[0], filter: k.Filter, inputs: []int{len(p.inputs)}})
		p.inputs = append(p.inputs, input{filter: -1, skip: p.words})
		p.words++
		// One more state counts the values: that is the number of rows of every other state of the set.
		p.sets[at].states = []int{p.addState(c, state{State: aggstate.State{Kind: aggstate.Count}, in: p.sets[at].inputs[0]}, cols)}
	}
	s := &p.sets[at]
	x.set, x.in = at, s.inputs[0]
	if kind == nil {
		return
	}
	x.state = p.addState(c, state{State: aggstate.State{Kind: kind}, in: x.in}, cols)
	if !slices.Contains(s.states, x.state) {
		s.states = append(s.states, x.state)
	}
}

// bind gives the states what they refer to: the store, and the strings of their arguments.
func (p *program) bind(store *aggstate.Store, strings map[int]*hashtable.Interner) {
	for i := range p.states {
		s := &p.states[i]
		s.Store = store
		for x, c := range p.inputs[s.in].cols {
			s.Args[x].Strings = strings[c]
		}
		store.Prepare(&s.State)
	}
}

// merge adds the states of another group with the same key to dst. Both slices begin at the first word after the key.
func (p *program) merge(dst, src []uint64) error {
	for i := range p.inputs {
		dst[p.inputs[i].skip] += src[p.inputs[i].skip]
	}
	for i := range p.states {
		s := &p.states[i]
		if err := s.Merge(&s.State, dst[s.at:s.at+s.Words], src[s.at:s.at+s.Words]); err != nil {
			return err
		}
	}
	return nil
}

// update adds rows to the state of their groups, as often as they count.
func (s *state) update(m aggstate.Memory, r aggstate.Rows) error {
	if r.Weights != nil {
		return s.Weighted(&s.State, m, r)
	}
	return s.Update(&s.State, m, r)
}
