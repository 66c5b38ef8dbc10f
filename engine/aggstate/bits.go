package aggstate

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/types"
)

// bit_and, bit_or and bit_xor of integers: one word. That of bit_and is the OR of the complements, so that no bits are
// neutral.
func init() {
	for k, kind := range map[fn.AggKind]*Kind{fn.BitAnd: bitAnd, fn.BitOr: bitOr, fn.BitXor: bitXor} {
		register(k, Aggregate{Plain: k != fn.BitXor, Kind: func(t types.Type) *Kind {
			if !t.IsInteger() {
				return nil
			}
			return kind
		}, Finish: func(c *Call, r []uint64, _ uint64, out *Output) error {
			w := r[0]
			if c.State.Kind == bitAnd {
				w = ^w
			}
			out.words(w, 0)
			return nil
		}})
	}
}

var bitOr = newKind(Kind{
	Number: 50, Words: 1, Update: perRow(orBits), Weighted: perRow(orBits),
	Merge: func(_ *State, r, o []uint64) error { r[0] |= o[0]; return nil },
})

var bitAnd = newKind(Kind{
	Number: 52, Words: 1, Update: perRow(orComplement), Weighted: perRow(orComplement),
	Merge: func(_ *State, r, o []uint64) error { r[0] |= o[0]; return nil },
})

var bitXor = newKind(Kind{
	Number: 54, Words: 1, Update: perRow(flipBits), Weighted: perRow(flipBits), Retract: perRow(flipBits),
	Merge: func(_ *State, r, o []uint64) error { r[0] ^= o[0]; return nil },
})

func orBits(_ *State, r, v []uint64, _ int64) error {
	r[0] |= v[0]
	return nil
}

func orComplement(_ *State, r, v []uint64, _ int64) error {
	r[0] |= ^v[0]
	return nil
}

// flipBits adds a value n times: twice is not at all.
func flipBits(_ *State, r, v []uint64, n int64) error {
	if n&1 != 0 {
		r[0] ^= v[0]
	}
	return nil
}
