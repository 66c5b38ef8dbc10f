package joinorder

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

// shapes are trees of inner joins whose conditions tie inputs i and j.
func shape(inputs int, rows func(i int) float64, tied func(i, j int) bool) *Node {
	root := &Node{Input: 0, Rows: rows(0)}
	id := 0
	for j := 1; j < inputs; j++ {
		root = &Node{Kind: Inner, Left: root, Right: &Node{Input: j, Rows: rows(j)}}
		for i := range j {
			if tied(i, j) {
				root.Conds = append(root.Conds, Cond{ID: id, Over: Of(i, j), Selectivity: 1 / math.Max(rows(i), rows(j))})
				id++
			}
		}
	}
	return root
}

func (p *Plan) products() int {
	if p.Left == nil {
		return 0
	}
	n := p.Left.products() + p.Right.products()
	if len(p.Conds) == 0 {
		n++
	}
	return n
}

// The pairs of a graph are as many as the papers say, so that none is looked at twice or left out: chains (n^3-n)/6, stars
// (n-1)*2^(n-2), cliques (3^n-2^(n+1)+1)/2.
func TestPairs(t *testing.T) {
	const n = 8
	for _, c := range []struct {
		name  string
		tied  func(i, j int) bool
		pairs int
	}{
		{"chain", func(i, j int) bool { return i == j-1 }, (n*n*n - n) / 6},
		{"star", func(i, _ int) bool { return i == 0 }, (n - 1) << (n - 2)},
		{"clique", func(_, _ int) bool { return true }, (6561 - 512 + 1) / 2},
	} {
		g := newGraph(shape(n, func(i int) float64 { return float64(1 + i) }, c.tied))
		e := &enumeration{graph: g}
		const most = 1 << 20
		if e.search(most); most-e.pairs != c.pairs {
			t.Errorf("%s: %d pairs, want %d", c.name, most-e.pairs, c.pairs)
		}
	}
}

// Queries of every size are ordered in bounded time, without a product where conditions tie all inputs.
func TestLargeGraphs(t *testing.T) {
	for _, n := range []int{9, 17, 40, 64, Most} {
		for name, tied := range map[string]func(i, j int) bool{
			"chain":  func(i, j int) bool { return i == j-1 },
			"cycle":  func(i, j int) bool { return i == j-1 || i == 0 && j == n-1 },
			"star":   func(i, _ int) bool { return i == 0 },
			"clique": func(_, _ int) bool { return n <= 64 },
			"far":    func(i, j int) bool { return j == n-1-i || j-i == 1 && i >= n/2 }, // the last are written first
		} {
			if name == "clique" && n > 64 {
				continue
			}
			r := rand.New(rand.NewPCG(uint64(n), 1))
			rows := make([]float64, n)
			for i := range rows {
				rows[i] = math.Pow(10, 1+5*r.Float64())
			}
			root := shape(n, func(i int) float64 { return rows[i] }, tied)
			start := time.Now()
			p, ok := Order(root)
			t.Logf("%s of %d: %v", name, n, time.Since(start))
			if !ok || p.products() != 0 {
				t.Errorf("%s of %d: found %v, %d products", name, n, ok, p.products())
			}
		}
	}
}

// Inputs that nothing ties are multiplied when everything else is done.
func TestProducts(t *testing.T) {
	root := shape(6, func(i int) float64 { return float64(10 * (i + 1)) }, func(i, j int) bool { return j-i == 3 })
	p, ok := Order(root)
	if !ok || p.products() != 2 {
		t.Fatalf("found %v: %v", ok, p.side())
	}
	for _, s := range []*side{p.side().left, p.side().right} {
		if !s.leaf && len(s.conds) == 0 && (s.left.leaf || s.right.leaf) {
			t.Errorf("a product before its inputs are tied: %v", p.side())
		}
	}
}

func BenchmarkOrder(b *testing.B) {
	for _, n := range []int{5, 9, 17, 64} {
		for name, tied := range map[string]func(i, j int) bool{
			"chain": func(i, j int) bool { return i == j-1 },
			"star":  func(i, _ int) bool { return i == 0 },
		} {
			root := shape(n, func(i int) float64 { return float64(1 + i*i) }, tied)
			b.Run(fmt.Sprint(name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, ok := Order(root); !ok {
						b.Fatal("no order")
					}
				}
			})
		}
	}
}
