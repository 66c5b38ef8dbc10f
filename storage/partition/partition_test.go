package partition

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

var kinds = map[string]types.Kind{"date": types.Date, "timestamp": types.Timestamp, "timestamptz": types.Timestamptz,
	"int2": types.Int2, "int4": types.Int4, "int8": types.Int8}

// ruleOf reads "date day", "int8 1000000".
func ruleOf(t *testing.T, kind, unit string) Rule {
	r := Rule{Kind: kinds[kind], Unit: Unit(max(0, slices.Index(Words[:], unit)))}
	if r.Unit == Default {
		r.Unit = Width
		if _, err := fmt.Sscan(unit, &r.Width); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// "of" prints by value the partition, its first value and whether it has ended on 2026-11-30 at noon. "split" divides
// runs of rows, "<rows> of <value>", and prints the pieces.
func TestPartitions(t *testing.T) {
	noon := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var kind, unit string
			d.ScanArgs(t, "kind", &kind)
			d.ScanArgs(t, "unit", &unit)
			r := ruleOf(t, kind, unit)
			read := func(text string) types.Datum {
				v, err := types.Parse(types.T(r.Kind), text)
				if err != nil {
					d.Fatalf(t, "%v", err)
				}
				return v
			}
			var out strings.Builder
			v := &batch.Vector{}
			v.Reset(types.T(r.Kind), 0)
			for _, line := range strings.Split(d.Input, "\n") {
				if d.Cmd == "of" {
					x := read(line)
					n := r.Number(x.I)
					start := types.Datum{Type: x.Type, I: r.Start(n)}
					fmt.Fprintf(&out, "%s: %s, from %s, ended %v\n", line, r.Text(n), start.String(), r.Ended(n, noon))
					continue
				}
				var rows int
				_, err := fmt.Sscanf(line, "%d of", &rows)
				if err != nil {
					d.Fatalf(t, "%v", err)
				}
				_, text, _ := strings.Cut(line, " of ")
				x := types.NullOf(types.T(r.Kind))
				if text != "NULL" {
					x = read(text)
				}
				for range rows {
					v.AppendDatum(x)
				}
			}
			if d.Cmd == "split" {
				rows := NewRows(r, v.Len)
				rows.Add(v)
				of, n := rows.Split()
				for piece, x := range rows.Ranges(of, n) {
					count := v.Len
					if of != nil {
						count = 0
						for _, p := range of {
							if int(p) == piece {
								count++
							}
						}
					}
					name := "mixed"
					if number, one := r.Partition(x); one {
						name = r.Text(number)
					}
					fmt.Fprintf(&out, "%s: %d rows\n", name, count)
				}
			}
			return out.String()
		})
	})
}

// TestNumbersAscend: numbers ascend with values, a partition begins with a value of its own, and the value before that
// belongs to another; over the whole width of each type.
func TestNumbersAscend(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, rule := range []Rule{
		{types.Date, Day, 0}, {types.Date, Week, 0}, {types.Date, Month, 0}, {types.Date, Year, 0},
		{types.Timestamptz, Hour, 0}, {types.Timestamp, Day, 0}, {types.Timestamp, Week, 0}, {types.Timestamp, Month, 0}, {types.Timestamp, Year, 0},
		{types.Int8, Width, 1}, {types.Int8, Width, 1000}, {types.Int8, Width, math.MaxInt64}, {types.Int2, Width, 7},
	} {
		values := []int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64 - 1, math.MaxInt64, -1, 0, 1}
		for range 2000 {
			values = append(values, int64(r.Uint64())>>r.IntN(64))
		}
		switch rule.Kind {
		case types.Date:
			for i, v := range values {
				values[i] = max(min(v, math.MaxInt32), math.MinInt32)
			}
		case types.Int2:
			for i, v := range values {
				values[i] = int64(int16(v))
			}
		}
		slices.Sort(values)
		last := int64(math.MinInt64)
		for _, v := range values {
			n := rule.Number(v)
			if n < last || n == Null {
				t.Fatalf("%+v: value %d is in partition %d, behind %d", rule, v, n, last)
			}
			last = n
			if n == Infinity || n == NegInfinity {
				continue
			}
			start := rule.Start(n)
			if start > v || start != math.MinInt64 && rule.Number(start) != n || start > math.MinInt32 && rule.Number(start-1) >= n {
				t.Fatalf("%+v: partition %d of %d begins with %d", rule, n, v, start)
			}
			if end := rule.Start(n + 1); rule.Unit != Width && end <= v {
				t.Fatalf("%+v: partition %d of %d ends with %d", rule, n, v, end)
			}
		}
	}
}

// TestDefaultUnit: how large partitions are that nobody has asked for.
func TestDefaultUnit(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		kind   types.Kind
		retain time.Duration
		want   Unit
	}{
		{types.Timestamp, 0, Month}, {types.Date, 0, Month}, {types.Timestamp, 400 * day, Month}, {types.Timestamp, 100 * day, Day},
		{types.Date, 30 * day, Day}, {types.Date, time.Second, Day}, {types.Timestamp, 4 * day, Hour}, {types.Timestamptz, time.Second, Hour},
	} {
		if got := Of(c.kind, c.retain); got != c.want {
			t.Errorf("%v retained for %v: %s", c.kind, c.retain, Words[got])
		}
	}
}

// TestSplitMany: however many partitions there are, the pieces are few, and each row is in the piece that has its
// partition, or in the mixed one.
func TestSplitMany(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		n, partitions := 1+r.IntN(20_000), int64(1+r.IntN(3000))
		rows := NewRows(Rule{types.Int8, Width, 10}, n)
		v := &batch.Vector{}
		v.Reset(types.T(types.Int8), n)
		for i, values := 0, batch.Values[int64](v); i < n; i++ {
			if values[i] = 10 * (r.Int64N(partitions) * r.Int64N(partitions) / partitions); r.IntN(100) == 0 {
				v.SetNull(i)
			}
		}
		rows.Add(v)
		of, pieces := rows.Split()
		if pieces > piecesMost+1 || pieces > piecesFew+1 && pieces > pieceShare+n/pieceLeast {
			t.Fatalf("%d rows of %d partitions make %d pieces", n, partitions, pieces)
		}
		mixed := 0
		for _, x := range rows.Ranges(of, pieces) {
			if _, one := rows.Rule.Partition(x); !one {
				mixed++
			}
		}
		if mixed > 1 {
			t.Fatalf("%d mixed pieces", mixed)
		}
	}
}
