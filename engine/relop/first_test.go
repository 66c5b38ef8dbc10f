package relop_test

import (
	"testing"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/relop"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestFirst compares the first rows of runs with a loop over the rows, for runs of every type and of two columns.
func TestFirst(t *testing.T) {
	enginetest.Cross(t, func(t *testing.T, x *table, s shape) {
		if s.Workers > 1 {
			return // an ordered source has one
		}
		for c := range x.Types {
			keys := []int{c, (c + 1) % len(x.Types)}[:1+c%2]
			got, err := run(t, s, scanOf(x), relop.NewFirst(x.Types, keys))
			if err != nil {
				t.Fatal(err)
			}
			var want []row
			for i, r := range x.Rows {
				if i == 0 || !equalKeys(x.Rows[i-1], r, keys) {
					want = append(want, r)
				}
			}
			enginetest.Equal(t, x.Types[c].String(), got, want)
		}
	})
}

func equalKeys(a, b row, keys []int) bool {
	for _, k := range keys {
		if a[k].Null || b[k].Null {
			if a[k].Null != b[k].Null {
				return false
			}
		} else if types.Compare(a[k], b[k]) != 0 {
			return false
		}
	}
	return true
}
