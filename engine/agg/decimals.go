package agg

import (
	"sync"

	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// decimals are the values of the states that count in numeric of any length, by number from 1. Such aggregates are
// rare; each addition takes the lock.
type decimals struct {
	mu struct {
		sync.Mutex
		values []decimal.Decimal
	}
}

// decimalBytes is about what a decimal takes with its digits.
const decimalBytes = 96

func (d *decimals) bytes() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return int64(cap(d.mu.values)) * decimalBytes
}

// atLocked returns a state's decimal, making it 0 first if need be.
func (d *decimals) atLocked(w *uint64) *decimal.Decimal {
	if *w == 0 {
		d.mu.values = append(d.mu.values, decimal.FromInt64(0))
		*w = uint64(len(d.mu.values))
	}
	return &d.mu.values[*w-1]
}

// get returns a state's decimal.
func (d *decimals) get(w uint64) decimal.Decimal {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w == 0 {
		return decimal.FromInt64(0)
	}
	return d.mu.values[w-1]
}

// add adds x to a sum, and its square to the sum of squares.
func (d *decimals) add(kind stateKind, r []uint64, x decimal.Decimal) error {
	if err := d.plus(&r[0], x); err != nil || kind != stateDecimals {
		return err
	}
	sq, err := x.Mul(x)
	if err != nil {
		return err
	}
	return d.plus(&r[1], sq)
}

func (d *decimals) plus(w *uint64, x decimal.Decimal) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.atLocked(w)
	sum, err := p.Add(x)
	if err == nil {
		*p = sum
	}
	return err
}
