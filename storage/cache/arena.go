package cache

import (
	"math/bits"

	"github.com/siltstone-db/siltstone/storage/mem"
)

// arena hands out memory for buffers: small ones from slabs of equal slots, large ones as pages of their own. Slot
// sizes grow by a quarter at most (4 classes for each power of two), so about a tenth is lost to rounding; a slab has
// at least 4 slots, so partly used slabs cost 32 MiB at the very worst. All offsets are multiples of 64.
type arena struct {
	account *mem.Account
	classes [classes]class
}

const (
	slotMinShift = 8  // 256 B
	slotMaxShift = 20 // 1 MiB: above, a buffer gets pages of its own
	classes      = (slotMaxShift-slotMinShift)*4 + 1
	slabMin      = 1 << 18
)

type class struct{ partial []*slab } // slabs with a free slot

type slab struct {
	mem  []byte
	size int   // of a slot
	free []int // free slots
	used int
	at   int // in partial, or -1
	of   int // class
}

// slot remembers where a buffer's memory came from.
type slot struct {
	slab  *slab
	index int
	page  []byte // of its own
}

// classOf returns the class of a size and the size of its slots.
func classOf(n int) (c, size int) {
	if n <= 1<<slotMinShift {
		return 0, 1 << slotMinShift
	}
	shift := bits.Len(uint(n-1)) - 1 // 2^shift < n <= 2^(shift+1)
	quarter := 1 << (shift - 2)
	k := (n - 1<<shift + quarter - 1) / quarter // 1 to 4
	return (shift-slotMinShift)*4 + k, 1<<shift + k*quarter
}

func (a *arena) alloc(n int) ([]byte, slot, error) {
	if n > 1<<slotMaxShift {
		page, err := a.account.AllocExact(n)
		return page, slot{page: page}, err
	}
	c, size := classOf(n)
	cl := &a.classes[c]
	if len(cl.partial) == 0 {
		total := max(slabMin, 1<<bits.Len(uint(4*size-1)))
		m, err := a.account.AllocExact(total)
		if err != nil {
			return nil, slot{}, err
		}
		s := &slab{mem: m, size: size, of: c}
		for i := total/size - 1; i >= 0; i-- {
			s.free = append(s.free, i)
		}
		cl.partial = append(cl.partial, s)
	}
	s := cl.partial[len(cl.partial)-1]
	i := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	s.used++
	if len(s.free) == 0 {
		cl.partial = cl.partial[:len(cl.partial)-1]
		s.at = -1
	} else {
		s.at = len(cl.partial) - 1
	}
	return s.mem[i*size : i*size+n : (i+1)*size], slot{slab: s, index: i}, nil
}

func (a *arena) free(s slot) {
	if s.slab == nil {
		a.account.ReleaseExact(s.page)
		return
	}
	b := s.slab
	cl := &a.classes[b.of]
	b.free = append(b.free, s.index)
	b.used--
	if b.at < 0 {
		b.at = len(cl.partial)
		cl.partial = append(cl.partial, b)
	}
	if b.used == 0 {
		last := cl.partial[len(cl.partial)-1]
		cl.partial[b.at], last.at = last, b.at
		cl.partial = cl.partial[:len(cl.partial)-1]
		a.account.ReleaseExact(b.mem)
		b.mem = nil
	}
}

// close gives back slabs; it is called when every slot is free, and then there are none left.
func (a *arena) close() {
	for i := range a.classes {
		for _, s := range a.classes[i].partial {
			a.account.ReleaseExact(s.mem)
		}
		a.classes[i].partial = nil
	}
}
