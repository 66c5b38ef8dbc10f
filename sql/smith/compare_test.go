package smith

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// OIDs of the types whose values have several texts for what is equal, or depend on the order of additions.
const (
	oidFloat4   = 700
	oidFloat8   = 701
	oidBpchar   = 1042
	oidInterval = 1186
	oidNumeric  = 1700
)

// exact compares two answers to a scalar query: everything counts but the last digits of floats.
func exact(a, b *result) string {
	if a.code != b.code {
		return "SQLSTATE"
	}
	if a.code == "" && !slices.Equal(a.oids, b.oids) {
		return "types"
	}
	return differ(a.oids, a.rows, b.rows)
}

// sameRows compares the rows of two answers that may differ in what equal values look like, and in their order unless
// ordered is true.
func sameRows(a, b *result, ordered bool) string {
	if !slices.Equal(a.oids, b.oids) {
		return fmt.Sprintf("types %v %v", a.oids, b.oids)
	}
	x, y := normal(a), normal(b)
	if problem := differ(a.oids, x, y); problem == "" || ordered {
		return problem
	}
	// Floats that differ in their last digits may sort differently, so they are rounded for the order.
	slices.SortFunc(x, byText(a.oids))
	slices.SortFunc(y, byText(a.oids))
	return differ(a.oids, x, y)
}

func byText(oids []uint32) func(a, b []string) int {
	round := func(row []string) string {
		out := slices.Clone(row)
		for i, v := range out {
			if f, err := strconv.ParseFloat(v, 64); err == nil && (oids[i] == oidFloat4 || oids[i] == oidFloat8) {
				out[i] = fmt.Sprintf("%.10g", f)
			}
		}
		return strings.Join(out, "\x01")
	}
	return func(a, b []string) int { return strings.Compare(round(a), round(b)) }
}

// normal gives equal values one text: 1.0 and 1.00, 1 mon and 30 days, 0 and -0, characters of several lengths.
func normal(r *result) [][]string {
	out := make([][]string, len(r.rows))
	for i, row := range r.rows {
		out[i] = slices.Clone(row)
		for c, v := range row {
			switch {
			case v == null:
			case r.oids[c] == oidBpchar:
				out[i][c] = strings.TrimRight(v, " ")
			case r.oids[c] == oidNumeric && strings.Contains(v, "."):
				out[i][c] = strings.TrimRight(strings.TrimRight(v, "0"), ".")
			case r.oids[c] == oidInterval:
				if d, err := types.Parse(types.T(types.Interval), v); err == nil {
					m, days, us := d.IntervalParts()
					n := decimal.MulInt64(int64(m)*30+int64(days), 86_400_000_000).AddWrapping(decimal.Int128From64(us))
					out[i][c] = n.Big().String()
				}
			case v == "-0":
				out[i][c] = "0"
			}
		}
	}
	return out
}

func differ(oids []uint32, a, b [][]string) string {
	if len(a) != len(b) {
		return fmt.Sprintf("%d rows, %d rows", len(a), len(b))
	}
	for i := range a {
		for c := range a[i] {
			if x, y := a[i][c], b[i][c]; x != y && !closeFloats(oids[c], x, y) {
				return fmt.Sprintf("row %d: %q, %q", i, a[i], b[i])
			}
		}
	}
	return ""
}

func closeFloats(oid uint32, a, b string) bool {
	tolerance := 1e-9
	switch oid {
	case oidFloat4:
		tolerance = 1e-4
	case oidFloat8:
	default:
		return false
	}
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err1 == nil && err2 == nil && math.Abs(x-y) <= tolerance*max(math.Abs(x), math.Abs(y), 1e-3)
}
