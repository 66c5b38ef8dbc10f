package agg

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// A state is what an aggregate knows of the rows of one group: some 64-bit words in the group's row, without pointers.
// All words are zero in a fresh group, and zero is neutral in every merge.
//
// How many rows went into a state is not counted: it is the group's row count (word 0 of a row) less the rows that the
// state's input skipped because of a NULL or a FILTER, which are counted in the input's skip word. Rows without NULLs
// cost nothing that way.
type stateKind uint8

const (
	stateNone       stateKind = iota // count: row count less skipped
	stateCount                       // 1 word: number of distinct values
	stateSum64                       // 1: int64 sum of int2 or int4
	stateSum128                      // 2: 128-bit sum of int64
	stateSum192                      // 3: 192-bit sum of 128-bit numbers
	stateSumFloat                    // 1: float64
	stateSumDecimal                  // 1: number of a types.Decimal in the group's side table
	stateSumSpan                     // 3: months, days, microseconds of interval sums
	stateMax64                       // 1: largest of order-preserving unsigned words; minima hold complements
	stateMax128                      // 2: the same over 128 bits: low, high
	stateMaxBytes                    // 1: reference to the smallest or largest string
	stateMaxSpan                     // 3: seen, smallest or largest interval as itself
	stateFirst                       // 3: seen, value
	stateSquares                     // 5: 128-bit sum, 192-bit sum of squares of integers
	stateMoments                     // 3: count, sum, sum of squared differences of floats (Youngs and Cramer 1971)
	stateDecimals                    // 2: numbers of two types.Decimals: sum, sum of squares
	stateList                        // 2: first and last node of a list of values
)

var stateWords = [...]int{
	stateNone: 0, stateCount: 1, stateSum64: 1, stateSum128: 2, stateSum192: 3, stateSumFloat: 1, stateSumDecimal: 1,
	stateSumSpan: 3, stateMax64: 1, stateMax128: 2, stateMaxBytes: 1, stateMaxSpan: 3, stateFirst: 3, stateSquares: 5,
	stateMoments: 3, stateDecimals: 2, stateList: 2,
}

// state is one state of every group.
type state struct {
	kind stateKind
	at   int // first word, counted from the end of the key
	in   int // input
	phys types.Physical
	typ  types.Type // of the argument
	min  bool       // of the stateMax kinds: the smallest is wanted
}

// input is what states read: columns of the rows that a filter lets through and whose first column is not NULL.
type input struct {
	cols   []int // ordinals in Config.In: the argument, then what a list needs besides
	filter int   // ordinal or -1
	skip   int   // word that counts skipped rows, counted from the end of the key
	nulls  bool  // NULLs of the first column go in too (array_agg, any_value)
	words  bool  // the values are needed, not only whether they are NULL
}

// call is a Call with its state.
type call struct {
	Call
	kind   fn.AggKind
	result types.Type
	arg    types.Type
	in     int // input, -1 for count(*) without a filter
	state  int // -1: none
	set    int // distinct set that feeds the state, -1: none
}

// set is one count(distinct x), or several aggregates over the same distinct values.
type set struct {
	column, filter int
	states         []int
	inputs         []int // inputs of these states: rows of the group are not theirs
}

// program is a compiled Config.
type program struct {
	calls  []call
	states []state
	inputs []input
	sets   []set
	words  int // of all states and skip words
}

