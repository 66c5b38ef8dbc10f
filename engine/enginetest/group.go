package enginetest

import (
	"math/big"
	"strings"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
)

// Aggregate is one call of the oracle: ordinals in the rows, Filter -1 for none.
type Aggregate struct {
	Kind     fn.AggKind
	Column   int
	Distinct bool
	Filter   int
	Result   types.Type
}

// GroupBy computes an aggregation row by row.
func GroupBy(rows []Row, keys []int, calls []Aggregate) []Row {
	groups := map[string][]Row{}
	var order []string
	for _, r := range rows {
		k := ""
		for _, c := range keys {
			k += keyText(r[c]) + "\x00"
		}
		if _, ok := groups[k]; !ok {
			order = append(order, k)
		}
		groups[k] = append(groups[k], r)
	}
	if len(keys) == 0 && len(order) == 0 {
		order = append(order, "")
	}
	var out []Row
	for _, k := range order {
		var row Row
		for _, c := range keys {
			row = append(row, groups[k][0][c])
		}
		for _, call := range calls {
			row = append(row, aggregate(groups[k], call))
		}
		out = append(out, row)
	}
	return out
}

// keyText is the same for equal values.
func keyText(d types.Datum) string {
	switch {
	case d.Null:
		return "N"
	case d.Type.Kind == types.Numeric && d.Type.Physical() == types.PhysBytes:
		return "V" + string(decimal.Key([]byte(d.S)))
	case d.Type.Kind == types.JSONB:
		return "V" + string(jsonb.Key([]byte(d.S)))
	case d.Type.Kind == types.Interval:
		m, days, us := d.IntervalParts()
		n := decimal.MulInt64(int64(m)*30+int64(days), 86_400_000_000).AddWrapping(decimal.Int128From64(us))
		return "V" + n.Big().String()
	}
	return "V" + Row{d}.String()
}

func aggregate(rows []Row, c Aggregate) types.Datum {
	var in []types.Datum
	seen := map[string]bool{}
	n := int64(0)
	for _, r := range rows {
		if c.Filter >= 0 && (r[c.Filter].Null || r[c.Filter].I == 0) {
			continue
		}
		n++
		if c.Kind == fn.CountStar || r[c.Column].Null {
			continue
		}
		if k := keyText(r[c.Column]); c.Distinct && seen[k] {
			continue
		} else if c.Distinct {
			seen[k] = true
		}
		in = append(in, r[c.Column])
	}
	switch c.Kind {
	case fn.CountStar:
		return types.IntOf(c.Result, n)
	case fn.Count:
		return types.IntOf(c.Result, int64(len(in)))
	}
	if len(in) == 0 {
		return types.NullOf(c.Result)
	}
	switch c.Kind {
	case fn.Min, fn.Max, fn.BoolAnd, fn.BoolOr:
		return extreme(in, c)
	case fn.StringAgg:
		var parts []string
		for _, d := range in {
			parts = append(parts, d.S)
		}
		return types.StringOf(c.Result, strings.Join(parts, ","))
	}
	return sums(in, c)
}

func extreme(in []types.Datum, c Aggregate) types.Datum {
	best := in[0]
	for _, d := range in[1:] {
		cmp := types.Compare(d, best)
		if c.Kind == fn.Max || c.Kind == fn.BoolOr {
			cmp = -cmp
		}
		if cmp < 0 {
			best = d
		}
	}
	best.Type = c.Result
	return best
}

// sums computes sum, avg and the variances with numeric or floats.
func sums(in []types.Datum, c Aggregate) types.Datum {
	if p := in[0].Type.Physical(); p == types.PhysFloat32 || p == types.PhysFloat64 {
		s, sq, n := 0.0, 0.0, float64(len(in))
		for _, d := range in {
			s += d.F
		}
		for _, d := range in {
			sq += (d.F - s/n) * (d.F - s/n)
		}
		return floatResult(s, sq, n, c)
	}
	sum := new(big.Rat)
	for _, d := range in {
		x, _ := new(big.Rat).SetString(string(types.Append(nil, d)))
		sum.Add(sum, x)
	}
	dec, _ := decimal.Parse([]byte(sum.FloatString(scaleOf(in))))
	if c.Kind == fn.Avg {
		dec, _ = dec.Quo(decimal.FromInt64(int64(len(in))))
	}
	if c.Result.Kind != types.Numeric {
		v, _ := dec.Int64()
		return types.IntOf(c.Result, v)
	}
	d, _ := types.NumericDatum(c.Result, dec)
	return d
}

// scaleOf returns the largest number of digits after the point.
func scaleOf(in []types.Datum) int {
	most := 0
	for _, d := range in {
		s := string(types.Append(nil, d))
		if i := strings.IndexByte(s, '.'); i >= 0 {
			most = max(most, len(s)-i-1)
		}
	}
	return most
}

func floatResult(s, sq, n float64, c Aggregate) types.Datum {
	switch c.Kind {
	case fn.Sum:
		return types.FloatOf(c.Result, s)
	case fn.Avg:
		return types.FloatOf(c.Result, s/n)
	case fn.VarPop:
		return types.FloatOf(c.Result, sq/n)
	}
	if n < 2 {
		return types.NullOf(c.Result)
	}
	return types.FloatOf(c.Result, sq/(n-1))
}
