package scan

import (
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

func TestSamplePlace(t *testing.T) {
	for _, rows := range []int{1, 2, 127, 128, 129, 2047, 2048, 2049, 40000, 1 << 20, 1<<32 - 1} {
		n := SampleRows(rows)
		if n < min(rows, 128) || n > 2048 || rows >= 32768 && n != 2048 {
			t.Errorf("%d rows: a sample of %d", rows, n)
		}
		last := -1
		for i := range n {
			at := SamplePlace(i, n, rows)
			if at <= last || at >= rows || at < i*rows/n || at >= (i+1)*rows/n {
				t.Fatalf("%d rows: place %d of the sample is row %d, after %d", rows, i, at, last)
			}
			last = at
		}
	}
}

// A table whose rows repeat with any period shows all of it, not one beat.
func TestSampleHasNoRhythm(t *testing.T) {
	const rows = 1 << 20
	for _, period := range []int{2, 4, 64, 512, 1024} {
		var seen [1024]int
		for i := range SampleMax {
			seen[SamplePlace(i, SampleMax, rows)%period]++
		}
		for beat, n := range seen[:min(period, 64)] {
			if period <= 64 && (n < SampleMax/period/3 || n > 3*SampleMax/period) {
				t.Errorf("period %d: beat %d comes %d times", period, beat, n)
			}
		}
	}
}

func TestAppendSample(t *testing.T) {
	long := strings.Repeat("x", SampleBytes-1) + "é" + "tail"
	for _, c := range []struct {
		typ  types.Type
		in   types.Datum
		want types.Datum
	}{
		{types.T(types.Int4), types.IntOf(types.T(types.Int4), 5), types.IntOf(types.T(types.Int4), 5)},
		{types.T(types.Text), types.NullOf(types.T(types.Text)), types.NullOf(types.T(types.Text))},
		{types.T(types.Text), types.TextOf("short"), types.TextOf("short")},
		{types.T(types.Text), types.TextOf(long), types.TextOf(long[:SampleBytes-1])},
		{types.T(types.Bytea), types.StringOf(types.T(types.Bytea), long), types.StringOf(types.T(types.Bytea), long[:SampleBytes])},
		{types.T(types.Numeric), types.StringOf(types.T(types.Numeric), long), types.NullOf(types.T(types.Numeric))},
	} {
		var src, out batch.Vector
		src.Reset(c.typ, 0)
		src.AppendDatum(c.in)
		out.Reset(c.typ, 0)
		AppendSample(&out, &src, 0)
		if got := out.Datum(0); got != c.want || out.Len != 1 {
			t.Errorf("%s %.20q: %.20q, null %v", c.typ, c.in.S, got.S, got.Null)
		}
	}
}
