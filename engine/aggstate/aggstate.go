package aggstate

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// Memory is where the states of many groups lie: rows of Width words, in which the state begins at word At.
type Memory struct {
	Words     []uint64
	Width, At int
}

// Rows is what a state takes of a batch: the rows whose argument counts. All slices are as long as Slots, Words as many
// times longer as a value has words.
type Rows struct {
	Slots   []uint32 // the row in Memory of each
	Words   []uint64 // the argument
	Weights []int64  // how often each counts; nil: once
	// Columns and Places are set for kinds that need all arguments: the columns of the batch, and where in them each
	// row stands.
	Columns []*hashtable.Column
	Places  []uint16
}

// Kind is one way to keep a state: how many words, and what they mean. Its functions are called per vector or per group,
// never per row; s describes the state, and is the same for all groups.
type Kind struct {
	Number uint64 // in the binary form, for good
	Words  int

	// Update adds rows, each of which counts once.
	Update func(s *State, m Memory, r Rows) error
	// Weighted adds rows that count r.Weights times; nil: the state depends on each row by itself, as lists and sums of
	// floats do, whose rounding is that of every addition. Weights are positive.
	Weighted func(s *State, m Memory, r Rows) error
	// Retract takes rows away that were added, so that the state is what it would be without them; nil: what a row has
	// hidden is not known any more.
	Retract func(s *State, m Memory, r Rows) error
	// Fold adds values to one state without going through memory for each, or returns false and has changed nothing;
	// nil: Update does it.
	Fold func(s *State, r, words []uint64) bool
	// Merge adds the state o to r. Both stay valid.
	Merge func(s *State, r, o []uint64) error
	// Append appends the binary form of a state, and Read reads it into zeros; nil: its words, 8 bytes each.
	Append func(s *State, dst []byte, r []uint64) []byte
	Read   func(s *State, x *Reader, r []uint64)
	// Rank returns a 128-bit number that orders states as their values; nil: only finished values have an order.
	Rank func(s *State, r []uint64) (hi, lo uint64)

	// Adds says that Update adds the argument's word to the state's word, and nothing else.
	Adds bool
	// Stores says that the state keeps values in a Store.
	Stores bool
	// Rounds says that the last digits of the value depend on the order of additions.
	Rounds bool
	// Arrival says that the order in which rows come matters.
	Arrival bool
	// All says that Rows must have Columns and Places.
	All bool
	// References says that words of strings may be references (hashtable.Interner.Referred) in place of numbers.
	References bool

	// What sums have besides: the sum as a decimal, and the values of sum and avg, nil for those of the decimal.
	total func(s *State, r []uint64) decimal.Decimal
	sum   func(s *State, r []uint64, out *Output) error
	avg   func(s *State, r []uint64, rows uint64, out *Output) error
}

// kinds are all kinds by number.
var kinds = map[uint64]*Kind{}

// newKind makes a kind known by its number.
func newKind(k Kind) *Kind {
	if kinds[k.Number] != nil {
		panic(errs.Internal("two kinds of states have the number %d", k.Number))
	}
	kinds[k.Number] = &k
	return &k
}

// Arg is a column that a state reads.
type Arg struct {
	Type    types.Type
	Strings *hashtable.Interner // of types whose words are numbers of strings
}

// State is one state of every group.
type State struct {
	*Kind
	Args []Arg // the first one is the argument
	// Least says that the smallest value is wanted, of kinds that keep the largest.
	Least bool
	Store *Store // of kinds that keep values outside of their words
}

// Type returns the type of the argument.
func (s *State) Type() types.Type { return s.Args[0].Type }

func (s *State) phys() types.Physical { return s.Args[0].Type.Physical() }

// Append appends the binary form of a state of some group.
func (s *State) Append(dst []byte, r []uint64) []byte {
	if s.Kind.Append != nil {
		return s.Kind.Append(s, dst, r)
	}
	for _, w := range r {
		dst = appendWord(dst, w)
	}
	return dst
}

// Read reads the binary form of a state into zeros.
func (s *State) Read(x *Reader, r []uint64) {
	if s.Kind.Read != nil {
		s.Kind.Read(s, x, r)
		return
	}
	for i := range r {
		r[i] = x.Word()
	}
}

// Aggregate is what the aggregates of one fn.AggKind have in common, whatever their argument's type.
type Aggregate struct {
	// Kind chooses the state for an argument's type, nil when there is none for it. A nil function says that the
	// number of rows is all there is to know.
	Kind func(t types.Type) *Kind
	// Finish writes the value of a group with at least one row. r is its state.
	Finish func(c *Call, r []uint64, rows uint64, out *Output) error
	// Plain says that DISTINCT changes nothing.
	Plain bool
	// Least is that of the state.
	Least bool
	// Nulls says that rows whose argument is NULL count.
	Nulls bool
	// Ranked says that values are ordered as the ranks of their states.
	Ranked bool
}

var aggregates = map[fn.AggKind]*Aggregate{}

// register makes an aggregate known; each file does so for its own.
func register(k fn.AggKind, a Aggregate) { aggregates[k] = &a }

// Call is one aggregate over one state.
type Call struct {
	*Aggregate
	Fn      *fn.Aggregate
	Arg     types.Type // of the first argument; zero without one
	Result  types.Type
	OrderBy []Order // of lists: that of their last columns
	// Unique says of a list that of equal values one counts; OrderBy is then over all its arguments.
	Unique bool
	State  *State // nil: the number of rows is the value
}

// Order is one sort key of a list.
type Order struct{ Desc, NullsFirst bool }

// Resolve returns what there is to know of an aggregate, and the kind of its state, nil for none. 0A000 when it does not
// take the type.
func Resolve(f *fn.Aggregate, arg types.Type, distinct bool) (*Aggregate, *Kind, error) {
	a := aggregates[f.Kind]
	if a == nil {
		return nil, nil, errs.Unsupported("aggregate %s(%s)", f.Name, arg)
	}
	if a.Kind == nil {
		return a, nil, nil
	}
	k := a.Kind(arg)
	switch {
	case k == nil:
		return nil, nil, errs.Unsupported("aggregate %s(%s)", f.Name, arg)
	case k.All && k != list && distinct:
		return nil, nil, errs.Unsupported("%s with DISTINCT", f.Name)
	}
	return a, k, nil
}

// Weighs tells whether an aggregate can take rows that count several times.
func Weighs(f *fn.Aggregate, arg types.Type, distinct bool) bool {
	a, k, err := Resolve(f, arg, distinct)
	if err != nil || k == nil {
		return err == nil
	}
	// Values of a set are told apart before they reach the state; lists tell them apart by themselves.
	return k.Weighted != nil || distinct && !a.Plain && !k.All
}

// perRow makes a function over vectors of one over values: for kinds whose work is worth more than a call per row.
func perRow(add func(s *State, r, v []uint64, n int64) error) func(s *State, m Memory, r Rows) error {
	return func(s *State, m Memory, r Rows) error {
		wide, n := hashtable.Wide(s.Type()), int64(1)
		for i, g := range r.Slots {
			if r.Weights != nil {
				n = r.Weights[i]
			}
			if err := add(s, m.Words[int(g)*m.Width+m.At:][:s.Words], r.Words[i*wide:i*wide+wide], n); err != nil {
				return err
			}
		}
		return nil
	}
}

// retracting makes such a function that adds every value -1 times.
func retracting(add func(s *State, r, v []uint64, n int64) error) func(s *State, m Memory, r Rows) error {
	return perRow(func(s *State, r, v []uint64, n int64) error { return add(s, r, v, -n) })
}
