package source_test

import (
	"context"
	"math"
	"testing"

	"github.com/siltstone-db/siltstone/engine/enginetest"
	"github.com/siltstone-db/siltstone/engine/exec"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/engine/source"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// read returns the rows of a series in a shape.
func read(t *testing.T, s *source.Series, shape enginetest.Shape) []enginetest.Row {
	t.Helper()
	var cols []int
	for i := range s.Types() {
		cols = append(cols, i)
	}
	src := source.NewScan(s, scan.Request{Columns: cols})
	rows, err := enginetest.Run(t, shape, s.Types(), &exec.Pipeline{Source: src})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestIntegers(t *testing.T) {
	for _, kind := range []types.Kind{types.Int4, types.Int8} {
		typ := types.T(kind)
		for _, c := range []struct{ start, stop, step int64 }{
			{1, 0, 1}, {0, 1, -1}, {5, 5, 1}, {5, 5, -3}, {1, 5000, 1}, {-7, 9000, 3}, {9000, -7, -3}, {1, 10, 100},
			{math.MaxInt32 - 3, math.MaxInt32, 2}, {math.MinInt32, math.MinInt32 + 4, 4}, {math.MinInt32, math.MaxInt32, math.MaxInt32},
		} {
			var want []enginetest.Row
			for x := c.start; c.step > 0 && x <= c.stop || c.step < 0 && x >= c.stop; x += c.step {
				want = append(want, enginetest.Row{types.IntOf(typ, x), types.IntOf(types.T(types.Int8), int64(len(want)+1))})
			}
			s, err := source.NewIntegers(typ, c.start, c.stop, c.step, true)
			if err != nil {
				t.Fatal(err)
			}
			for _, shape := range enginetest.Shapes {
				enginetest.Equal(t, typ.String(), read(t, s, shape), want)
			}
		}
	}
}

// TestIntegersAtTheEnds: neither the number of values nor a value leaves 64 bits.
func TestIntegersAtTheEnds(t *testing.T) {
	big := types.T(types.Int8)
	for _, c := range []struct{ start, stop, step, rows int64 }{
		{math.MaxInt64 - 1, math.MaxInt64, 1, 2},
		{math.MinInt64 + 1, math.MinInt64, -1, 2},
		{math.MinInt64, math.MaxInt64, math.MaxInt64, 3},
		{math.MaxInt64, math.MinInt64, math.MinInt64, 2},
		{math.MinInt64, math.MaxInt64, 2, -1},
		{0, math.MaxInt64 - 1, 1, math.MaxInt64},
	} {
		s, err := source.NewIntegers(big, c.start, c.stop, c.step, false)
		switch {
		case c.rows < 0 && err == nil, c.rows >= 0 && (err != nil || s.Rows() != c.rows):
			t.Errorf("%+v: %v, %v", c, s, err)
		case c.rows >= 0 && c.rows < 10:
			rows := read(t, s, enginetest.Shapes[0])
			if last := rows[len(rows)-1][0].I; int64(len(rows)) != c.rows || last != c.start+(c.rows-1)*c.step {
				t.Errorf("%+v: %v", c, rows)
			}
		}
	}
	if _, err := source.NewIntegers(big, 1, 2, 0, false); !errs.Is(err, errs.InvalidParameterValue) {
		t.Errorf("a step of zero: %v", err)
	}
}

func datum(t *testing.T, kind types.Kind, text string) types.Datum {
	t.Helper()
	d, err := types.Parse(types.T(kind), text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestSteps: a value follows from the one before, so that months keep the lengths they have (the dates are
// PostgreSQL's), wherever a batch ends and however many readers there are.
func TestSteps(t *testing.T) {
	env := &fn.Context{Ctx: context.Background()}
	for _, c := range []struct {
		first, last, step string
		rows              int64
		end               string
	}{
		{"2024-01-31", "2024-05-31", "1 month", 5, "2024-05-29"},
		{"2024-05-31", "2024-01-01", "-1 month", 5, "2024-01-29"},
		{"2024-01-01", "2023-01-01", "1 day", 0, ""},
		{"2020-01-01", "2020-01-01 02:30:00", "1 second", 9001, "2020-01-01 02:30:00"},
	} {
		s, err := source.NewSteps(datum(t, types.Timestamp, c.first), datum(t, types.Timestamp, c.last), datum(t, types.Interval, c.step), true, env)
		if err != nil {
			t.Fatal(err)
		}
		var want []enginetest.Row
		for _, shape := range enginetest.Shapes {
			got := read(t, s, shape)
			if int64(len(got)) != c.rows || s.Rows() != c.rows {
				t.Fatalf("%+v: %d rows, says %d", c, len(got), s.Rows())
			}
			if c.rows == 0 {
				continue
			}
			if want == nil {
				want = got
			}
			enginetest.Equal(t, c.step, got, want)
			for _, r := range got {
				if r[1].I == c.rows && r[0].I != datum(t, types.Timestamp, c.end).I {
					t.Errorf("%+v: ends with %v", c, r[0])
				}
			}
		}
	}
	zero := datum(t, types.Interval, "0 days")
	if _, err := source.NewSteps(datum(t, types.Timestamp, "2024-01-01"), datum(t, types.Timestamp, "2024-01-02"), zero, false, env); !errs.Is(err, errs.InvalidParameterValue) {
		t.Errorf("a step of zero: %v", err)
	}
}

// TestStepsStop: the pass that counts the values ends with its context.
func TestStepsStop(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := source.NewSteps(datum(t, types.Timestamp, "2000-01-01"), datum(t, types.Timestamp, "2400-01-01"), datum(t, types.Interval, "1 second"),
		false, &fn.Context{Ctx: ctx})
	if err == nil {
		t.Error("no error")
	}
}
