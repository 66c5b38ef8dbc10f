package agg

import (
	"slices"

	"github.com/siltstone-db/siltstone/engine/aggstate"
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/types"
)

// arguments is what a Group knows of the columns that its states read.
type arguments struct {
	strings map[int]*hashtable.Interner // of the arguments, by ordinal in Config.In
	store   *aggstate.Store

	columns   []argument
	columnOf  map[int]int // index in columns by ordinal
	payload   int         // words of the arguments in a partitioned row
	flagWords int         // words of skip bits in a partitioned row
	inputFlag []bool      // inputs that can skip rows of a partitioned row
	plainSums bool        // at most two states, sums of small integers
	inOrder   bool        // lists refer to rows in order of arrival: no partitions
	stores    bool        // states keep values outside of the account's tables
}

// argument is a column that inputs read.
type argument struct {
	ordinal int
	words   bool // its values are needed, not only its NULLs
	refs    bool // only the smallest or the largest string is wanted
}

// openArguments lists the columns that inputs read, and where they stand in a partitioned row.
func (g *Group) openArguments() error {
	g.columns, g.columnOf, g.payload, g.inOrder, g.stores = nil, map[int]int{}, 0, g.lean, false
	g.inputFlag = make([]bool, len(g.prog.inputs))
	for i := range g.prog.inputs {
		in := &g.prog.inputs[i]
		g.inputFlag[i] = !in.counts()
		for _, c := range in.cols {
			at, ok := g.columnOf[c]
			if !ok {
				at = len(g.columns)
				g.columnOf[c] = at
				g.columns = append(g.columns, argument{ordinal: c})
			}
			if in.words && !g.columns[at].words {
				g.columns[at].words = true
				if err := g.addStrings(c); err != nil {
					return err
				}
				g.payload += hashtable.Wide(g.cfg.In[c])
			}
		}
	}
	for i := range g.columns {
		g.columns[i].refs = g.onlyExtremes(g.columns[i].ordinal)
	}
	g.plainSums = len(g.prog.states) <= 2 && len(g.prog.sets) == 0
	for i := range g.prog.states {
		k := g.prog.states[i].Kind
		g.plainSums = g.plainSums && k.Adds
		g.inOrder = g.inOrder || k.Arrival
		g.stores = g.stores || k.Stores
	}
	if g.cfg.Weight != nil {
		g.payload++
	}
	g.flagWords = (len(g.prog.inputs) + 63) >> 6
	return nil
}

// addStrings gives a string argument its interner. Arguments are numbered by their bytes, so that values come out as
// they went in.
func (g *Group) addStrings(ordinal int) (err error) {
	if g.cfg.In[ordinal].Physical() == types.PhysBytes && g.strings[ordinal] == nil {
		g.strings[ordinal], err = hashtable.NewInterner(g.acc, nil, g.internBits())
	}
	return err
}

// onlyExtremes tells whether min and max of strings are all that reads an argument: then its strings stay where they are.
func (g *Group) onlyExtremes(ordinal int) bool {
	if g.cfg.In[ordinal].Physical() != types.PhysBytes {
		return false
	}
	for i := range g.prog.states {
		s := &g.prog.states[i]
		if slices.Contains(g.prog.inputs[s.in].cols, ordinal) && !s.References {
			return false
		}
	}
	return true
}
