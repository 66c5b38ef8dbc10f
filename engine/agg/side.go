package agg

import (
	"github.com/siltstone-db/siltstone/engine/hashtable"
	"sync"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// side is what states refer to by number: strings, decimals, lists. Workers share it.
type side struct {
	strings  map[int]*hashtable.Interner // by ordinal in Config.In: strings of arguments
	sets     []*hashtable.Interner       // of the distinct sets; nil where values are not strings
	decimals *decimals
	lists    *lists
	mu       *sideCharge
}

// sideCharge is what the account holds for decimals and lists.
type sideCharge struct {
	sync.Mutex
	charged int64
}

// charge makes the account hold what the side tables have grown to. Workers call it before each batch, so that a table
// is at most one batch ahead of its account.
func (sd *side) charge(acc *mem.Account) error {
	sd.mu.Lock()
	defer sd.mu.Unlock()
	n := sd.decimals.bytes() + sd.lists.bytes()
	if err := acc.Reserve(n - sd.mu.charged); err != nil {
		return err
	}
	sd.mu.charged = n
	return nil
}

func (sd *side) release(acc *mem.Account) {
	if sd.mu != nil {
		acc.Free(sd.mu.charged)
		sd.mu.charged = 0
	}
}

func intervalRange() error { return errs.New(errs.DatetimeFieldOverflow, "interval out of range") }

func floatRange() error { return errs.New(errs.NumericValueOutOfRange, "value out of range: overflow") }
