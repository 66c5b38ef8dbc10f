package expr

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/kernel"
)

// codes builds the result as codes of a dictionary: where that is the only one among the sources, and the others are
// constants that are NULL or one of its entries, such as the ” of CASE WHEN ... THEN url ELSE ” END. Nothing is
// copied then, and who groups by the result, or compares it, has the hashes of its strings. It returns false where
// strings must be copied.
func (c *choice) codes() bool {
	var d *batch.Dictionary
	for _, v := range c.srcs[1:] {
		if v.Form == batch.Dict && (d == nil || d == v.Dict) {
			d = v.Dict
		} else if v.Form != batch.Constant {
			return false
		}
	}
	if d == nil || d.Hashes == nil || !d.Searchable() {
		return false
	}
	c.constants = append(c.constants[:0], 0)
	for _, v := range c.srcs[1:] {
		code := 0
		if v.Form == batch.Constant && !v.IsNull(0) {
			s, ok := v.BytesAt(0), false
			if code, ok = d.Find(kernel.HashBytes(s), s); !ok {
				return false
			}
		}
		c.constants = append(c.constants, uint32(code))
	}
	n := len(c.from)
	c.out.ResetDict(c.t, d, n)
	for i, k := range c.from {
		v := c.srcs[k]
		switch {
		case v == nil || v.IsNull(i):
			c.out.Codes[i] = 0
			c.out.Nulls(n).Clear(i)
		case v.Form == batch.Dict:
			c.out.Codes[i] = v.Codes[i]
		default:
			c.out.Codes[i] = c.constants[k]
		}
	}
	return true
}
