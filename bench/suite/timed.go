package suite

import (
	"context"
	"fmt"
	"slices"
)

// judge says what is wrong with a timed answer, "" for nothing: of the answer itself, not of a variant of the query.
func judge(ctx context.Context, t Target, q Query, checked, timed Answer) string {
	if q.Proof == nil && q.Check == "" {
		return difference(checked, timed)
	}
	if len(timed) != len(checked) {
		return fmt.Sprintf("%d rows, want %d", len(timed), len(checked))
	}
	if q.Proof == nil { // of which only the order of ties differs
		return missing(timed, nil, checked)
	}
	for i := range timed {
		for _, k := range q.Proof.keys {
			if k >= len(timed[i]) || !sameValue(checked[i][k], timed[i][k]) {
				return fmt.Sprintf("row %d has key %.60q, want %.60q", i+1, timed[i], checked[i][k])
			}
		}
	}
	if len(timed) == 0 {
		return ""
	}
	var hidden Answer
	if sql := q.Proof.hiddenKeys(); sql != "" {
		var err error
		if hidden, _, err = t.Query(ctx, sql); err != nil {
			return "its keys cannot be read: " + err.Error()
		}
		if len(hidden) != len(timed) {
			return fmt.Sprintf("%d rows have %d keys", len(timed), len(hidden))
		}
	}
	members, _, err := t.Query(ctx, q.Proof.members(timed, hidden))
	if err != nil {
		return "its rows cannot be looked for: " + err.Error()
	}
	return missing(timed, hidden, members)
}

// missing tells the first row of an answer that is not among members, each of which is good for one row.
func missing(timed, hidden, members Answer) string {
	used := make([]bool, len(members))
	for i, row := range timed {
		want := row
		if hidden != nil {
			want = append(slices.Clone(row), hidden[i]...)
		}
		found := false
		for m, member := range members {
			if !used[m] && sameRow(want, member) {
				used[m], found = true, true
				break
			}
		}
		if !found {
			return fmt.Sprintf("row %d, %.80q, is no row of the whole answer", i+1, row)
		}
	}
	return ""
}

func sameRow(a, b []string) bool { return slices.EqualFunc(a, b, sameValue) }
