package segment

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// spent is the processor time of the process: other work on the machine does not count.
func spent(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// addUp reads a part and adds up its numbers, which is the least that a query does with them.
func addUp(b *testing.B, p *Part, columns []int, any bool) (sum int64) {
	ps, err := p.Open(context.Background(), &scan.Request{Columns: columns, AnyOrder: any})
	if err != nil {
		b.Fatal(err)
	}
	defer ps.Close()
	cur, err := ps.Cursor()
	if err != nil {
		b.Fatal(err)
	}
	defer cur.Close()
	var out batch.Batch
	for m := range ps.Morsels() {
		if err := cur.Seek(m); err != nil {
			b.Fatal(err)
		}
		for {
			ok, err := cur.Next(context.Background(), &out)
			if err != nil {
				b.Fatal(err)
			}
			if !ok {
				break
			}
			for _, v := range out.Cols {
				sum += total(v)
			}
		}
	}
	return sum
}

func total(v *batch.Vector) (sum int64) {
	switch {
	case v.Form == batch.Dict:
		for _, x := range v.Codes {
			sum += int64(x)
		}
	case v.Form != batch.Flat:
	case v.Type.Physical().Width() == 2:
		for _, x := range batch.Values[int16](v) {
			sum += int64(x)
		}
	case v.Type.Physical().Width() == 4:
		for _, x := range batch.Values[int32](v) {
			sum += int64(x)
		}
	case v.Type.Physical().Width() == 8:
		for _, x := range batch.Values[int64](v) {
			sum += x
		}
	}
	return sum
}

// BenchmarkDeletes tells what a scan costs of which one row of a hundred is deleted, as a multiple (x) of one of the same
// rows without deletions: processor time, the two in turn, the median.
func BenchmarkDeletes(b *testing.B) {
	s := openEvents(b, 16*scan.BlockRows)
	var rows []uint32
	for i := range s.Rows() {
		if uint32(i)*2654435761>>16%100 == 7 {
			rows = append(rows, uint32(i))
		}
	}
	deleted := (*index.RowSet)(nil).With(rows)
	for _, c := range []struct {
		name    string
		columns []int
		any     bool
	}{
		{"count", nil, true}, {"int2", []int{5}, true}, {"int4", []int{4}, true}, {"int8", []int{1}, true}, {"codes", []int{8}, true},
		{"four", []int{4, 5, 1, 8}, true}, {"four in order", []int{4, 5, 1, 8}, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			measure := func(p *Part) float64 {
				from := spent(b)
				for range 5 {
					addUp(b, p, c.columns, c.any)
				}
				return float64(spent(b) - from)
			}
			var ratios, plain []float64
			for b.Loop() {
				without := measure(s.All(nil))
				with := measure(s.All(nil).Without(0, deleted))
				ratios, plain = append(ratios, with/without), append(plain, without/5/float64(s.Rows()))
			}
			slices.Sort(ratios)
			slices.Sort(plain)
			b.ReportMetric(ratios[len(ratios)/2], "x")
			b.ReportMetric(plain[len(plain)/2], "ns/row")
		})
	}
}
