package keys

import "github.com/siltstone-db/siltstone/storage/mem"

// Claims are the hashes of keys that writes on their way will add: an open-addressing table of whole hashes, at most half
// full. Equal hashes of different keys make one write wait for the other, and nothing else.
//
// The zero value with an account is empty.
type Claims struct {
	Account *mem.Account // must not refuse
	slots   []uint64     // a power of two
	used    int
}

// claimsLeast is how many slots stay when there is no claim.
const claimsLeast = 64

// Len returns the number of claims.
func (c *Claims) Len() int { return c.used }

// Meets tells whether any of the hashes, which may have None among them, is claimed.
func (c *Claims) Meets(hashes []uint64) bool {
	if c.used == 0 {
		return false
	}
	for _, h := range hashes {
		if h != None && c.slots[c.find(h)] == h {
			return true
		}
	}
	return false
}

// Add claims hashes. None of them is claimed; they may be among each other. Remove gets the same.
func (c *Claims) Add(hashes []uint64) error {
	for (c.used+len(hashes))*2 > len(c.slots) {
		if err := c.resize(max(2*len(c.slots), claimsLeast)); err != nil {
			return err
		}
	}
	for _, h := range hashes {
		if i := c.find(h); h != None && c.slots[i] == 0 {
			c.slots[i] = h
			c.used++
		}
	}
	return nil
}

// Remove ends the claims of a write.
func (c *Claims) Remove(hashes []uint64) {
	for _, h := range hashes {
		if h == None || c.used == 0 { // hashes that are equal have gone together
			continue
		}
		if i := c.find(h); c.slots[i] == h {
			c.remove(i)
		}
	}
	if c.used == 0 && len(c.slots) > claimsLeast { // of a large write
		c.Release()
	}
}

// find returns the slot of a hash, or the free one where it would be.
func (c *Claims) find(h uint64) int {
	mask := len(c.slots) - 1
	i := int(h) & mask
	for c.slots[i] != 0 && c.slots[i] != h {
		i = (i + 1) & mask
	}
	return i
}

// remove frees a slot, and moves back those behind it that would not be found any more.
func (c *Claims) remove(i int) {
	mask := len(c.slots) - 1
	c.used--
	for j := i; ; {
		j = (j + 1) & mask
		h := c.slots[j]
		if h == 0 {
			break
		}
		if home := int(h) & mask; (j-home)&mask >= (j-i)&mask {
			c.slots[i], i = h, j
		}
	}
	c.slots[i] = 0
}

func (c *Claims) resize(n int) error {
	slots, err := allocate(c.Account, n) // a power of two fills the pages it takes
	if err != nil {
		return err
	}
	old := c.slots
	c.slots = slots
	for _, h := range old {
		if h != 0 {
			c.slots[c.find(h)] = h
		}
	}
	release(c.Account, old)
	return nil
}

// Release gives the memory back.
func (c *Claims) Release() {
	release(c.Account, c.slots)
	c.slots, c.used = nil, 0
}
