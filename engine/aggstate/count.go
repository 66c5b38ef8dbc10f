package aggstate

import (
	"encoding/binary"

	"github.com/siltstone-db/siltstone/engine/fn"
)

// count(*) and count(x) are the number of rows that everybody counts anyway. Only a number of distinct values is a state.
func init() {
	register(fn.CountStar, Aggregate{Plain: true})
	register(fn.Count, Aggregate{})
}

// Count is the number of the rows it was given: of distinct values, which are no rows of the group.
var Count = newKind(Kind{
	Number: 2, Words: 1,
	Update: func(_ *State, m Memory, r Rows) error {
		for _, g := range r.Slots {
			m.Words[int(g)*m.Width+m.At]++
		}
		return nil
	},
	Weighted: func(_ *State, m Memory, r Rows) error {
		for i, g := range r.Slots {
			m.Words[int(g)*m.Width+m.At] += uint64(r.Weights[i])
		}
		return nil
	},
	Retract: func(_ *State, m Memory, r Rows) error {
		for _, g := range r.Slots {
			m.Words[int(g)*m.Width+m.At]--
		}
		return nil
	},
	Merge:  func(_ *State, r, o []uint64) error { r[0] += o[0]; return nil },
	Append: func(_ *State, dst []byte, r []uint64) []byte { return binary.AppendUvarint(dst, r[0]) },
	Read:   func(_ *State, x *Reader, r []uint64) { r[0] = x.Uvarint() },
})
