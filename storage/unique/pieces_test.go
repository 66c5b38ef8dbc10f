package unique

import (
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/storage/keys"
)

// TestInFile: how a row of a file is known tells which one it is, and other rows are in none.
func TestInFile(t *testing.T) {
	for _, c := range []struct {
		file  int
		place uint32
	}{{0, 0}, {0, 1<<32 - 1}, {1, 0}, {1<<31 - 1, 7}} {
		if f, p, ok := FileOf(InFile(c.file, c.place)); !ok || f != c.file || p != c.place {
			t.Errorf("%+v is known as file %d, place %d, %v", c, f, p, ok)
		}
	}
	for _, row := range []uint64{0, 5<<32 | 9, inFile - 1} {
		if _, _, ok := FileOf(row); ok {
			t.Errorf("row %x is in a file", row)
		}
	}
}

// TestPieces: every hash is of one piece, pieces ascend with the hashes, and the pages of a run that a piece looks at have
// all hashes of it, with fewer pages than pieces and with more.
func TestPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 8))
	for parts := uint(0); parts < 7; parts++ {
		for _, entries := range []int{1, 300, 20_000, 600_000} {
			run := keys.NewRun(entries, entries)
			looked := make([]int, run.Pages())
			for piece := range 1 << parts {
				first, last := pagesOf(run.Pages(), piece, parts)
				if first < 0 || last < first || last >= run.Pages() {
					t.Fatalf("%d pages, piece %d of %d: pages %d to %d", run.Pages(), piece, 1<<parts, first, last)
				}
				for page := first; page <= last; page++ {
					looked[page]++
				}
			}
			for page, n := range looked {
				if want := max(1, 1<<parts/run.Pages()); n != want {
					t.Fatalf("%d pages, %d pieces: page %d is looked at %d times, want %d", run.Pages(), 1<<parts, page, n, want)
				}
			}
			before := uint64(0)
			for range 2000 {
				h := r.Uint64()
				piece := pieceOf(h, parts)
				if first, last := pagesOf(run.Pages(), piece, parts); piece < 0 || piece >= 1<<parts || run.PageOf(h) < first || run.PageOf(h) > last {
					t.Fatalf("hash %x of piece %d is in page %d, looked for in %d to %d", h, piece, run.PageOf(h), first, last)
				}
				if (h < before) && piece > pieceOf(before, parts) || h > before && piece < pieceOf(before, parts) {
					t.Fatalf("pieces of %x and %x are out of order", h, before)
				}
				if pieceOf(keys.Short(h), parts) != piece {
					t.Fatalf("hash %x is of another piece when it is short", h)
				}
				before = h
			}
		}
	}
}

// TestBefore: rows of files come before others, files in their order, and rows of one file by their numbers.
func TestBefore(t *testing.T) {
	l := Loaded{rows: []uint64{InFile(0, 3), InFile(0, 9), InFile(2, 1), InFile(2, 4)}, numbers: []int64{40, 30, 7, 8}}
	order := []uint64{InFile(0, 9), InFile(0, 3), InFile(2, 1), InFile(2, 4), 0, 1, 1 << 32}
	for i, a := range order {
		for j, b := range order {
			if got := l.before(a, b); got != (i < j) {
				t.Errorf("%x before %x: %v", a, b, got)
			}
		}
	}
}

// TestNamedAndSame: a key is found by the name of its constraint, and is the same as another of the same columns in the
// same order, with the same NULLs.
func TestNamedAndSame(t *testing.T) {
	table := keyedTable()
	for name, want := range map[string]int{"u": 1, "p": 1, "n": 1, "c": 0, "x": 0, "": 0} {
		if got := Named(table, name); len(got) != want || want == 1 && got[0].Name != name {
			t.Errorf("%q: %d keys", name, len(got))
		}
	}
	u := Named(table, "u")[0]
	for _, c := range []struct {
		ids   []uint32
		nulls bool
		want  bool
	}{{[]uint32{2, 1}, false, true}, {[]uint32{1, 2}, false, false}, {[]uint32{2}, false, false}, {[]uint32{2, 1}, true, false}, {nil, false, false}} {
		if got := u.Same(c.ids, c.nulls); got != c.want {
			t.Errorf("%v, %v: %v", c.ids, c.nulls, got)
		}
	}
}
