package suite

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Compare judges the answers of run against those of reference: the same rows in the same order, numbers equal to nine
// digits (averages are exact in one database and doubles in another).
func Compare(reference, run *Run) (equal int) {
	for i := range run.Timings {
		t := &run.Timings[i]
		if t.Error != "" {
			continue
		}
		if e := reference.Timings[i].Error; e != "" {
			t.Diff = "no answer to compare with: " + e
			continue
		}
		t.Diff = difference(reference.answers[i], run.answers[i])
		if t.Equal = t.Diff == ""; t.Equal {
			equal++
		}
	}
	return equal
}

// difference says where two answers first differ, "" when they are equal.
func difference(want, got Answer) string {
	if len(want) != len(got) {
		return fmt.Sprintf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		if len(want[i]) != len(got[i]) {
			return fmt.Sprintf("row %d: %d columns, want %d", i+1, len(got[i]), len(want[i]))
		}
		for c := range want[i] {
			if !sameValue(want[i][c], got[i][c]) {
				return fmt.Sprintf("row %d, column %d: %.60q, want %.60q", i+1, c+1, got[i][c], want[i][c])
			}
		}
	}
	return ""
}

func sameValue(a, b string) bool {
	if a == b {
		return true
	}
	if ia, err := strconv.ParseInt(a, 10, 64); err == nil {
		if ib, err := strconv.ParseInt(b, 10, 64); err == nil {
			return ia == ib
		}
	}
	fa, errA := strconv.ParseFloat(a, 64)
	fb, errB := strconv.ParseFloat(b, 64)
	if errA == nil && errB == nil {
		return fa == fb || math.Abs(fa-fb) <= 1e-9*math.Max(math.Abs(fa), math.Abs(fb))
	}
	return sameTime(a, b)
}

// sameTime lets "2013-07-14 00:00:00" equal "2013-07-14": databases print a date_trunc differently.
func sameTime(a, b string) bool {
	cut := func(s string) string {
		s = strings.TrimSuffix(s, ".000000")
		return strings.TrimSuffix(s, " 00:00:00")
	}
	return len(a) >= 10 && len(b) >= 10 && a[4] == '-' && cut(a) == cut(b)
}
