package keys

import (
	"unsafe"

	"github.com/siltstone-db/siltstone/storage/mem"
)

// Index finds the rows of a live segment by the hashes of their keys: an open-addressing table with linear probing of 8
// bytes a slot, {high 32 bits of the hash, number of the row + 1}, 0 being free. A slot's place grows with the hash, so that
// a larger table is filled from front to back.
//
// A key takes at most 24 bytes at any moment: the table grows by 2/5 when 17 of 20 slots are in use, and while it does the
// old one is still there, which is 2.4 * 8 * 20/17 = 22.6 bytes a key, and 9.4 to 13.2 afterwards. That longest runs of used
// slots are some 20 then costs less than the memory of a thinner table.
//
// The zero value with an account is empty.
type Index struct {
	Account *mem.Account // charged for the table; must not refuse: rows are acknowledged before they come here
	slots   []uint64
	used    int
}

// onHeap is up to how many slots a table is on the Go heap: a page of the system would be too much for it.
const onHeap = 8192

// Len returns how many rows the index has.
func (x *Index) Len() int { return x.used }

// Bytes returns the memory of the index.
func (x *Index) Bytes() int64 { return int64(len(x.slots)) * 8 }

// slotOf returns the slot where a tag's run begins in a table.
func slotOf(tag uint32, slots int) int { return int(uint64(tag) * uint64(slots) >> 32) }

// Add adds a row. Where the key's place has a row that is gone, it is replaced: a key that is updated again and again
// takes one slot.
func (x *Index) Add(hash uint64, row uint32, gone func(row int) bool) error {
	tag := uint32(hash >> 32)
	slot := uint64(tag)<<32 | uint64(row+1)
	for i := x.first(tag); i >= 0; i = x.after(i) {
		if s := x.slots[i]; s == 0 {
			break
		} else if uint32(s>>32) == tag && gone(int(uint32(s)-1)) {
			x.slots[i] = slot
			return nil
		}
	}
	if !x.fits(1) {
		if err := x.grow(max(len(x.slots)*7/5, len(x.slots)+1, 2)); err != nil {
			return err
		}
	}
	i := x.first(tag)
	for x.slots[i] != 0 {
		i = x.after(i)
	}
	x.slots[i] = slot
	x.used++
	return nil
}

// first returns the slot where the rows of a tag begin, -1 in a table without slots.
func (x *Index) first(tag uint32) int {
	if len(x.slots) == 0 {
		return -1
	}
	return slotOf(tag, len(x.slots))
}

func (x *Index) after(i int) int {
	if i++; i < len(x.slots) {
		return i
	}
	return 0
}

// Find appends the rows whose keys may have a hash.
func (x *Index) Find(dst []uint32, hash uint64) []uint32 {
	tag := uint32(hash >> 32)
	for i := x.first(tag); i >= 0 && x.slots[i] != 0; i = x.after(i) {
		if s := x.slots[i]; uint32(s>>32) == tag {
			dst = append(dst, uint32(s)-1)
		}
	}
	return dst
}

// fits tells whether n more rows find room.
func (x *Index) fits(n int) bool { return (x.used+n)*20 <= len(x.slots)*17 }

// Reserve makes room for n more rows at once, in place of growing step by step as they come.
func (x *Index) Reserve(n int) error {
	if x.fits(n) {
		return nil
	}
	return x.grow(max((x.used+n)*20/17+1, len(x.slots)*7/5))
}

// grow gives the table n slots.
func (x *Index) grow(n int) error {
	slots, err := allocate(x.Account, n)
	if err != nil {
		return err
	}
	for _, s := range x.slots {
		if s == 0 {
			continue
		}
		i := slotOf(uint32(s>>32), len(slots))
		for slots[i] != 0 {
			if i++; i == len(slots) {
				i = 0
			}
		}
		slots[i] = s
	}
	release(x.Account, x.slots)
	x.slots = slots
	return nil
}

// Release gives the memory back; the index is empty then.
func (x *Index) Release() {
	release(x.Account, x.slots)
	x.slots, x.used = nil, 0
}

// allocate returns at least n free slots, as many as their pages have.
func allocate(a *mem.Account, n int) ([]uint64, error) {
	if n <= onHeap {
		if err := a.Reserve(int64(n) * 8); err != nil {
			return nil, err
		}
		return make([]uint64, n), nil
	}
	b, err := a.AllocExact(n * 8)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), cap(b)/8), nil
}

func release(a *mem.Account, slots []uint64) {
	if len(slots) <= onHeap {
		if len(slots) > 0 {
			a.Free(int64(len(slots)) * 8)
		}
		return
	}
	a.ReleaseExact(mem.Bytes(slots))
}
