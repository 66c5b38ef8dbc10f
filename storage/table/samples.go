package table

import (
	"container/list"
	"sync"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// Samples keeps what was sampled of tables for the statements that follow, so that a statement of a millisecond is not
// planned for half of one. What is kept of a table holds as long as the parts that it was taken from are where they were
// and the table has about as many rows. The tables that were not asked for longest go when the account refuses memory.
// It is safe for concurrent use; statements that ask for the same column at once read it once.
type Samples struct {
	account *mem.Account
	mu      struct {
		sync.Mutex
		tables map[catalog.TableID]*list.Element
		recent list.List // of *keptSample, those asked for lately first
	}
}

// What is kept may take a 64th of the pool, and so many bytes: the columns that some hundred tables are asked by. A column
// takes 16 KB, one of long strings up to 2 MB.
const (
	samplesShare = 64
	samplesMost  = 64 << 20
)

// NewSamples returns an empty keeper that takes memory of a pool.
func NewSamples(pool *mem.Pool) *Samples {
	most := int64(samplesMost)
	if limit := pool.Limit(); limit > 0 {
		most = min(most, limit/samplesShare)
	}
	s := &Samples{account: pool.Account("samples", most)}
	s.mu.tables = map[catalog.TableID]*list.Element{}
	return s
}

// keptSample is what was sampled of a table. All columns have the same rows, those of its places.
type keptSample struct {
	table  *catalog.Table // as it was; nil: of one statement
	rows   int64          // of the table
	places []place

	mu     sync.Mutex
	cols   []*batch.Vector // by ordinal; nil: not asked for yet
	common [][]scan.Common // the same

	of    *Samples
	bytes int64 // guarded by of.mu, as gone is
	gone  bool
}

// place is a part that stands for itself and its neighbours.
type place struct {
	ordinal int
	part    partID
	rows    int     // of the sample
	among   int     // how many rows the part had: a live one has got more since
	times   float64 // for how many rows of the table one of the part stands
}

// keptDrift is the part of its rows by which a table may grow or shrink before it is sampled anew.
const keptDrift = 8

// fits tells whether what was sampled tells of the rows of a view.
func (k *keptSample) fits(v *View) bool {
	if k.table != v.table || max(v.rows-k.rows, k.rows-v.rows) > k.rows/keptDrift {
		return false
	}
	for _, p := range k.places {
		if p.ordinal >= len(v.parts) || v.parts[p.ordinal].id != p.part {
			return false
		}
	}
	return true
}

// kept returns what is kept of the table of a view, which may be nothing yet.
func (s *Samples) kept(v *View) *keptSample {
	s.mu.Lock()
	defer s.mu.Unlock()
	if el := s.mu.tables[v.table.ID]; el != nil {
		if k := el.Value.(*keptSample); k.fits(v) {
			s.mu.recent.MoveToFront(el)
			return k
		}
		s.dropLocked(el)
	}
	k := sampleView(v)
	k.of = s
	s.mu.tables[v.table.ID] = s.mu.recent.PushFront(k)
	return k
}

// charge pays for n bytes more of a table. When there is no room, others go, and it itself at last: the statements that
// have it have it to their end.
func (s *Samples) charge(k *keptSample, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !k.gone {
		if s.account.Reserve(n) == nil {
			k.bytes += n
			return
		}
		s.dropLocked(s.mu.recent.Back())
	}
}

func (s *Samples) dropLocked(el *list.Element) {
	k := s.mu.recent.Remove(el).(*keptSample)
	delete(s.mu.tables, k.table.ID)
	s.account.Free(k.bytes)
	k.bytes, k.gone = 0, true
}

// Forget lets go of what is kept of a table, which was dropped.
func (s *Samples) Forget(id catalog.TableID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if el := s.mu.tables[id]; el != nil {
		s.dropLocked(el)
	}
}

// Close lets go of everything, once no statement asks any more.
func (s *Samples) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.mu.recent.Len() > 0 {
		s.dropLocked(s.mu.recent.Back())
	}
	s.account.Close()
}
