package rebuild

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

var columns = []catalog.Column{
	{ID: 3, Type: types.T(types.Bool)}, {ID: 5, Type: types.T(types.Int2)}, {ID: 6, Type: types.T(types.Int4)}, {ID: 7, Type: types.T(types.Int8)},
	{ID: 8, Type: types.T(types.Float8)}, {ID: 9, Type: types.NumericOf(30, 2)}, {ID: 10, Type: types.T(types.Text)}, {ID: 12, Type: types.T(types.Text)},
	{ID: 13, Type: types.T(types.Float4)}, {ID: 14, Type: types.T(types.Float4)},
}

type row struct {
	number int64
	values []types.Datum
}

func randomRows(r *rand.Rand, n int) []row {
	rows := make([]row, n)
	for i := range rows {
		rows[i].number = int64(i * 3)
		x := r.Int64N(1000)
		rows[i].values = []types.Datum{types.BoolOf(x%2 == 0), types.IntOf(columns[1].Type, x), types.IntOf(columns[2].Type, x), types.IntOf(columns[3].Type, -x),
			types.FloatOf(columns[4].Type, float64(x)/8), types.Int128Of(columns[5].Type, uint64(x), 0), types.TextOf("a"), types.TextOf("b"),
			types.FloatOf(columns[8].Type, 0.5), types.FloatOf(columns[9].Type, 0)}
	}
	return rows
}

// sumOf adds up rows in batches of some size.
func sumOf(rows []row, size int) Sum {
	t := &catalog.Table{Columns: columns}
	s := newSummer(t)
	for from := 0; from < len(rows); from += size {
		b := batch.New(t.Types())
		b.Reset()
		var numbers []int64
		for _, r := range rows[from:min(from+size, len(rows))] {
			numbers = append(numbers, r.number)
			for c, d := range r.values {
				b.Cols[c].AppendDatum(d)
			}
		}
		s.add(numbers, b.Cols)
	}
	return s.sum
}

// The sum depends on the rows alone, not on their order or batches, and on each value of each row.
func TestSum(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	rows := randomRows(r, 500)
	want := sumOf(rows, 500)
	r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	if got := sumOf(rows, 7); got != want || got.Rows != 500 {
		t.Fatalf("another order: %+v, want %+v", got, want)
	}
	half := sumOf(rows[:200], 64)
	half.Add(sumOf(rows[200:], 64))
	if half != want {
		t.Fatalf("two halves: %+v, want %+v", half, want)
	}
	for c, col := range columns {
		was := rows[9].values[c]
		for _, d := range []types.Datum{types.NullOf(col.Type), {Type: col.Type, I: was.I ^ 1, F: was.F + 1, S: was.S + "\x00"}} {
			rows[9].values[c] = d
			if sumOf(rows, 500) == want {
				t.Errorf("column %d: %+v and %+v have one sum", c, was, d)
			}
		}
		rows[9].values[c] = was
	}
	swap := func(a, b *types.Datum) { *a, *b = *b, *a }
	swap(&rows[9].values[6], &rows[9].values[7])
	if sumOf(rows, 500) == want {
		t.Error("two columns were exchanged")
	}
	swap(&rows[9].values[6], &rows[9].values[7])
	rows[9].number++
	if sumOf(rows, 500) == want {
		t.Error("the number of a row has changed")
	}
	rows[9].number--
	rows[9].values[4].F = math.Copysign(0, -1)
	minus := sumOf(rows, 500)
	if rows[9].values[4].F = 0; sumOf(rows, 500) == minus {
		t.Error("the two zeros have one sum")
	}
	if sumOf(rows[1:], 500) == want {
		t.Error("a row has gone")
	}
}
