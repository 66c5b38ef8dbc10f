package expr

import (
	"bytes"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
	"github.com/siltstone-db/siltstone/storage/types"
)

// memoNode computes a deterministic expression over one string column. Where the column comes as dictionary codes, it
// computes each entry that occurs once for all rows and all workers of the statement: lower(url), url LIKE '%x%' or a
// regexp_replace then cost per entry. Entries are computed when a row has them, and all the others together once it is
// likely that most are needed (see sweep). String results are codes of a derived dictionary, others are gathered.
type memoNode struct {
	column int
	key    Expr // the tree, shared by the workers' evaluators
	in     types.Type
	t      types.Type
	sub    node // over a batch with the column alone

	memo    *memo // of the dictionary seen last
	memoID  uint64
	one     run
	batch   batch.Batch
	entries batch.Vector
	view    batch.Vector // of a chunk of the dictionary
	missing []uint32
	flat    batch.Vector
	hashes  []uint64
	codes   []uint32
	out     batch.Vector
}

// memo holds the results for the entries of one dictionary. Slot 0 is the result for NULL, slot i+1 that for entry i.
// Workers that miss the same entry at once both compute it and store the same; nobody waits for another's evaluation.
type memo struct {
	mu     sync.Mutex // guards growing slots and dict, and the start of the sweep
	slots  atomic.Pointer[memoSlots]
	dict   atomic.Pointer[batch.Dictionary] // string results
	recent []uint32                         // codes of dict by hash, see recentCodes; 0: none
	rows   atomic.Int64                     // rows seen so far
	shared *fn.Shared                       // pays for slots and dict
	full   atomic.Bool                      // it refused: what is missing is not kept any more
	sweep  atomic.Pointer[sweep]
}

// memoSlots are the results. They are replaced by longer ones when a live dictionary grows.
type memoSlots struct {
	// state is slotUnknown, slotNull, or slotValue for fixed-width results, slotValue + 0 or 1 for booleans, slotValue + code
	// for strings.
	state  []uint32
	values []uint64 // bits of fixed-width results
}

const (
	slotUnknown = 0
	slotNull    = 1
	slotValue   = 2
)

// Limits of a memo: 64 Mi entries take 768 MB of address space, of which only the parts that are hit become real;
// derived strings stop at 1 GiB, far from the 4 GiB that offsets hold. Before that the statement's account may refuse
// them (fn.Shared).
const (
	memoMaxEntries = 1 << 26
	memoMaxHeap    = 1 << 30
	// memoWarmup: a dictionary with that many times more entries than rows seen is not worth its slots yet.
	memoWarmup = 64
)

// memoColumn tells whether a tree is worth a memo, and over which column.
func memoColumn(e Expr) (column *Column, ok bool) {
	switch e.(type) {
	case *Column, *Const, *Param, *IsNull:
		return nil, false
	}
	switch p := e.Type().Physical(); {
	case p == types.PhysBytes, p == types.PhysBool, p.Width() > 0 && p.Width() <= 8:
	default:
		return nil, false
	}
	ok, works := true, false
	Walk(e, func(e Expr) bool {
		switch e := e.(type) {
		case *Column:
			if e.T.Physical() != types.PhysBytes || column != nil && column.Index != e.Index {
				ok = false
			}
			column = e
		case *Param:
			ok = false
		case *Call:
			works = true
			ok = ok && e.Fn.Volatility != fn.Volatile
		case *Cast:
			works = works || !fn.SameValues(e.Arg.Type(), e.T)
		case *In:
			works = true
		}
		return ok
	})
	return column, ok && works && column != nil
}

func (c *compiler) memo(e Expr, col *Column) (node, error) {
	alone := Transform(e, func(e Expr) Expr {
		if x, ok := e.(*Column); ok {
			return &Column{Index: 0, Name: x.Name, T: x.T}
		}
		return e
	})
	sub := compiler{in: []types.Type{col.T}, env: c.env, inMemo: true, kept: c.kept}
	root, err := sub.node(alone)
	if err != nil {
		return nil, err
	}
	n := &memoNode{column: col.Index, key: e, in: col.T, t: e.Type(), sub: root}
	n.batch.Cols = make([]*batch.Vector, 1)
	n.one = run{b: &n.batch, env: c.env}
	return n, nil
}

