package session_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// mrow is a version of a row; who has the pointer has the row.
type mrow struct {
	id int64
	g  *string
	v  *int64
}

// text is the row as client prints id, g and v.
func (r *mrow) text() string { return fmt.Sprintf("%d,%s,%s", r.id, orNull(r.g), orNull(r.v)) }

func orNull[T any](p *T) string {
	if p == nil {
		return "NULL"
	}
	return fmt.Sprint(*p)
}

// modelTables is what is committed: rows by table.
type modelTables [2][]*mrow

// modelTx is a transaction under snapshot isolation: what it saw at first, and what it did since.
type modelTx struct {
	base modelTables
	now  txState
	save []txState // of savepoints
	// failed: until the end, or a savepoint, every statement is refused.
	failed  bool
	cursors map[string]*modelCursor
}

type txState struct {
	deleted  [2]map[*mrow]bool // of base
	truncate [2]bool
	own      [2][]*mrow
}

// modelCursor is what is left of an answer.
type modelCursor struct{ rows []string }

func newModelTx(base modelTables) *modelTx {
	return &modelTx{base: base, now: txState{deleted: [2]map[*mrow]bool{{}, {}}}, cursors: map[string]*modelCursor{}}
}

func (s txState) clone() txState {
	for i := range s.own {
		s.deleted[i], s.own[i] = maps.Clone(s.deleted[i]), slices.Clone(s.own[i])
	}
	return s
}

// rows are those of a table that the transaction sees.
func (x *modelTx) rows(t int) []*mrow {
	var list []*mrow
	if !x.now.truncate[t] {
		for _, r := range x.base[t] {
			if !x.now.deleted[t][r] {
				list = append(list, r)
			}
		}
	}
	return append(list, x.now.own[t]...)
}

func (x *modelTx) insert(t int, rows []*mrow) {
	x.now.own[t] = append(x.now.own[t][:len(x.now.own[t]):len(x.now.own[t])], rows...)
}

// delete takes rows away that satisfy a condition and returns how many.
func (x *modelTx) delete(t int, c condition) int {
	n := 0
	gone := func(r *mrow) bool {
		if c.f(r) {
			n++
			return true
		}
		return false
	}
	if !x.now.truncate[t] {
		for _, r := range x.base[t] {
			if !x.now.deleted[t][r] && gone(r) {
				x.now.deleted[t][r] = true
			}
		}
	}
	x.now.own[t] = slices.DeleteFunc(slices.Clone(x.now.own[t]), gone)
	return n
}

func (x *modelTx) truncate(t int) { x.now.truncate[t], x.now.own[t] = true, nil }

// commit makes the transaction's changes those of all; false when a row that it took away has gone already.
func (x *modelTx) commit(all *modelTables) bool {
	for t := range all {
		if x.now.truncate[t] {
			continue
		}
		n := 0
		for _, r := range all[t] {
			if x.now.deleted[t][r] {
				n++
			}
		}
		if n < len(x.now.deleted[t]) {
			return false
		}
	}
	for t := range all {
		list := slices.DeleteFunc(slices.Clone(all[t]), func(r *mrow) bool { return x.now.deleted[t][r] })
		if x.now.truncate[t] {
			list = nil
		}
		all[t] = append(list, x.now.own[t]...)
	}
	return true
}

// condition is one in SQL and in Go. What is not true, NULL too, does not count.
type condition struct {
	sql string
	f   func(*mrow) bool
}

func randomCondition(r *rand.Rand) condition {
	k := int64(r.IntN(40) - 20)
	switch r.IntN(12) {
	case 0:
		return condition{fmt.Sprintf("v > %d", k), func(r *mrow) bool { return r.v != nil && *r.v > k }}
	case 1:
		return condition{fmt.Sprintf("NOT v <= %d", k), func(r *mrow) bool { return r.v != nil && *r.v > k }}
	case 2:
		s := groupName(r.IntN(9))
		return condition{fmt.Sprintf("g = '%s'", s), func(r *mrow) bool { return r.g != nil && *r.g == s }}
	case 3:
		return condition{"g IS NULL", func(r *mrow) bool { return r.g == nil }}
	case 4:
		return condition{"id % 7 = 3", func(r *mrow) bool { return r.id%7 == 3 }}
	case 5:
		from := int64(r.IntN(2000))
		return condition{fmt.Sprintf("id BETWEEN %d AND %d", from, from+200), func(r *mrow) bool { return r.id >= from && r.id <= from+200 }}
	case 6:
		return condition{fmt.Sprintf("v IN (%d, %d, 3, NULL)", k, k+1), func(r *mrow) bool { return r.v != nil && (*r.v == k || *r.v == k+1 || *r.v == 3) }}
	case 7:
		return condition{"g LIKE 'g1%'", func(r *mrow) bool { return r.g != nil && strings.HasPrefix(*r.g, "g1") }}
	case 8:
		return condition{fmt.Sprintf("upper(g) >= 'G5' AND v < %d", k), func(r *mrow) bool {
			return r.g != nil && r.v != nil && strings.ToUpper(*r.g) >= "G5" && *r.v < k
		}}
	case 9:
		return condition{fmt.Sprintf("coalesce(v, %d) = %d", k, k), func(r *mrow) bool { return r.v == nil || *r.v == k }}
	case 10:
		return condition{"length(g) > 100", func(r *mrow) bool { return r.g != nil && len(*r.g) > 100 }}
	}
	return condition{"true", func(*mrow) bool { return true }}
}

