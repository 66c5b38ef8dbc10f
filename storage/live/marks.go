package live

import (
	"sort"
	"sync/atomic"
	"unsafe"
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

// add notes a mark and returns the bytes that the marks have grown by.
func (m *marks) add(sequence uint64, rows int) (grown int) {
	n := int(m.n.Load())
	if n%markPageEntries == 0 {
		grown = m.grow()
	}
	(*m.pages.Load())[n/markPageEntries][n%markPageEntries] = mark{sequence, rows}
	m.n.Store(int64(n + 1))
	return grown
}

// grow adds a page.
func (m *marks) grow() int {
	var pages []*markPage
	if p := m.pages.Load(); p != nil {
		pages = *p
	}
	pages = append(pages[:len(pages):len(pages)], new(markPage))
	m.pages.Store(&pages)
	return int(unsafe.Sizeof(markPage{}))
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
