package smith

import (
	"fmt"
	"strings"
)

// windowed makes a SELECT of window functions. Where a function depends on the order of rows that its window calls peers,
// the numbers of the rows are among the keys.
func (g *Generator) windowed(what []string) *Node {
	t := pick(g, g.tables)
	name := g.alias()
	from, sc, ids := text(t.Name+" "+name), t.scope(name), []string{name + ".id"}
	if g.chance(0.3) {
		o := pick(g, g.tables)
		other := g.alias()
		from = glue("%s "+pick(g, []string{"JOIN", "LEFT JOIN", "FULL JOIN"})+" "+o.Name+" "+other+" ON "+name+".id = "+other+".id", from)
		sc, ids = append(sc, o.scope(other)...), append(ids, other+".id")
	}
	where, tail := text(""), text("")
	if g.chance(0.4) {
		where = maybe(" WHERE %s", g.expr(sc, "bool", 2))
	}
	var named *Node
	if g.chance(0.25) {
		named = g.windowKeys(sc, ids, g.rng.IntN(2), 0, true)
		tail = glue(" WINDOW w AS (%s)", named)
	}
	g.depth += 2 // no subqueries
	defer func() { g.depth -= 2 }()
	var items []*Node
	for i, kind := range what {
		as := fmt.Sprintf("%%s AS c%d", i)
		if g.chance(0.2) {
			items = append(items, glue(as, g.expr(sc, kind, 1)))
			continue
		}
		items = append(items, glue(as, g.windowCall(sc, ids, kind, named != nil)))
	}
	return glue("SELECT %s FROM %s%s%s", list(", ", items...), from, where, tail)
}

// windowCall makes a call of a window function of a type.
func (g *Generator) windowCall(sc scope, ids []string, kind string, named bool) *Node {
	rules := aggregatesOf(kind)
	var plain []rule
	for _, r := range rules {
		if whole := strings.Join(r.parts, ""); !strings.Contains(whole, "DISTINCT") && !strings.Contains(whole, "ORDER BY") {
			plain = append(plain, r)
		}
	}
	var call *Node
	exact, aggregate := true, false
	switch {
	case len(plain) > 0 && g.chance(0.6):
		call, aggregate = g.fill(sc, kind, pick(g, plain), 2), true
		exact = false
		if g.chance(0.2) {
			call = glue("%s FILTER (WHERE %s)", call, g.expr(sc, "bool", 1))
		}
	case kind == "i8" && g.chance(0.7):
		f := pick(g, []string{"row_number()", "rank()", "dense_rank()"})
		call, exact = text(f), f == "row_number()"
	case kind == "f8" && g.chance(0.5):
		call, exact = text(pick(g, []string{"percent_rank()", "cume_dist()"})), false
	case kind == "i4" && g.chance(0.3):
		call = text("ntile(" + pick(g, []string{"1", "3", "4", "100", "NULL"}) + ")")
	default:
		call = g.fill(sc, kind, parseRule(pick(g, []string{"lag({same})", "lag({same}, 2)", "lag({same}, -1, {same})", "lead({same})",
			"lead({same}, 3, {same})", "lag({same}, {i4} % 3, {same})", "first_value({same})", "last_value({same})",
			"nth_value({same}, 2)", "nth_value({same}, 1 + {i4} % 2)"})), 2)
	}
	over := glue(" OVER (%s)", g.window(sc, ids, exact, aggregate))
	if named && (exact || g.chance(0.5)) {
		over = text(" OVER w")
		if g.chance(0.5) {
			over = glue(" OVER (w %s)", g.exactFrame())
		}
	}
	n := glue("%s%s", call, over)
	n.kind = kind
	return n
}

