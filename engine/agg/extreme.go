package agg

import (
	"bytes"
	"github.com/siltstone-db/siltstone/engine/hashtable"

	"github.com/siltstone-db/siltstone/storage/types"
)

// onlyExtremes tells whether min and max of strings are all that reads an argument.
func (g *Group) onlyExtremes(ordinal int) bool {
	if g.cfg.In[ordinal].Physical() != types.PhysBytes {
		return false
	}
	for i := range g.prog.states {
		s := &g.prog.states[i]
		for _, c := range g.prog.inputs[s.in].cols {
			if c == ordinal && s.kind != stateMaxBytes {
				return false
			}
		}
	}
	return true
}

// keepBytes replaces the reference r by ref when its string is the better one.
func (s *state) keepBytes(strings *hashtable.Interner, r *uint64, ref uint64) {
	if *r == ref {
		return
	}
	if *r != 0 {
		order := bytes.Compare(strings.Referred(ref), strings.Referred(*r))
		if order == 0 || order < 0 != s.min {
			return
		}
	}
	*r = ref
}
