package fn

import (
	"maps"
	"slices"

	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

func init() {
	add := func(name string, kind AggKind, result func([]types.Type) types.Type, args ...types.Type) *Aggregate {
		a := &Aggregate{Name: name, Kind: kind, Args: args, Result: result}
		aggregates[name] = append(aggregates[name], a)
		return a
	}
	add("count", CountStar, returns(tInt8)).Zero = true
	add("count", Count, returns(tInt8), tAny).Zero = true
	for _, t := range list(tInt2, tInt4) {
		add("sum", Sum, returns(tInt8), t)
	}
	add("sum", Sum, returns(types.NumericOf(decimal.Precision128, 0)), tInt8)
	add("sum", Sum, returns(tFloat4), tFloat4)
	add("sum", Sum, returns(tFloat8), tFloat8)
	add("sum", Sum, sumNumeric, tNumeric)
	add("sum", Sum, returns(tIntvl), tIntvl)
	for _, t := range list(tInt2, tInt4, tInt8, tNumeric) {
		add("avg", Avg, returns(tNumeric), t)
	}
	for _, t := range list(tFloat4, tFloat8) {
		add("avg", Avg, returns(tFloat8), t)
	}
	add("avg", Avg, returns(tIntvl), tIntvl)
	for _, t := range list(tInt2, tInt4, tInt8, tFloat4, tFloat8, tNumeric, tText, tChar, tDate, tTime, tTS, tTSTZ, tIntvl, tOid, tAnyArr) {
		add("min", Min, sameAsFirst, t)
		add("max", Max, sameAsFirst, t)
	}
	add("bool_and", BoolAnd, returns(tBool), tBool)
	add("every", BoolAnd, returns(tBool), tBool)
	add("bool_or", BoolOr, returns(tBool), tBool)
	for name, kind := range map[string]AggKind{"stddev": StddevSamp, "stddev_samp": StddevSamp, "stddev_pop": StddevPop,
		"variance": VarSamp, "var_samp": VarSamp, "var_pop": VarPop} {
		for _, t := range list(tInt2, tInt4, tInt8, tNumeric) {
			add(name, kind, returns(tNumeric), t)
		}
		for _, t := range list(tFloat4, tFloat8) {
			add(name, kind, returns(tFloat8), t)
		}
	}
	for name, kind := range map[string]AggKind{"bit_and": BitAnd, "bit_or": BitOr, "bit_xor": BitXor} {
		for _, t := range list(tInt2, tInt4, tInt8) {
			add(name, kind, sameAsFirst, t)
		}
	}
	for name, kind := range map[string]AggKind{"corr": Corr, "covar_pop": CovarPop, "covar_samp": CovarSamp, "regr_avgx": RegrAvgx,
		"regr_avgy": RegrAvgy, "regr_intercept": RegrIntercept, "regr_r2": RegrR2, "regr_slope": RegrSlope, "regr_sxx": RegrSxx,
		"regr_sxy": RegrSxy, "regr_syy": RegrSyy} {
		add(name, kind, returns(tFloat8), tFloat8, tFloat8)
	}
	add("regr_count", RegrCount, returns(tInt8), tFloat8, tFloat8).Zero = true
	add("string_agg", StringAgg, returns(tText), tText, tText).Arrival = true
	add("string_agg", StringAgg, returns(tBytea), tBytea, tBytea).Arrival = true
	add("array_agg", ArrayAgg, func(ts []types.Type) types.Type { return types.ArrayOf(ts[0].Kind) }, tAny).Arrival = true
	add("json_agg", JSONAgg, returns(tJSON), tJSON).Arrival = true
	add("jsonb_agg", JSONBAgg, returns(tJSONB), tJSONB).Arrival = true
	add("json_object_agg", JSONObjectAgg, returns(tJSON), tText, tJSON).Arrival = true
	add("jsonb_object_agg", JSONBObjectAgg, returns(tJSONB), tText, tJSONB).Arrival = true
	add("any_value", AnyValue, sameAsFirst, tAny).Arrival = true
}

// jsonLines is json_agg over arrays and rows.
var jsonLines = &Aggregate{Name: "json_agg", Kind: JSONAggLines, Args: list(tJSON), Result: returns(tJSON), Arrival: true}

// JSONLines returns the json_agg that writes each element on a line of its own, as that of arrays and rows does.
func JSONLines() *Aggregate { return jsonLines }

// sameAsFirst returns the type of the first argument; minima of varchar are text, as in PostgreSQL.
func sameAsFirst(ts []types.Type) types.Type {
	if ts[0].Kind == types.Varchar {
		return tText
	}
	return ts[0]
}

// sumNumeric keeps the scale; 38 digits hold any sum of values that have up to 19 digits fewer.
func sumNumeric(ts []types.Type) types.Type {
	if ts[0].Precision == 0 {
		return tNumeric
	}
	return numericOf(decimal.Precision128+1, int(ts[0].Scale))
}

// Aggregates returns all registered aggregates by name.
func Aggregates() []*Aggregate {
	var all []*Aggregate
	for _, name := range slices.Sorted(maps.Keys(aggregates)) {
		all = append(all, aggregates[name]...)
	}
	return all
}
