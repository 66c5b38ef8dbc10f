package live

import (
	"sort"
	"sync/atomic"
)

// marks remembers how many rows there were at each sequence: pages of entries that never move, so that readers search
// what is published while the writer adds. 16 bytes for each record.
type marks struct {
	pages atomic.Pointer[[]*markPage]
	n     atomic.Int64
}

const markPageEntries = 1024

type markPage [markPageEntries]mark

type mark struct {
	sequence uint64
	rows     int
}

func (m *marks) add(sequence uint64, rows int) {
	n := int(m.n.Load())
	var pages []*markPage
	if p := m.pages.Load(); p != nil {
		pages = *p
	}
	if n/markPageEntries == len(pages) {
		pages = append(pages[:len(pages):len(pages)], new(markPage))
		m.pages.Store(&pages)
	}
	pages[n/markPageEntries][n%markPageEntries] = mark{sequence, rows}
	m.n.Store(int64(n + 1))
}

// rows returns the rows of the last mark at or below a sequence.
func (m *marks) rows(sequence uint64) int {
	n := int(m.n.Load())
	if n == 0 {
		return 0
	}
	pages := *m.pages.Load()
	at := func(i int) *mark { return &pages[i/markPageEntries][i%markPageEntries] }
	if last := at(n - 1); last.sequence <= sequence {
		return last.rows
	}
	i := sort.Search(n, func(i int) bool { return at(i).sequence > sequence })
	if i == 0 {
		return 0
	}
	return at(i - 1).rows
}