func (n *memoNode) eval(r *run, active batch.Bitmap) (*batch.Vector, error) {
	v := r.b.Cols[n.column]
	if v.Form != batch.Dict || v.Dict.Len > memoMaxEntries {
		return n.plain(v, active)
	}
	if run, ok := n.run(v); ok {
		return n.plain(run, active)
	}
	m := n.of(r.env, v.Dict)
	rows := m.rows.Add(int64(r.n))
	if rows*memoWarmup < int64(v.Dict.Len) {
		return n.plain(v, active)
	}
	s := m.reserve(v.Dict.Len, n.t)
	if s == nil {
		return n.plain(v, active)
	}
	if !n.swept(m, s, v.Dict, rows) && n.findMissing(s, v, active) {
		if m.full.Load() {
			return n.plain(v, active)
		}
		if kept, err := n.fill(m, s, v.Dict); err != nil {
			return nil, err
		} else if !kept {
			return n.plain(v, active)
		}
	}
	n.gather(m, s, v)
	return &n.out, nil
}

// run sees rows that are consecutive entries of their dictionary, as a counted scan hands them out, as flat strings: who
// reads a dictionary in its order meets no entry twice.
func (n *memoNode) run(v *batch.Vector) (*batch.Vector, bool) {
	if v.Valid != nil || v.Len == 0 || v.Codes[v.Len-1]-v.Codes[0] != uint32(v.Len-1) {
		return nil, false
	}
	first := v.Codes[0]
	for i, c := range v.Codes[:v.Len] {
		if c != first+uint32(i) {
			return nil, false
		}
	}
	n.view = batch.Vector{Type: n.in, Len: v.Len, Data: v.Dict.Heap, Offsets: v.Dict.Offsets[first : int(first)+v.Len+1]}
	return &n.view, true
}

// plain computes the rows of one vector directly.
func (n *memoNode) plain(v *batch.Vector, active batch.Bitmap) (*batch.Vector, error) {
	n.batch.Cols[0], n.batch.Len, n.one.n = v, v.Len, v.Len
	return n.sub.eval(&n.one, active)
}

type memoKey struct {
	e  Expr
	id uint64
}

// of returns the memo for a dictionary.
func (n *memoNode) of(env *fn.Context, d *batch.Dictionary) *memo {
	if n.memo == nil || n.memoID != d.ID {
		n.memo = env.Shared.Get(memoKey{n.key, d.ID}, func() any { return &memo{shared: env.Shared} }).(*memo)
		n.memoID = d.ID
	}
	return n.memo
}