// compile decides which states are needed; calls with the same argument share them.
func compile(c *Config) (*program, error) {
	p := &program{}
	for i := range c.Calls {
		if err := p.addCall(c, c.Calls[i]); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *program) addCall(c *Config, k Call) error {
	x := call{Call: k, kind: k.Fn.Kind, result: k.result(c.In), in: -1, state: -1, set: -1}
	if len(k.Args) > 0 {
		x.arg = c.In[k.Args[0]]
	}
	if k.Filter >= 0 && c.In[k.Filter].Kind != types.Bool {
		return errs.Internal("a filter of type %s", c.In[k.Filter])
	}
	kind, err := stateOf(&x)
	if err != nil {
		return err
	}
	if k.Distinct && distinctMatters(x.kind) {
		p.addSet(c, &x, kind)
	} else if len(k.Args) > 0 || k.Filter >= 0 {
		x.in = p.addInput(c, &x, kind != stateNone)
		if kind != stateNone {
			x.state = p.addState(state{kind: kind, in: x.in, phys: x.arg.Physical(), typ: x.arg, min: x.kind == fn.Min || x.kind == fn.BoolAnd})
		}
	}
	p.calls = append(p.calls, x)
	return nil
}

func distinctMatters(k fn.AggKind) bool {
	switch k {
	case fn.Min, fn.Max, fn.BoolAnd, fn.BoolOr, fn.AnyValue, fn.CountStar:
		return false
	}
	return true
}

func (p *program) addInput(c *Config, x *call, words bool) int {
	in := input{cols: x.Args, filter: x.Filter, words: words}
	switch x.kind {
	case fn.ArrayAgg, fn.AnyValue:
		in.nulls = x.kind == fn.ArrayAgg
	}
	if x.kind == fn.StringAgg || x.kind == fn.ArrayAgg {
		in.cols = append([]int(nil), x.Args...)
		for _, o := range x.OrderBy {
			in.cols = append(in.cols, o.Column)
		}
	} else if len(in.cols) > 1 {
		in.cols = in.cols[:1]
	}
	for i := range p.inputs {
		o := &p.inputs[i]
		if o.filter == in.filter && o.nulls == in.nulls && len(o.cols) == len(in.cols) && equalInts(o.cols, in.cols) && !p.ofSet(i) {
			o.words = o.words || words
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
		for _, j := range s.inputs {
			if i == j {
				return true
			}
		}
	}
	return false
}

func equalInts(a, b []int) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (p *program) addState(s state) int {
	for i, o := range p.states {
		if o.kind == s.kind && o.in == s.in && o.min == s.min && s.kind != stateList {
			return i
		}
	}
	s.at = p.words
	p.words += stateWords[s.kind]
	p.states = append(p.states, s)
	return len(p.states) - 1
}

// addSet makes a call read the distinct values of its argument.
func (p *program) addSet(c *Config, x *call, kind stateKind) {
	at := -1
	for i := range p.sets {
		if s := &p.sets[i]; s.column == x.Args[0] && s.filter == x.Filter {
			at = i
		}
	}
	if at < 0 {
		at = len(p.sets)
		p.sets = append(p.sets, set{column: x.Args[0], filter: x.Filter})
		// One more state counts the values: that is the number of rows of every other state of the set.
		p.sets[at].inputs = []int{p.addSetInput(x)}
		p.sets[at].states = []int{p.addState(state{kind: stateCount, in: p.sets[at].inputs[0]})}
	}
	s := &p.sets[at]
	x.set, x.in = at, s.inputs[0]
	if kind == stateNone {
		x.state = s.states[0]
		return
	}
	x.state = p.addState(state{kind: kind, in: x.in, phys: x.arg.Physical(), typ: x.arg})
	for _, o := range s.states {
		if o == x.state {
			return
		}
	}
	s.states = append(s.states, x.state)
}

func (p *program) addSetInput(x *call) int {
	p.inputs = append(p.inputs, input{filter: -1, skip: p.words})
	p.words++
	return len(p.inputs) - 1
}

// stateOf chooses the state of a call.
func stateOf(x *call) (stateKind, error) {
	phys := x.arg.Physical()
	switch x.kind {
	case fn.CountStar, fn.Count:
		return stateNone, nil
	case fn.Sum, fn.Avg:
		return sumState(x, phys)
	case fn.Min, fn.Max, fn.BoolAnd, fn.BoolOr:
		return extremeState(x, phys)
	case fn.AnyValue:
		return stateFirst, nil
	case fn.StringAgg, fn.ArrayAgg:
		if x.Distinct {
			return 0, errs.Unsupported("%s with DISTINCT", x.Fn.Name)
		}
		return stateList, nil
	case fn.StddevSamp, fn.StddevPop, fn.VarSamp, fn.VarPop:
		switch phys {
		case types.PhysFloat32, types.PhysFloat64:
			return stateMoments, nil
		case types.PhysInt16, types.PhysInt32, types.PhysInt64:
			return stateSquares, nil
		case types.PhysInt128, types.PhysBytes:
			return stateDecimals, nil
		}
	}
	return 0, errs.Unsupported("aggregate %s(%s)", x.Fn.Name, x.arg)
}

func sumState(x *call, phys types.Physical) (stateKind, error) {
	switch phys {
	case types.PhysInt16, types.PhysInt32:
		return stateSum64, nil
	case types.PhysInt64:
		return stateSum128, nil
	case types.PhysInt128:
		return stateSum192, nil
	case types.PhysFloat32, types.PhysFloat64:
		return stateSumFloat, nil
	case types.PhysInterval:
		return stateSumSpan, nil
	case types.PhysBytes:
		if x.arg.Kind == types.Numeric {
			return stateSumDecimal, nil
		}
	}
	return 0, errs.Unsupported("aggregate %s(%s)", x.Fn.Name, x.arg)
}

func extremeState(x *call, phys types.Physical) (stateKind, error) {
	switch phys {
	case types.PhysBool, types.PhysInt16, types.PhysInt32, types.PhysInt64, types.PhysFloat32, types.PhysFloat64:
		return stateMax64, nil
	case types.PhysInt128, types.PhysUUID:
		return stateMax128, nil
	case types.PhysBytes:
		return stateMaxBytes, nil
	case types.PhysInterval:
		return stateMaxSpan, nil
	}
	return 0, errs.Unsupported("aggregate %s(%s)", x.Fn.Name, x.arg)
}
