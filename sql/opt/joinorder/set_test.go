package joinorder

import "testing"

// Sets count across their words as within one.
func TestSubsets(t *testing.T) {
	of := Of(0, 5, 63, 64, 100, 127)
	seen := map[Set]bool{}
	for s := nextSubset(Set{}, of); !s.Empty(); s = nextSubset(s, of) {
		if seen[s] || !of.Contains(s) {
			t.Fatalf("subset %x", s)
		}
		seen[s] = true
	}
	if len(seen) != 63 {
		t.Errorf("%d subsets, want 63", len(seen))
	}
}

func TestSet(t *testing.T) {
	s := Of(3, 63, 64, 127)
	var list []int
	for i := s.First(); i >= 0 && i < Most; {
		list = append(list, i)
		if i == Most-1 {
			break
		}
		i = s.Next(i + 1)
	}
	if len(list) != 4 || list[0] != 3 || list[1] != 63 || list[2] != 64 || list[3] != 127 || s.Count() != 4 {
		t.Errorf("inputs %v, count %d", list, s.Count())
	}
	for _, i := range []int{0, 3, 62, 63, 64, 65, 127} {
		u := upTo(i)
		if u.Count() != i+1 || !u.Has(i) || i < Most-1 && u.Has(i+1) {
			t.Errorf("up to %d: %x", i, u)
		}
		if s.Has(i) != s.Intersects(Of(i)) || s.Has(i) != s.Contains(Of(i)) || s.Minus(Of(i)).Has(i) || !s.Union(Of(i)).Has(i) {
			t.Errorf("input %d of %x", i, s)
		}
	}
	if (Set{}).First() != -1 || s.Next(Most) != -1 {
		t.Error("there is nothing after the last input")
	}
}
