package aggstate

import (
	"math"

	"github.com/siltstone-db/siltstone/engine/hashtable"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

const (
	microsPerDay = 86_400_000_000
	daysPerMonth = 30 // PostgreSQL's rule for dividing intervals
)

// sumInterval adds the fields of intervals up by themselves: months, days, microseconds. Whether months and days fit an
// interval is seen at the end.
var sumInterval = newKind(Kind{
	Number: 14, Words: 3,
	Update:   perRow(addInterval),
	Weighted: perRow(addInterval),
	Retract:  retracting(addInterval),
	Merge: func(_ *State, r, o []uint64) error {
		return plusInterval(r, int64(o[0]), int64(o[1]), int64(o[2]))
	},
	sum: func(_ *State, r []uint64, out *Output) error { return out.interval(r) },
	avg: avgInterval,
})

func addInterval(_ *State, r, v []uint64, n int64) error {
	months, days, micros := hashtable.IntervalWords(v[0], v[1])
	product := decimal.MulInt64(micros, n)
	if !product.IsInt64() {
		return intervalRange()
	}
	return plusInterval(r, int64(months)*n, int64(days)*n, int64(product.Lo))
}

func plusInterval(r []uint64, months, days, micros int64) error {
	sum := int64(r[2]) + micros
	if (int64(r[2])^sum)&(micros^sum) < 0 {
		return intervalRange()
	}
	r[0] += uint64(months)
	r[1] += uint64(days)
	r[2] = uint64(sum)
	return nil
}

// avgInterval divides a sum of intervals, carrying what is left of months into days and of days into time, as
// PostgreSQL's interval_div does.
func avgInterval(_ *State, r []uint64, rows uint64, out *Output) error {
	months, days, micros, n := int64(r[0]), int64(r[1]), int64(r[2]), int64(rows)
	if months != int64(int32(months)) || days != int64(int32(days)) {
		return intervalRange() // as PostgreSQL, whose sum is an interval
	}
	monthDays := float64(months%n) / float64(n) * daysPerMonth
	monthDays = math.RoundToEven(monthDays*1e6) / 1e6
	rest := float64(days%n)/float64(n) + monthDays - math.Trunc(monthDays)
	rest = math.RoundToEven(rest*86400*1e6) / (86400 * 1e6)
	day := days/n + int64(monthDays)
	if math.Abs(rest) >= 1 {
		day += int64(rest)
		rest -= math.Trunc(rest)
	}
	us := math.RoundToEven(float64(micros)/float64(n) + rest*microsPerDay)
	return out.interval([]uint64{uint64(months / n), uint64(day), uint64(int64(us))})
}

func intervalRange() error { return errs.New(errs.DatetimeFieldOverflow, "interval out of range") }
