package stmt

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// ownCounters are those of sequences that a transaction has made or started anew: nobody else knows them, and they come
// with the record of its commit. Workers of a statement may ask at the same time.
type ownCounters struct {
	mu     sync.Mutex
	states map[uint32]counter.State
}

// moves returns the states of those that the transaction's catalog has.
func (o *ownCounters) moves(cat *catalog.Snapshot) (list []counter.Move) {
	if len(o.states) == 0 {
		return nil
	}
	for x := range cat.Objects(catalog.KindSequence) {
		if n := x.(*catalog.Sequence).Counter; n != 0 {
			if at, ok := o.states[n]; ok {
				list = append(list, counter.Move{Counter: n, State: at})
			}
		}
	}
	slices.SortFunc(list, func(a, b counter.Move) int { return cmp.Compare(a.Counter, b.Counter) })
	return list
}

// RuleOf says how a sequence counts.
func RuleOf(s *catalog.Sequence) *counter.Rule {
	return &counter.Rule{Name: s.Name, Counter: s.Counter, From: s.From, Increment: s.Increment, Least: s.Least, Most: s.Most, Cycle: s.Cycle}
}

// sequence finds a sequence by its OID, as the transaction has made it, or else as it is now, since sequences are not
// part of what a transaction sees. own tells that nobody else has its counter.
func (t *Tx) sequence(oid uint32) (s *catalog.Sequence, own bool, err error) {
	t.counters.mu.Lock() // the picture may be taken now, by one of several
	cat, base := t.Catalog(), t.base.Catalog()
	t.counters.mu.Unlock()
	there, _ := cat.ByOID(oid).(*catalog.Sequence)
	before, _ := base.ByOID(oid).(*catalog.Sequence)
	switch {
	case there == before:
		if now, _ := t.db.Catalog().ByOID(oid).(*catalog.Sequence); now != nil {
			return now, false, nil
		}
	case there != nil:
		return there, before == nil || before.Counter != there.Counter, nil
	}
	if o := cat.ByOID(oid); o != nil && there == nil {
		return nil, false, errs.New(errs.WrongObjectType, "%q is not a sequence", o.Common().Name)
	}
	if there != nil {
		return nil, false, errs.New(errs.UndefinedTable, "relation %q does not exist", there.Name)
	}
	return nil, false, errs.New(errs.UndefinedTable, "could not open relation with OID %d", oid)
}

// Sequence returns the sequence that has an OID, as the transaction has to take it.
func (t *Tx) Sequence(oid uint32) (*catalog.Sequence, error) {
	s, _, err := t.sequence(oid)
	return s, err
}

// NextNumbers gives out up to n numbers of a sequence, one at least.
func (t *Tx) NextNumbers(ctx context.Context, oid uint32, n int64) (counter.Run, error) {
	s, own, err := t.sequence(oid)
	if err != nil {
		return counter.Run{}, err
	}
	r := RuleOf(s)
	if !own {
		return t.db.NextNumbers(ctx, r, n)
	}
	o := &t.counters
	o.mu.Lock()
	defer o.mu.Unlock()
	run, at, err := r.Step(o.atLocked(r), n)
	if err != nil {
		return run, err
	}
	o.putLocked(r, at)
	return run, nil
}

// SetNumber says where a sequence goes on.
func (t *Tx) SetNumber(ctx context.Context, oid uint32, at counter.State) error {
	s, own, err := t.sequence(oid)
	if err != nil {
		return err
	}
	if at.Last < s.Least || at.Last > s.Most {
		return errs.New(errs.NumericValueOutOfRange, "setval: value %d is out of bounds for sequence %q (%d..%d)", at.Last, s.Name, s.Least, s.Most)
	}
	if !own {
		return t.db.SetNumber(ctx, RuleOf(s), at)
	}
	t.counters.mu.Lock()
	defer t.counters.mu.Unlock()
	t.counters.putLocked(RuleOf(s), at)
	return nil
}

// Number returns how far a sequence has come.
func (t *Tx) Number(ctx context.Context, oid uint32) (counter.State, error) {
	s, own, err := t.sequence(oid)
	if err != nil {
		return counter.State{}, err
	}
	if !own {
		return t.db.Number(ctx, RuleOf(s))
	}
	t.counters.mu.Lock()
	defer t.counters.mu.Unlock()
	return t.counters.atLocked(RuleOf(s)), nil
}

func (o *ownCounters) atLocked(r *counter.Rule) counter.State {
	if at, ok := o.states[r.Counter]; ok {
		return at
	}
	return r.Begin()
}

func (o *ownCounters) putLocked(r *counter.Rule, at counter.State) {
	if o.states == nil {
		o.states = map[uint32]counter.State{}
	}
	o.states[r.Counter] = at
}
