package segment

import (
	"sync"
	"sync/atomic"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// term is a condition compiled against a segment: its constants are codes of the column's dictionary by now, or the
// entries that satisfy it will be a bitmap. Shared by the workers.
type term struct {
	col   int
	value scan.Pred // on values: for zone maps
	pred  scan.Pred // on what blocks hold: codes for strings with a dictionary
	cost  int
	null  bool // IS [NOT] NULL: validity alone decides

	entries *entryFilter // when pred waits for it
}

// The costs, in the order of evaluation.
const (
	costValidity = iota // no value is read
	costPacked          // values are compared as they are packed
	costCodes           // codes are looked up in a bitmap
	costRows            // values are decoded and compared
	costFilter          // values are decoded and handed to a filter
)

// entryChunk is the entries that a worker filters at once: enough for a substring search to run at full speed, little
// enough that two workers end together.
const entryChunk = 1 << 15

func (s *partScan) newTerm(t *scan.Term) (*term, error) {
	col := s.part.column(t.Column)
	c := &s.seg.cols[col]
	ct := &term{col: col, value: scan.Compile(t, c.Type)}
	ct.pred = ct.value
	switch ct.pred.Kind {
	case scan.PredNull, scan.PredAll:
		ct.cost, ct.null = costValidity, true
		return ct, nil
	case scan.PredRows:
		ct.cost = costRows
	case scan.PredFilter:
		ct.cost = costFilter
	default:
		ct.cost = costPacked
	}
	if c.dict == nil {
		return ct, nil
	}
	dict, err := s.seg.dictionaryOf(col, s.pins, s.counters)
	if err != nil {
		return nil, err
	}
	ct.cost = costPacked
	if p, ok := ct.value.OnCodes(dict, c.Type); ok {
		ct.pred = p
		return ct, nil
	}
	ct.cost = costCodes
	ct.entries = newEntryFilter(ct.value, c.Type, dict, s.counters)
	if dict.Len <= entryChunk {
		if ct.pred, err = ct.entries.result(); err != nil {
			return nil, err
		}
		ct.entries = nil
	}
	return ct, nil
}

// ready returns the predicate on encoded values, filtering the dictionary together with the other workers that ask.
func (t *term) ready() (*scan.Pred, error) {
	if t.entries == nil {
		return &t.pred, nil
	}
	return t.entries.shared()
}

// entryFilter applies a predicate once to each entry of a dictionary. Workers that need the result take chunks of
// entries until there are none left, then wait for each other.
type entryFilter struct {
	value    scan.Pred
	typ      types.Type
	dict     *batch.Dictionary
	counters *scan.Counters
	bits     batch.Bitmap
	chunks   int64
	next     atomic.Int64
	left     sync.WaitGroup
	done     atomic.Pointer[filtered]
	fail     atomic.Pointer[filtered]
	finish   sync.Once
}

type filtered struct {
	pred scan.Pred
	err  error
}

func newEntryFilter(value scan.Pred, typ types.Type, d *batch.Dictionary, c *scan.Counters) *entryFilter {
	f := &entryFilter{value: value, typ: typ, dict: d, counters: c, bits: make(batch.Bitmap, batch.Words(d.Len))}
	f.chunks = int64((d.Len + entryChunk - 1) / entryChunk)
	f.left.Add(int(f.chunks))
	return f
}

// shared works on chunks and returns the result when all are done.
func (f *entryFilter) shared() (*scan.Pred, error) {
	if r := f.done.Load(); r != nil {
		return &r.pred, r.err
	}
	for {
		i := f.next.Add(1) - 1
		if i >= f.chunks {
			break
		}
		f.chunk(int(i))
	}
	f.left.Wait()
	f.finish.Do(func() {
		r := f.fail.Load()
		if r == nil {
			r = &filtered{pred: scan.CodeSet(f.bits, f.dict.Len)}
		}
		f.done.Store(r)
	})
	r := f.done.Load()
	return &r.pred, r.err
}

func (f *entryFilter) chunk(i int) {
	defer f.left.Done()
	from := i * entryChunk
	to := min(from+entryChunk, f.dict.Len)
	if err := scan.FilterEntries(&f.value, f.typ, f.dict, from, to, f.bits[from>>6:batch.Words(to)], f.counters); err != nil {
		f.fail.Store(&filtered{err: err})
	}
}

// result filters the whole dictionary.
func (f *entryFilter) result() (scan.Pred, error) {
	p, err := f.shared()
	return *p, err
}
