package persist

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// counted notices a release too many, and how many references are left.
type counted struct{ refs int }

func (c *counted) Retain() { c.refs++ }
func (c *counted) Release() {
	if c.refs--; c.refs < 0 {
		panic("released too often")
	}
}

// copied is a map with what it should hold.
type copied struct {
	m    Map[*counted]
	want map[uint64]*counted
}

func (c *copied) check() error {
	if c.m.Len() != len(c.want) {
		return fmt.Errorf("%d entries, want %d", c.m.Len(), len(c.want))
	}
	keys := slices.Sorted(maps.Keys(c.want))
	for k, v := range c.m.All() {
		if len(keys) == 0 || k != keys[0] || v != c.want[k] {
			return fmt.Errorf("entry %d out of place", k)
		}
		keys = keys[1:]
		if got, ok := c.m.Get(k); !ok || got != v {
			return fmt.Errorf("entry %d is not found", k)
		}
	}
	if len(keys) > 0 {
		return fmt.Errorf("entry %d is missing", keys[0])
	}
	for _, l := range c.m.leaves {
		if len(l.keys) == 0 || len(l.keys) > leafMax {
			return fmt.Errorf("a leaf of %d", len(l.keys))
		}
	}
	return nil
}

// Random changes of random copies: each copy stays what it is while the others change, and in the end every reference
// is given back.
func TestCopies(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 1))
		all := []*counted{}
		copies := []*copied{{want: map[uint64]*counted{}}}
		space := uint64(20) << r.IntN(9)
		for step := range 6000 {
			c := copies[r.IntN(len(copies))]
			k := r.Uint64N(space)
			if seed%2 == 0 && step < 3000 { // counting up, as ids of files do
				k = uint64(step)
			}
			switch op := r.IntN(40); {
			case op == 0 && len(copies) < 6:
				copies = append(copies, &copied{c.m.Clone(), maps.Clone(c.want)})
			case op == 1 && len(copies) > 1:
				i := slices.Index(copies, c)
				copies = slices.Delete(copies, i, i+1)
				c.m.Release()
			case op < 10+int(seed)*2:
				c.m.Delete(k)
				delete(c.want, k)
			default:
				v := &counted{1}
				all = append(all, v)
				c.m.Set(k, v)
				c.want[k] = v
			}
			if step%100 == 0 {
				for _, c := range copies {
					if err := c.check(); err != nil {
						t.Fatalf("seed %d, step %d: %v", seed, step, err)
					}
				}
			}
		}
		for _, c := range copies {
			for _, v := range c.want {
				if v.refs < 1 {
					t.Fatal("a value in use was released")
				}
			}
			c.m.Release()
		}
		for _, v := range all {
			if v.refs != 0 {
				t.Fatalf("seed %d: %d references are left", seed, v.refs)
			}
		}
	}
}

// A changed entry costs a leaf, not the map.
func TestChangeSharesLeaves(t *testing.T) {
	var m Map[*counted]
	for i := range uint64(100_000) {
		m.Set(i, &counted{1})
	}
	c := m.Clone()
	c.Set(50_000, &counted{1})
	shared := 0
	for i, l := range c.leaves {
		if l == m.leaves[i] {
			shared++
		}
	}
	if len(c.leaves) > 100_000/leafMax+1 || shared != len(c.leaves)-1 {
		t.Errorf("%d of %d leaves are shared", shared, len(c.leaves))
	}
}

// Leaves that deletions have left small become one with their neighbour before them, and nothing gets lost by that.
func TestCrumbs(t *testing.T) {
	c := &copied{want: map[uint64]*counted{}}
	for k := range uint64(8 * leafMax) {
		v := &counted{refs: 1}
		c.want[k] = v
		c.m.Set(k, v)
	}
	for k := range uint64(8 * leafMax) {
		if k%32 == 0 {
			continue
		}
		c.m.Delete(k)
		delete(c.want, k)
		if k%7 == 0 {
			if err := c.check(); err != nil {
				t.Fatalf("without %d: %v", k, err)
			}
		}
	}
	if err := c.check(); err != nil || len(c.m.leaves) > 2 {
		t.Errorf("%d entries in %d leaves: %v", c.m.Len(), len(c.m.leaves), err)
	}
	c.m.Release()
}
