package table

import (
	"sync"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// statement returns a view as a statement has it: parts by id and rows, of which the last are live ones.
func statement(s *Samples, t *catalog.Table, asked *int, rows ...int) *View {
	v := &View{layout: &scan.Layout{IDs: []uint32{1, 2}, Types: []types.Type{types.T(types.Int4), types.T(types.Int8)}}, table: t, samples: s}
	for i, n := range rows {
		v.add(numbered{number: i, rows: n, asked: asked}, nil, partID{number: uint64(i)}, 0)
	}
	return v
}

func ask(t *testing.T, v *View, columns ...int) *batch.Batch {
	t.Helper()
	b, err := v.Sample(columns)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.Cols {
		if c.Len != b.Len {
			t.Fatalf("a column of %d rows in a sample of %d", c.Len, b.Len)
		}
	}
	return b
}

// What a statement has sampled those that follow have, also columns that are asked for when the table has got more rows,
// until it has got many or its parts are others.
func TestSamplesAreKept(t *testing.T) {
	asked := 0
	s := NewSamples(mem.NewPool(0))
	defer s.Close()
	table, altered := &catalog.Table{Head: catalog.Head{ID: 7}}, &catalog.Table{Head: catalog.Head{ID: 7}}
	first := statement(s, table, &asked, 100_000, 8000)
	first.Common(0)
	b := ask(t, first, 0)
	for _, c := range []struct {
		what string
		view *View
		want int // parts that are asked for two columns
	}{
		{"the column that is not there yet", statement(s, table, &asked, 100_000, 8000), 2},
		{"the same rows", statement(s, table, &asked, 100_000, 8000), 0},
		{"more rows", statement(s, table, &asked, 100_000, 9000), 0},
		{"one more part", statement(s, table, &asked, 100_000, 9000, 10), 0},
		{"many more rows", statement(s, table, &asked, 100_000, 80_000), 4},
		{"another form of the table", statement(s, altered, &asked, 100_000, 80_000), 4},
	} {
		asked = 0
		got := ask(t, c.view, 1, 0)
		if asked != c.want {
			t.Errorf("%s: parts were asked %d times, want %d", c.what, asked, c.want)
		}
		if c.want <= 2 && got.Cols[1] != b.Cols[0] {
			t.Errorf("%s: another sample", c.what)
		}
	}
	other := statement(s, altered, &asked, 100_000, 80_000)
	other.parts[1].id.number = 99
	asked = 0
	if ask(t, other, 0); asked != 2 {
		t.Errorf("another part in the place of one that was sampled: asked %d times", asked)
	}
	asked = 0
	if own := statement(nil, altered, &asked, 100_000, 80_000); ask(t, own, 0).Len == 0 || asked != 2 {
		t.Errorf("rows of a transaction: asked %d times", asked)
	}
}

// Memory of samples is charged and bounded: who was not asked for longest goes. What was dropped goes at once.
func TestSamplesAreBounded(t *testing.T) {
	pool := mem.NewPool(samplesShare * 100_000) // for twelve columns of 2,048 rows of 4 bytes
	s := NewSamples(pool)
	tables := make([]*catalog.Table, 30)
	asked := 0
	for i := range tables {
		tables[i] = &catalog.Table{Head: catalog.Head{ID: catalog.TableID(i + 1)}}
		ask(t, statement(s, tables[i], &asked, 100_000), 0)
		ask(t, statement(s, tables[0], &asked, 100_000), 0) // always of the last two
		if pool.Used() > 100_000 {
			t.Fatalf("%d bytes are kept", pool.Used())
		}
	}
	if asked != len(tables) {
		t.Errorf("parts were asked %d times for %d tables", asked, len(tables))
	}
	asked = 0
	ask(t, statement(s, tables[29], &asked, 100_000), 0)
	if ask(t, statement(s, tables[2], &asked, 100_000), 0); asked != 1 {
		t.Errorf("the last table and one of the first: asked %d times", asked)
	}
	used := pool.Used()
	s.Forget(tables[29].ID)
	s.Forget(tables[29].ID)
	if pool.Used() >= used {
		t.Error("what was kept of a dropped table is still charged")
	}
	s.Close()
	if pool.Used() != 0 {
		t.Errorf("%d bytes are charged at the end", pool.Used())
	}
}

// A sample that no memory is left for lives as long as its statement, which asks once.
func TestSamplesWithoutMemory(t *testing.T) {
	pool := mem.NewPool(samplesShare * 100)
	s := NewSamples(pool)
	defer s.Close()
	table, asked := &catalog.Table{Head: catalog.Head{ID: 7}}, 0
	v := statement(s, table, &asked, 100_000)
	ask(t, v, 0)
	if ask(t, v, 0, 1); asked != 2 || pool.Used() != 0 {
		t.Errorf("asked %d times, %d bytes charged", asked, pool.Used())
	}
}

// Statements that plan at once read a column once.
func TestSamplesAtOnce(t *testing.T) {
	s := NewSamples(mem.NewPool(0))
	defer s.Close()
	table, asked := &catalog.Table{Head: catalog.Head{ID: 7}}, 0
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			v := statement(s, table, &asked, 1000, 1000, 1000)
			if _, err := v.Sample([]int{0}); err != nil {
				t.Error(err)
			}
			v.Common(0)
		})
	}
	all.Wait()
	if asked != 3 {
		t.Errorf("parts were asked %d times, want 3", asked)
	}
}
