package agg

import (
	"sync"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/types"
)

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

// decimals are the values of the states that count in numeric of any length, by number from 1. Such aggregates are
// rare; each addition takes the lock.
type decimals struct {
	mu struct {
		sync.Mutex
		values []types.Decimal
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
func (d *decimals) atLocked(w *uint64) *types.Decimal {
	if *w == 0 {
		d.mu.values = append(d.mu.values, types.DecimalFromInt64(0))
		*w = uint64(len(d.mu.values))
	}
	return &d.mu.values[*w-1]
}

// get returns a state's decimal.
func (d *decimals) get(w uint64) types.Decimal {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w == 0 {
		return types.DecimalFromInt64(0)
	}
	return d.mu.values[w-1]
}

// add adds x to a sum, and its square to the sum of squares.
func (d *decimals) add(kind stateKind, r []uint64, x types.Decimal) error {
	if err := d.plus(&r[0], x); err != nil || kind != stateDecimals {
		return err
	}
	sq, err := x.Mul(x)
	if err != nil {
		return err
	}
	return d.plus(&r[1], sq)
}

func (d *decimals) plus(w *uint64, x types.Decimal) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.atLocked(w)
	sum, err := p.Add(x)
	if err == nil {
		*p = sum
	}
	return err
}

// lists are the values of string_agg and array_agg, in order of arrival: nodes of next, NULL bits, then wide words for
// each column. Node numbers count from 1. Nodes stay where they are: chunks have listChunk of them, and only the first
// one starts small.
type lists struct {
	mu struct {
		sync.Mutex
		chunks [][]uint64
		wide   int // words of a node: those of the widest list
	}
}

// listChunk is the number of nodes of a chunk: some 256 KiB.
const (
	listChunkLog = 13
	listChunk    = 1 << listChunkLog
)

func (l *lists) bytes() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.mu.chunks)
	if n == 0 {
		return 0
	}
	return 8 * int64(cap(l.mu.chunks[0])+(n-1)*listChunk*l.mu.wide)
}

// append adds a node to the list whose first and last node are in r.
func (l *lists) append(r []uint64, nulls uint64, words []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.appendLocked(r, nulls, words)
}

func (l *lists) appendLocked(r []uint64, nulls uint64, words []uint64) {
	last := len(l.mu.chunks) - 1
	if last < 0 || len(l.mu.chunks[last]) == listChunk*l.mu.wide {
		var chunk []uint64
		if last >= 0 {
			chunk = make([]uint64, 0, listChunk*l.mu.wide)
		}
		l.mu.chunks = append(l.mu.chunks, chunk)
		last++
	}
	c := append(l.mu.chunks[last], 0, nulls)
	c = append(c, words...)
	for i := len(words) + 2; i < l.mu.wide; i++ {
		c = append(c, 0)
	}
	l.mu.chunks[last] = c
	node := uint64(last*listChunk + len(c)/l.mu.wide)
	l.linkLocked(r, node, node)
}

// link appends a whole list to another.
func (l *lists) link(r []uint64, first, last uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.linkLocked(r, first, last)
}

func (l *lists) linkLocked(r []uint64, first, last uint64) {
	if first == 0 {
		return
	}
	if r[0] == 0 {
		r[0] = first
	} else {
		l.node(r[1])[0] = first
	}
	r[1] = last
}

// node returns a node, with its link; called with the lock, or when no more nodes are added.
func (l *lists) node(n uint64) []uint64 {
	at := (n - 1) & (listChunk - 1) * uint64(l.mu.wide)
	return l.mu.chunks[(n-1)>>listChunkLog][at:][:l.mu.wide]
}

// len returns the number of nodes of a list; called when no more are added.
func (l *lists) len(first uint64) (n int) {
	for ; first != 0; first = l.node(first)[0] {
		n++
	}
	return n
}

func intervalRange() error { return errs.New(errs.DatetimeFieldOverflow, "interval out of range") }

func floatRange() error { return errs.New(errs.NumericValueOutOfRange, "value out of range: overflow") }
