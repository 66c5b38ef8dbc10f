package csv_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/format/csv"
	"github.com/siltstone-db/siltstone/storage/types"
)

// BenchmarkRead reads rows like those of the hits table: 105 columns, most of them small integers.
func BenchmarkRead(b *testing.B) {
	var cols []format.Column
	var row []byte
	for i := range 105 {
		k, text := types.Int2, "0"
		switch {
		case i%5 == 1:
			k, text = types.Int4, "22908234"
		case i%10 == 2:
			k, text = types.Int8, "7216483823098612736"
		case i%20 == 3:
			k, text = types.Timestamp, "2013-07-15 10:47:34"
		case i%10 == 4:
			k, text = types.Text, "https://example.com/catalog/item?id=1234567&page=2"
		case i%10 == 9:
			k, text = types.Text, `""`
		}
		cols = append(cols, format.Column{Name: "c", Type: types.T(k), NotNull: true})
		if i > 0 {
			row = append(row, ',')
		}
		row = append(row, text...)
	}
	row = append(row, '\n')
	const rows = 20000
	data := bytes.Repeat(row, rows)
	out := &batch.Batch{}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	total := 0
	for b.Loop() {
		r, err := csv.NewReader(io.MultiReader(bytes.NewReader(data)), csv.Options{Table: "hits"}, cols)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for more := true; more; n += out.Len {
			if more, err = r.Read(out, 8192); err != nil {
				b.Fatal(err)
			}
		}
		if n != rows {
			b.Fatal(n)
		}
		total += n
	}
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "rows/s")
}
