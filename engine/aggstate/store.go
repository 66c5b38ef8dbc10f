package aggstate

import (
	"sync"

	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// Store has the values that do not fit the words of states: decimals of any length, by number from 1, and the nodes of
// lists. All workers of a query share one. Such aggregates are rare; each addition of decimals takes the lock.
type Store struct {
	mu struct {
		sync.Mutex
		decimals []decimal.Decimal
		dropped  []uint64 // numbers of decimals that nobody needs any more
		charged  int64    // what the account holds for all of it
	}
	nodes nodes
}

// Prepare makes room in the nodes for the columns of a state.
func (st *Store) Prepare(s *State) {
	if !s.All {
		return
	}
	wide := 2
	for i := range s.Args {
		wide += hashtable.Wide(s.Args[i].Type)
	}
	st.nodes.mu.Lock()
	defer st.nodes.mu.Unlock()
	st.nodes.mu.wide = max(st.nodes.mu.wide, wide)
}

// decimalBytes is about what a decimal takes with its digits.
const decimalBytes = 96

// Charge makes the account hold what the store has grown to. Workers call it before each batch, so that the store is at
// most one batch ahead of its account.
func (st *Store) Charge(acc *mem.Account) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	n := int64(cap(st.mu.decimals))*decimalBytes + 8*int64(cap(st.mu.dropped)) + st.nodes.bytes()
	if err := acc.Reserve(n - st.mu.charged); err != nil {
		return err
	}
	st.mu.charged = n
	return nil
}

// Release gives back what the account holds. Nil may be released.
func (st *Store) Release(acc *mem.Account) {
	if st == nil {
		return
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	acc.Free(st.mu.charged)
	st.mu.charged = 0
}

// decimal returns the decimal of a number, 0 for the number 0.
func (st *Store) decimal(w uint64) decimal.Decimal {
	if w == 0 {
		return decimal.FromInt64(0)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.mu.decimals[w-1]
}

// plus adds x to the decimal whose number is in w, making one first if need be.
func (st *Store) plus(w *uint64, x decimal.Decimal) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if n := len(st.mu.dropped); *w == 0 && n > 0 {
		*w, st.mu.dropped = st.mu.dropped[n-1], st.mu.dropped[:n-1]
		st.mu.decimals[*w-1] = decimal.FromInt64(0)
	} else if *w == 0 {
		st.mu.decimals = append(st.mu.decimals, decimal.FromInt64(0))
		*w = uint64(len(st.mu.decimals))
	}
	p := &st.mu.decimals[*w-1]
	sum, err := p.Add(x)
	if err == nil {
		*p = sum
	}
	return err
}

// Drop gives up states of decimals, whose owner makes them zeros then: their places are taken by others.
func (st *Store) Drop(words []uint64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, w := range words {
		if w != 0 {
			st.mu.dropped = append(st.mu.dropped, w)
		}
	}
}

// Reset gives up all states, whose owners make them zeros. The memory stays.
func (st *Store) Reset() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.mu.decimals, st.mu.dropped = st.mu.decimals[:0], st.mu.dropped[:0]
	st.nodes.reset()
}

// link appends a whole list to the one whose first and last node are in r.
func (st *Store) link(r []uint64, first, last uint64) {
	st.nodes.mu.Lock()
	defer st.nodes.mu.Unlock()
	st.nodes.linkLocked(r, first, last)
}
