package stats_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/bindtest"
	"github.com/siltstone-db/siltstone/sql/opt"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/stats"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// made is a table of a million rows by formula: id; city, of which each country has 100; country; shipped, a day, and
// delivered, some days later; note, a text in which one row of four says "late".
type made struct {
	asked  int // samples that were taken
	broken bool
}

const madeRows = 1_000_000

func (m *made) Rows() int64 { return madeRows }

func (m *made) Stats(c int) scan.ColumnStats {
	distinct := []int64{madeRows, 1000, 10, 400, 400, 4}[c]
	s := scan.ColumnStats{Rows: madeRows, Distinct: distinct}
	if c < 5 {
		s.HasRange, s.Min, s.Max = true, types.IntOf(types.T(types.Int4), 0), types.IntOf(types.T(types.Int4), distinct-1)
	}
	return s
}

func (m *made) value(c, row int) types.Datum {
	city := row * 7919 % 1000
	if row%3 == 0 {
		city = 500 // a third of all rows
	}
	i := []int{row, city, city / 100, row / 2500, row/2500 + row*31%5, 0}[c]
	if c == 5 {
		return types.TextOf([]string{"in time", "late by a day", "lost", "in time, too"}[row*13%4])
	}
	return types.IntOf(types.T(types.Int4), int64(i))
}

func (m *made) Sample(columns []int) (*batch.Batch, error) {
	if m.asked++; m.broken {
		return nil, errors.New("not to be read")
	}
	b := &batch.Batch{Len: scan.SampleMax}
	for _, c := range columns {
		v := new(batch.Vector)
		v.Reset(m.value(c, 0).Type, 0)
		for i := range b.Len {
			v.AppendDatum(m.value(c, scan.SamplePlace(i, b.Len, madeRows)))
		}
		b.Cols = append(b.Cols, v)
	}
	return b, nil
}

func (m *made) Common(c int) []scan.Common {
	if c != 1 {
		return nil
	}
	return []scan.Common{{Value: m.value(1, 0), Rows: 333_334 + 667}}
}

type source struct{ table *made }

func (s source) Table(*catalog.Table) (stats.Table, bool) { return s.table, true }

func (m *made) estimate(t *testing.T, where string) float64 {
	t.Helper()
	c, err := bindtest.New(`CREATE TABLE parcels (id int, city int, country int, shipped int, delivered int, note text)`)
	if err != nil {
		t.Fatal(err)
	}
	st, err := parse.Parse("SELECT id FROM parcels WHERE " + where)
	if err != nil {
		t.Fatal(err)
	}
	b, err := bind.New(c, nil, bind.Env{}).Statement(st[0])
	if err != nil {
		t.Fatal(err)
	}
	env := &fn.Context{}
	n, _, err := opt.Optimize(context.Background(), b.(*bind.Query).Plan, opt.Env{Stats: source{m}, Fn: env})
	if err != nil {
		t.Fatal(err)
	}
	return stats.New(source{m}, env).Rows(n)
}

// truth counts the rows of the formula.
func truth(f func(city, country, shipped, delivered int, note string) bool) (n float64) {
	m := &made{}
	for row := range madeRows {
		v := func(c int) int { return int(m.value(c, row).I) }
		if f(v(1), v(2), v(3), v(4), m.value(5, row).S) {
			n++
		}
	}
	return n
}

func TestSample(t *testing.T) {
	late := func(s string) bool { return len(s) > 4 && s[:4] == "late" }
	for _, c := range []struct {
		where string
		holds func(city, country, shipped, delivered int, note string) bool
	}{
		{"city = 500", func(city, _, _, _ int, _ string) bool { return city == 500 }},
		{"city <> 500", func(city, _, _, _ int, _ string) bool { return city != 500 }},
		{"city = 500 AND country = 5", func(city, _, _, _ int, _ string) bool { return city == 500 }},
		{"city = 500 AND country = 6", func(int, int, int, int, string) bool { return false }},
		{"city BETWEEN 100 AND 199 AND country = 1", func(city, _, _, _ int, _ string) bool { return city/100 == 1 }},
		{"delivered - shipped > 2", func(_, _, s, d int, _ string) bool { return d-s > 2 }},
		{"shipped < 100 AND delivered > 102", func(_, _, s, d int, _ string) bool { return s < 100 && d > 102 }},
		{"note LIKE 'late%'", func(_, _, _, _ int, n string) bool { return late(n) }},
		{"note LIKE '%late%' AND country IN (1, 2, 5)", func(_, c, _, _ int, n string) bool { return late(n) && (c == 1 || c == 2 || c == 5) }},
		{"country = 1 OR country = 2 OR city = 500", func(city, c, _, _ int, _ string) bool { return c == 1 || c == 2 || city == 500 }},
		{"length(note) = 7", func(_, _, _, _ int, n string) bool { return len(n) == 7 }},
	} {
		got, want := (&made{}).estimate(t, c.where), truth(c.holds)
		// Four times the deviation of a share found among 2,048, and the rows that a sample cannot see.
		if room := 4*math.Sqrt(want*(1-want/madeRows)*madeRows/scan.SampleMax) + 3*madeRows/scan.SampleMax; math.Abs(got-want) > room {
			t.Errorf("%s: %.0f rows, in truth %.0f (room for %.0f)", c.where, got, want, room)
		}
	}
}

// What no row of the sample has is estimated from statistics, and not above what the sample allows.
func TestSampleOfFew(t *testing.T) {
	if got := (&made{}).estimate(t, "id = 77"); got != 1 {
		t.Errorf("one row: %.0f", got)
	}
	if got := (&made{}).estimate(t, "id < 1000"); got < 300 || got > 3000 {
		t.Errorf("1,000 rows: %.0f", got)
	}
	if got := (&made{}).estimate(t, "city = 77"); got < 300 || got > 1500 {
		t.Errorf("667 rows: %.0f", got)
	}
}

// A condition that fails on a row, or is not the same each time, is estimated without a sample; so is everything when the
// sample cannot be read, which nobody is told of.
func TestWithoutSample(t *testing.T) {
	if got := (&made{}).estimate(t, "1 / (id % 2) = 1 AND note LIKE 'late%'"); got < 100 || got > 5000 {
		t.Errorf("a condition that fails: %.0f", got)
	}
	if got := (&made{}).estimate(t, "random() < id"); got != madeRows*0.25 && got != madeRows/3.0 {
		t.Errorf("a volatile condition: %.0f", got)
	}
	m := &made{broken: true}
	if got, want := m.estimate(t, "note LIKE 'late%'"), madeRows*0.05; got != want {
		t.Errorf("a sample that cannot be read: %.0f, want %.0f", got, want)
	}
	if m.asked != 1 {
		t.Errorf("asked %d times for a sample that cannot be read", m.asked)
	}
}
