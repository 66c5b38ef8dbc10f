package persist

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// The tree is an ordered map, whatever comes and goes, balanced, and nobody's copy of it changes.
func TestTree(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tr := NewTree[int, int](func(a, b int) int { return a - b })
	model := map[int]int{}
	for i := range 3000 {
		k := r.IntN(300)
		old, before := tr, tr.Len()
		if r.IntN(5) < 2+i/1000 {
			tr = tr.Without(k)
			delete(model, k)
		} else {
			tr = tr.With(k, i)
			model[k] = i
		}
		if tr.Len() != len(model) || old.Len() != before {
			t.Fatalf("step %d: %d keys, want %d", i, tr.Len(), len(model))
		}
		if v, ok := tr.Get(k); ok != (model[k] != 0 || ok && v == model[k]) && v != model[k] {
			t.Fatalf("step %d: key %d is %d", i, k, v)
		}
		if i%50 == 0 {
			checkTree(t, tr, model, r.IntN(300))
		}
	}
}

func checkTree(t *testing.T, tr Tree[int, int], model map[int]int, from int) {
	t.Helper()
	var keys []int
	for k, v := range tr.All() {
		if v != model[k] {
			t.Fatalf("key %d is %d, want %d", k, v, model[k])
		}
		keys = append(keys, k)
	}
	if !slices.IsSorted(keys) || len(keys) != len(model) {
		t.Fatalf("keys %v", keys)
	}
	at, _ := slices.BinarySearch(keys, from)
	for k := range tr.From(from) {
		if k != keys[at] {
			t.Fatalf("from %d: %d, want %d", from, k, keys[at])
		}
		at++
	}
	if at != len(keys) {
		t.Fatalf("from %d: ends before %d", from, keys[at])
	}
	var height func(n *node[int, int]) int8
	height = func(n *node[int, int]) int8 {
		if n == nil {
			return 0
		}
		l, r := height(n.left), height(n.right)
		if l-r > 1 || r-l > 1 || n.height != 1+max(l, r) {
			t.Fatalf("heights %d and %d under %d", l, r, n.height)
		}
		return n.height
	}
	height(tr.root)
}

// A tree of sorted keys is as one to which they came.
func TestSorted(t *testing.T) {
	for n := range 70 {
		keys, values, model := []int{}, []int{}, map[int]int{}
		for i := range n {
			keys, values = append(keys, 2*i), append(values, i+1)
			model[2*i] = i + 1
		}
		checkTree(t, Sorted(cmp.Compare[int], keys, values), model, n)
	}
}