// window makes what stands in the parentheses of OVER.
func (g *Generator) window(sc scope, ids []string, exact, aggregate bool) *Node {
	if !exact && g.chance(0.3) { // one key, for RANGE with offsets
		kind := pick(g, []string{"i2", "i4", "i8", "f4", "f8", "num", "n92", "date", "ts", "tz", "time", "iv"})
		key := g.leaf(sc, kind)
		direction := pick(g, []string{"", " DESC", " NULLS FIRST", " DESC NULLS LAST"})
		part := text("")
		if g.chance(0.5) {
			part = maybe("PARTITION BY %s ", g.leaf(sc, pick(g, sc).kind))
		}
		return glue("%sORDER BY %s"+direction+" %s", part, key, g.frame("RANGE", rangeOffsets(kind)...))
	}
	order := g.rng.IntN(3)
	keys := g.windowKeys(sc, ids, g.rng.IntN(3), order, exact)
	switch {
	case g.chance(0.4):
		return keys
	case exact:
		return glue("%s %s", keys, g.exactFrame())
	case order == 0:
		return glue("%s %s", keys, g.frame("RANGE"))
	}
	mode := "RANGE"
	if aggregate && g.chance(0.5) {
		mode = "GROUPS"
	}
	return glue("%s %s", keys, g.frame(mode, "0", "1", "2"))
}

// exactFrame makes a frame over rows in a defined order.
func (g *Generator) exactFrame() *Node {
	return g.frame(pick(g, []string{"ROWS", "ROWS", "GROUPS"}), "0", "1", "2", "3", "9223372036854775807")
}

// windowKeys makes PARTITION BY and ORDER BY. An exact order ends with the numbers of the rows.
func (g *Generator) windowKeys(sc scope, ids []string, part, order int, exact bool) *Node {
	var keys, by []*Node
	for range part {
		keys = append(keys, g.leaf(sc, pick(g, sc).kind))
	}
	for range order {
		by = append(by, glue("%s"+pick(g, []string{"", " DESC", " NULLS FIRST", " DESC NULLS LAST"}), g.leaf(sc, pick(g, sc).kind)))
	}
	if exact {
		for _, id := range ids {
			by = append(by, text(id))
		}
	}
	n := text("")
	if len(keys) > 0 {
		n = maybe("PARTITION BY %s", list(", ", keys...))
	}
	if len(by) > 0 {
		n = glue("%s ORDER BY %s", n, list(", ", by...))
	}
	return n
}

// frame makes a frame, with offsets where some are given.
func (g *Generator) frame(mode string, offsets ...string) *Node {
	bounds := []string{"UNBOUNDED PRECEDING", "CURRENT ROW", "CURRENT ROW", "UNBOUNDED FOLLOWING"}
	place := func(last bool) (int, string) {
		at := g.rng.IntN(5)
		if len(offsets) == 0 && at%2 == 1 {
			at--
		}
		switch {
		case at == 0 && last, at == 4 && !last:
			at = 2
		}
		switch at {
		case 1:
			return 1, pick(g, offsets) + " PRECEDING"
		case 3:
			return 3, pick(g, offsets) + " FOLLOWING"
		}
		return at, bounds[[]int{0, 0, 1, 0, 3}[at]]
	}
	from, start := place(false)
	to, end := place(true)
	if from > to { // refused, and the parser says so
		end = bounds[3]
	}
	exclude := pick(g, []string{"", "", "", " EXCLUDE NO OTHERS", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES"})
	if from <= 2 && g.chance(0.2) {
		return maybe(mode + " " + start + exclude)
	}
	return maybe(mode + " BETWEEN " + start + " AND " + end + exclude)
}

// rangeOffsets are offsets of RANGE for keys of a type.
func rangeOffsets(kind string) []string {
	switch kind {
	case "i2", "i4", "i8":
		return []string{"0", "1", "10", "100000"}
	case "f4", "f8":
		return []string{"0", "0.5::float8", "1e10::float8", "'infinity'::float8"}
	case "num", "n92":
		return []string{"0", "0.5", "1.005", "1000000000000"}
	case "time":
		return []string{"interval '0'", "interval '90 minutes'", "interval '30 hours'"}
	}
	return []string{"interval '0'", "interval '1 day'", "interval '1 month'", "interval '36 hours 5 minutes'", "'1 year'"}
}