// reserve returns slots for at least entries entries, nil when there is no memory for them.
func (m *memo) reserve(entries int, t types.Type) *memoSlots {
	s := m.slots.Load()
	if s != nil && len(s.state) > entries {
		return s
	}
	if m.full.Load() {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s = m.slots.Load(); s != nil && len(s.state) > entries {
		return s
	}
	size := entries + 1
	if s != nil { // a live dictionary: leave room
		size += entries / 2
	}
	fixed := t.Physical() != types.PhysBytes && t.Physical() != types.PhysBool
	width := int64(4)
	if fixed {
		width += 8
	}
	if !m.shared.Grow(width * int64(size)) {
		m.full.Store(true)
		return nil
	}
	next := &memoSlots{state: make([]uint32, size)}
	if fixed {
		next.values = make([]uint64, size)
	}
	if s != nil { // others may still store into s: what is lost is computed again
		for i := range s.state {
			st := atomic.LoadUint32(&s.state[i])
			if st != slotUnknown && next.values != nil {
				next.values[i] = atomic.LoadUint64(&s.values[i])
			}
			next.state[i] = st
		}
		m.shared.Shrink(width * int64(len(s.state)))
	} else if t.Physical() == types.PhysBytes {
		m.dict.Store(&batch.Dictionary{ID: batch.NewDictionaryID(), Len: 1, Offsets: []uint32{0, 0}})
	}
	m.slots.Store(next)
	return next
}

// slot returns the slot of row i.
func slot(v *batch.Vector, i int) uint32 {
	if v.Valid != nil && !v.Valid.Get(i) {
		return 0
	}
	return v.Codes[i] + 1
}

// findMissing lists the distinct slots of active rows that are not known yet.
func (n *memoNode) findMissing(s *memoSlots, v *batch.Vector, active batch.Bitmap) bool {
	n.missing = n.missing[:0]
	if v.Valid == nil && active == nil {
		for _, c := range v.Codes {
			if atomic.LoadUint32(&s.state[c+1]) == slotUnknown {
				n.missing = append(n.missing, c+1)
			}
		}
		slices.Sort(n.missing)
		n.missing = slices.Compact(n.missing)
		return len(n.missing) > 0
	}
	for i := range v.Len {
		k := slot(v, i)
		if atomic.LoadUint32(&s.state[k]) == slotUnknown && (active == nil || active.Get(i)) {
			n.missing = append(n.missing, k)
		}
	}
	slices.Sort(n.missing)
	n.missing = slices.Compact(n.missing)
	return len(n.missing) > 0
}

// fill computes the missing slots and publishes them; kept is false when there is no memory for them.
func (n *memoNode) fill(m *memo, s *memoSlots, d *batch.Dictionary) (kept bool, err error) {
	n.entries.Reset(n.in, len(n.missing))
	for i, k := range n.missing {
		if k == 0 {
			n.entries.AppendBytes(nil)
			n.entries.Nulls(len(n.missing)).Clear(i)
			continue
		}
		n.entries.AppendBytes(d.At(int(k - 1)))
	}
	v, err := n.plain(&n.entries, nil)
	if err != nil {
		return false, err
	}
	return n.store(m, s, n.missing, v), nil
}

// store publishes results: row i of v is that of slots[i]. It returns false when there is no memory for them.
func (n *memoNode) store(m *memo, s *memoSlots, slots []uint32, v *batch.Vector) bool {
	if v.Form != batch.Flat {
		n.flat.Flatten(v)
		v = &n.flat
	}
	switch p := n.t.Physical(); {
	case p == types.PhysBytes:
		return n.storeStrings(m, s, slots, v)
	case p == types.PhysBool:
		bits := v.Bools()
		for i, k := range slots {
			st := uint32(slotNull)
			if v.Valid == nil || v.Valid.Get(i) {
				st = slotValue
				if bits.Get(i) {
					st++
				}
			}
			atomic.StoreUint32(&s.state[k], st)
		}
	case p.Width() == 2:
		storeFixed[uint16](s, slots, v)
	case p.Width() == 4:
		storeFixed[uint32](s, slots, v)
	default:
		storeFixed[uint64](s, slots, v)
	}
	return true
}

func storeFixed[T uint16 | uint32 | uint64](s *memoSlots, slots []uint32, v *batch.Vector) {
	vals := batch.Values[T](v)
	for i, k := range slots {
		st := uint32(slotNull)
		if v.Valid == nil || v.Valid.Get(i) {
			st = slotValue
			atomic.StoreUint64(&s.values[k], uint64(vals[i]))
		}
		atomic.StoreUint32(&s.state[k], st)
	}
}

// recentCodes is the places of a memo for the strings published last, by hash: 128 KiB, which stay in the second-level
// cache. Functions that make many strings equal (the domain of a URL) then give a dictionary of few entries, and who
// groups by it has little to compare.
const recentCodes = 1 << 15

// storeStrings appends the strings to the derived dictionary, then lets their slots point to them. It returns false when
// the dictionary has no room for them.
func (n *memoNode) storeStrings(m *memo, s *memoSlots, slots []uint32, v *batch.Vector) bool {
	n.hashes = n.hashes[:0]
	for i := range slots {
		n.hashes = append(n.hashes, kernel.HashBytes(v.Data[v.Offsets[i]:v.Offsets[i+1]]))
	}
	n.codes = n.codes[:0]
	m.mu.Lock()
	defer m.mu.Unlock()
	d := m.roomLocked(len(slots), int(v.Offsets[len(slots)]-v.Offsets[0]))
	if d == nil {
		m.full.Store(true)
		return false
	}
	for i := range slots {
		b := v.Data[v.Offsets[i]:v.Offsets[i+1]]
		at := &m.recent[n.hashes[i]%recentCodes]
		if code := *at; v.Valid != nil && !v.Valid.Get(i) || code != 0 && bytes.Equal(d.At(int(code)), b) {
			n.codes = append(n.codes, code)
			continue
		}
		d.Heap = append(d.Heap, b...)
		d.Offsets = append(d.Offsets, uint32(len(d.Heap)))
		*at = uint32(d.Len)
		n.codes = append(n.codes, uint32(d.Len))
		d.Len++
	}
	m.dict.Store(d)
	for i, k := range slots {
		if v.Valid != nil && !v.Valid.Get(i) {
			atomic.StoreUint32(&s.state[k], slotNull)
		} else {
			atomic.StoreUint32(&s.state[k], slotValue+n.codes[i])
		}
	}
	return true
}

// roomLocked returns the next picture of the derived dictionary, with room for so many more entries and bytes; nil when
// there is no memory, or no offset, for them. Bytes and offsets that are replaced by longer ones live on in the batches
// that were handed out, but only until their readers are done.
func (m *memo) roomLocked(entries, bytes int) *batch.Dictionary {
	old := m.dict.Load()
	if m.full.Load() || len(old.Heap)+bytes > memoMaxHeap {
		return nil
	}
	if m.recent == nil {
		if !m.shared.Grow(4 * recentCodes) {
			return nil
		}
		m.recent = make([]uint32, recentCodes)
	}
	offsets, ok := grown(m.shared, old.Offsets, entries)
	if !ok {
		return nil
	}
	heap, ok := grown(m.shared, old.Heap, bytes)
	if !ok {
		return nil
	}
	return &batch.Dictionary{ID: old.ID, Len: old.Len, Offsets: offsets, Heap: heap}
}

// grown returns s with room for n more elements, half of its length at least when it has to move, paid for by shared.
func grown[T byte | uint32](shared *fn.Shared, s []T, n int) ([]T, bool) {
	if len(s)+n <= cap(s) {
		return s, true
	}
	var t T
	size := max(len(s)+n, cap(s)+cap(s)/2)
	if !shared.Grow(int64(size) * int64(unsafe.Sizeof(t))) {
		return nil, false
	}
	bigger := append(make([]T, 0, size), s...)
	shared.Shrink(int64(cap(s)) * int64(unsafe.Sizeof(t)))
	return bigger, true
}

// gather builds the result from the slots. Rows that are not active may have unknown slots and come out as anything.
func (n *memoNode) gather(m *memo, s *memoSlots, v *batch.Vector) {
	rows := v.Len
	switch n.t.Physical() {
	case types.PhysBytes:
		n.out.ResetDict(n.t, nil, rows)
		for i := range rows {
			st := atomic.LoadUint32(&s.state[slot(v, i)])
			if st < slotValue {
				n.out.Codes[i] = 0
				n.out.Nulls(rows).Clear(i)
				continue
			}
			n.out.Codes[i] = st - slotValue
		}
		n.out.Dict = m.dict.Load()
		return
	case types.PhysBool:
		n.out.Reset(n.t, rows)
		out := n.out.Bools()
		for i := range rows {
			st := atomic.LoadUint32(&s.state[slot(v, i)])
			if st < slotValue {
				n.out.Nulls(rows).Clear(i)
				continue
			}
			out[i>>6] |= uint64(st-slotValue) << (uint(i) & 63)
		}
		return
	}
	n.out.Reset(n.t, rows)
	switch n.t.Physical().Width() {
	case 2:
		gatherSlots[uint16](&n.out, s, v)
	case 4:
		gatherSlots[uint32](&n.out, s, v)
	default:
		gatherSlots[uint64](&n.out, s, v)
	}
}

func gatherSlots[T uint16 | uint32 | uint64](out *batch.Vector, s *memoSlots, v *batch.Vector) {
	vals := batch.Values[T](out)
	for i := range v.Len {
		k := slot(v, i)
		if atomic.LoadUint32(&s.state[k]) < slotValue {
			out.Nulls(v.Len).Clear(i)
			vals[i] = 0
			continue
		}
		vals[i] = T(atomic.LoadUint64(&s.values[k]))
	}
}
