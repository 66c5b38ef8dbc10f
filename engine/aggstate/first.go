package aggstate

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/types"
)

// any_value is the first value that came.
func init() {
	register(fn.AnyValue, Aggregate{Kind: func(types.Type) *Kind { return first }, Plain: true,
		Finish: func(c *Call, r []uint64, _ uint64, out *Output) error {
			if out.phys() == types.PhysBytes {
				out.Vector.AppendBytes(c.State.Args[0].Strings.Bytes(uint32(r[1])))
			} else {
				out.words(r[1], r[2])
			}
			return nil
		}})
}

// first is 1 when there is a value, and its words.
var first = newKind(Kind{
	Number: 24, Words: 3, Update: perRow(keepFirst), Weighted: perRow(keepFirst),
	Merge: func(_ *State, r, o []uint64) error {
		if r[0] == 0 {
			copy(r, o)
		}
		return nil
	},
	Append: appendSeen, Read: readSeen,
})

func keepFirst(_ *State, r, v []uint64, _ int64) error {
	if r[0] == 0 {
		r[0] = 1
		copy(r[1:], v)
	}
	return nil
}

// appendSeen appends a state of 1 and a value, or of zeros.
func appendSeen(s *State, dst []byte, r []uint64) []byte {
	if r[0] == 0 {
		return append(dst, 0)
	}
	return AppendValue(append(dst, 1), s.phys(), s.Args[0].Strings, r[1:])
}

func readSeen(s *State, x *Reader, r []uint64) {
	if x.Flag() {
		w := x.Value(s.Type(), s.Args[0].Strings)
		r[0], r[1], r[2] = 1, w[0], w[1]
	}
}