func groupName(n int) string {
	if n == 8 {
		return "g8" + strings.Repeat("x", 200)
	}
	return fmt.Sprintf("g%d", n)
}

// question is a query and its answer, as run gives it.
type question struct {
	sql  string
	want []string
}

// ask makes a question about the rows of a table.
func ask(r *rand.Rand, table string, all []*mrow) question {
	c := randomCondition(r)
	var rows []*mrow
	for _, x := range all {
		if c.f(x) {
			rows = append(rows, x)
		}
	}
	switch r.IntN(6) {
	case 0:
		return question{fmt.Sprintf("SELECT count(*), count(g), sum(v)::int8, min(v), max(v), min(g), max(g), count(DISTINCT g) FROM %s WHERE %s", table, c.sql),
			[]string{aggregate(rows)}}
	case 1:
		return question{fmt.Sprintf("SELECT g, count(*), sum(v)::int8, max(id) FROM %s WHERE %s GROUP BY g ORDER BY g", table, c.sql), grouped(rows)}
	case 2:
		return question{fmt.Sprintf("SELECT sum(length(g)), max(upper(g)) FROM %s", table), []string{lengths(all)}}
	case 3:
		n := map[string]int{}
		pairs := 0
		for _, x := range rows {
			if x.g != nil {
				n[*x.g]++
			}
		}
		for _, x := range all {
			if x.g != nil {
				pairs += n[*x.g]
			}
		}
		return question{fmt.Sprintf("SELECT count(*) FROM %[1]s AS a JOIN %[1]s AS b ON a.g = b.g WHERE a.id IN (SELECT id FROM %[1]s) AND b.%[2]s", table, "id IS NOT NULL") +
			" AND " + qualify(c.sql), []string{fmt.Sprint(pairs)}}
	case 4:
		texts := ordered(rows)
		from, n := min(r.IntN(5), len(texts)), r.IntN(30)
		return question{fmt.Sprintf("SELECT id, g, v FROM %s WHERE %s ORDER BY id, v, g LIMIT %d OFFSET %d", table, c.sql, n, from),
			texts[from:min(len(texts), from+n)]}
	}
	return question{fmt.Sprintf("SELECT id, g, v FROM %s WHERE %s ORDER BY id, v, g", table, c.sql), ordered(rows)}
}

// qualify makes the columns of a condition those of a.
func qualify(sql string) string {
	for _, c := range []string{"id ", "v ", "g ", "(g)", "(v,"} {
		sql = strings.ReplaceAll(" "+sql, " "+c, " a."+c)[1:]
	}
	sql = strings.ReplaceAll(sql, "(g)", "(a.g)")
	return strings.ReplaceAll(sql, "(v,", "(a.v,")
}

func ordered(rows []*mrow) []string {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b *mrow) int {
		return cmp.Or(cmp.Compare(a.id, b.id), nullsLast(a.v, b.v), nullsLast(a.g, b.g))
	})
	list := make([]string, len(rows))
	for i, r := range rows {
		list[i] = r.text()
	}
	return list
}

func nullsLast[T cmp.Ordered](a, b *T) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return cmp.Compare(*a, *b)
}

func aggregate(rows []*mrow) string {
	var sum, low, high *int64
	var first, last *string
	n, seen := 0, map[string]bool{}
	for _, r := range rows {
		if r.v != nil {
			s := *r.v
			if sum != nil {
				s += *sum
			}
			sum = &s
			if low == nil || *r.v < *low {
				low = r.v
			}
			if high == nil || *r.v > *high {
				high = r.v
			}
		}
		if r.g != nil {
			n++
			seen[*r.g] = true
			if first == nil || *r.g < *first {
				first = r.g
			}
			if last == nil || *r.g > *last {
				last = r.g
			}
		}
	}
	return fmt.Sprintf("%d,%d,%s,%s,%s,%s,%s,%d", len(rows), n, orNull(sum), orNull(low), orNull(high), orNull(first), orNull(last), len(seen))
}

func grouped(rows []*mrow) []string {
	by := map[string][]*mrow{}
	for _, r := range rows {
		by[orNull(r.g)] = append(by[orNull(r.g)], r)
	}
	names := slices.Sorted(maps.Keys(by))
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(b2i(a == "NULL"), b2i(b == "NULL")) })
	var list []string
	for _, name := range names {
		var sum *int64
		high := int64(-1)
		for _, r := range by[name] {
			high = max(high, r.id)
			if r.v != nil {
				s := *r.v
				if sum != nil {
					s += *sum
				}
				sum = &s
			}
		}
		list = append(list, fmt.Sprintf("%s,%d,%s,%d", name, len(by[name]), orNull(sum), high))
	}
	return list
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func lengths(rows []*mrow) string {
	var sum *int64
	var last *string
	for _, r := range rows {
		if r.g == nil {
			continue
		}
		n, s := int64(len(*r.g)), strings.ToUpper(*r.g)
		if sum != nil {
			n += *sum
		}
		sum = &n
		if last == nil || s > *last {
			last = &s
		}
	}
	return orNull(sum) + "," + orNull(last)
}
