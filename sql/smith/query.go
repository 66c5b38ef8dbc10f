package smith

import (
	"fmt"
	"strings"
)

// Scalar makes a query of one expression over one row, whose error, if it has one, is the only one it can have.
func (g *Generator) Scalar() *Node {
	t := g.tables[0]
	kind := pick(g, kinds)
	return glue(fmt.Sprintf("SELECT %%s FROM %s WHERE id = %d", t.Name, g.rng.IntN(len(t.Rows))), g.expr(t.scope(t.Name), kind, 3))
}

// Partition makes a query and three whose rows together are its rows: those for which a condition is true, false, and
// unknown.
func (g *Generator) Partition() (whole string, parts [3]string) {
	from, sc := g.from(2)
	var items []*Node
	for range 1 + g.rng.IntN(3) {
		items = append(items, g.leaf(sc, pick(g, sc).kind))
	}
	p := "(" + g.expr(sc, "bool", 3).String() + ")"
	whole = glue("SELECT %s FROM %s", list(", ", items...), from).String()
	for i, c := range []string{" WHERE " + p, " WHERE NOT " + p, " WHERE " + p + " IS NULL"} {
		parts[i] = whole + c
	}
	return whole, parts
}

// Query makes a query. Its rows come in a defined order when ordered is true.
func (g *Generator) Query() (n *Node, ordered bool) {
	var what []string
	for range 1 + g.rng.IntN(3) {
		what = append(what, pick(g, kinds))
	}
	body := g.selection(what, true)
	if g.chance(0.2) {
		body = g.windowed(what)
	}
	if g.chance(0.15) {
		op := pick(g, []string{"UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"})
		body = glue("%s "+op+" %s", body, g.selection(what, true))
	}
	switch {
	case g.chance(0.3):
		return glue("%s%s", body, g.order(len(what))), true
	case g.chance(0.1):
		return g.with(body), false
	}
	return body, false
}

// with makes a query that reads a WITH query once or several times.
func (g *Generator) with(body *Node) *Node {
	q := g.alias()
	main := pick(g, []string{
		"SELECT * FROM %[1]s",
		"SELECT * FROM %[1]s UNION ALL SELECT * FROM %[1]s",
		"SELECT %[1]s.*, %[1]sx.c0 FROM %[1]s LEFT JOIN %[1]s %[1]sx ON %[1]s.c0 = %[1]sx.c0",
		"SELECT * FROM %[1]s WHERE c0 IN (SELECT c0 FROM %[1]s)",
		"SELECT *, (SELECT count(*) FROM %[1]s %[1]sx WHERE %[1]sx.c0 >= %[1]s.c0) FROM %[1]s",
		"SELECT (SELECT count(c0) FROM %[1]s), (SELECT count(*) FROM %[1]s)",
	})
	how := pick(g, []string{"", "", "MATERIALIZED ", "NOT MATERIALIZED "})
	return glue("WITH "+q+" AS "+how+"(%s) "+fmt.Sprintf(main, q), body)
}

// order makes an ORDER BY of all columns, with a LIMIT sometimes.
func (g *Generator) order(columns int) *Node {
	var keys []string
	for i := range columns {
		keys = append(keys, fmt.Sprint(i+1)+pick(g, []string{"", " DESC", " ASC NULLS FIRST", " DESC NULLS LAST"}))
	}
	limit := text("")
	if g.chance(0.6) {
		limit = maybe(fmt.Sprintf(" LIMIT %d", g.rng.IntN(8)))
	}
	offset := text("")
	if g.chance(0.2) {
		offset = maybe(fmt.Sprintf(" OFFSET %d", g.rng.IntN(5)))
	}
	return glue(" ORDER BY "+strings.Join(keys, ", ")+"%s%s", limit, offset)
}

// selection makes a SELECT of columns of the given types, grouped or not.
func (g *Generator) selection(what []string, filter bool) *Node {
	if g.chance(0.2) {
		return g.windowed(what)
	}
	from, sc := g.from(3)
	where := text("")
	if filter && g.chance(0.6) {
		where = maybe(" WHERE %s", g.expr(sc, "bool", 3))
	}
	if g.chance(0.35) {
		return g.grouped(what, from, sc, where)
	}
	distinct := ""
	if g.chance(0.1) {
		distinct = "DISTINCT "
	}
	var items []*Node
	for i, kind := range what {
		items = append(items, glue(fmt.Sprintf("%%s AS c%d", i), g.expr(sc, kind, 2)))
	}
	return glue("SELECT "+distinct+"%s FROM %s%s", list(", ", items...), from, where)
}

// grouped makes a SELECT with GROUP BY, or with aggregates over all rows.
func (g *Generator) grouped(what []string, from *Node, sc scope, where *Node) *Node {
	var items, keys []*Node
	for i, kind := range what {
		name := fmt.Sprintf("%%s AS c%d", i)
		if a := aggregatesOf(kind); len(a) > 0 && g.chance(0.6) {
			items = append(items, glue(name, g.aggregate(sc, kind)))
			continue
		}
		key := g.expr(sc, kind, 1)
		if !strings.Contains(key.String(), "q") { // a literal alone is no key
			key = g.keyColumn(sc, kind)
		}
		items = append(items, glue(name, key))
		keys = append(keys, text(fmt.Sprint(i+1)))
	}
	group, having := text(""), text("")
	if len(keys) > 0 {
		group = glue(" GROUP BY %s", g.sets(keys))
	}
	if g.chance(0.2) {
		having = maybe(" HAVING %s", g.having(sc))
	}
	return glue("SELECT %s FROM %s%s%s%s", list(", ", items...), from, where, group, having)
}

// sets makes the list of GROUP BY: the keys, or grouping sets of them.
func (g *Generator) sets(keys []*Node) *Node {
	all := list(", ", keys...)
	switch {
	case !g.chance(0.4):
		return all
	case g.chance(0.3):
		return glue("ROLLUP (%s)", all)
	case g.chance(0.3):
		return glue("CUBE (%s)", all)
	case g.chance(0.3):
		return glue("%s, "+pick(g, []string{"ROLLUP (%s)", "CUBE (%s)", "GROUPING SETS (%s)"}), pick(g, keys), all)
	}
	return glue(pick(g, []string{"GROUPING SETS ((%s), (%s), ())", "DISTINCT GROUPING SETS (ROLLUP (%s), %s)", "GROUPING SETS (CUBE (%s), (%s))"}),
		all, pick(g, keys))
}

func (g *Generator) keyColumn(sc scope, kind string) *Node {
	for _, c := range sc {
		if c.kind == kind {
			return &Node{kind: "", parts: []string{c.Name}}
		}
	}
	return glue("CASE WHEN %s IS NULL THEN %s END", text(sc[0].Name), g.leaf(nil, kind))
}

func (g *Generator) aggregate(sc scope, kind string) *Node {
	g.depth += 2 // no subqueries in arguments: they may not be correlated with groups
	defer func() { g.depth -= 2 }()
	n := g.fill(sc, kind, pick(g, aggregatesOf(kind)), 2)
	if g.chance(0.2) {
		n = glue("%s FILTER (WHERE %s)", n, g.expr(sc, "bool", 1))
		n.kind = kind
	}
	return n
}

func (g *Generator) having(sc scope) *Node {
	kind := pick(g, []string{"i8", "num", "text", "date", "f8"})
	n := glue("(%s "+pick(g, []string{"<", ">=", "<>"})+" %s)", g.aggregate(sc, kind), g.leaf(nil, kind))
	n.kind = "bool"
	return n
}

// from makes a FROM clause of at most n inputs.
func (g *Generator) from(n int) (*Node, scope) {
	at, sc := g.input()
	for range g.rng.IntN(n) {
		next, more := g.input()
		all := append(append(scope(nil), sc...), more...)
		switch g.rng.IntN(6) {
		case 0, 1:
			at = glue("%s JOIN %s ON %s", at, next, g.joinCondition(sc, more, all))
		case 2:
			at = glue("%s LEFT JOIN %s ON %s", at, next, g.joinCondition(sc, more, all))
		case 3:
			at = glue("%s RIGHT JOIN %s ON %s", at, next, g.joinCondition(sc, more, all))
		case 4:
			at = glue("%s FULL JOIN %s ON %s", at, next, g.equality(sc, more))
		default:
			at = glue("%s CROSS JOIN %s", at, next)
		}
		sc = all
	}
	return at, sc
}

// input makes a table, a query in parentheses or a list of values.
func (g *Generator) input() (*Node, scope) {
	name := g.alias()
	if g.depth >= 2 || g.chance(0.75) {
		t := pick(g, g.tables)
		return text(t.Name + " " + name), t.scope(name)
	}
	g.depth++
	defer func() { g.depth-- }()
	what := []string{pick(g, kinds), pick(g, kinds), "i4"}
	sc := scope{}
	for i, kind := range what {
		sc = append(sc, Column{fmt.Sprintf("%s.c%d", name, i), kind})
	}
	if g.chance(0.2) {
		var rows []*Node
		for range 1 + g.rng.IntN(3) {
			rows = append(rows, glue("(%s, %s, %s)", g.leaf(nil, what[0]), g.leaf(nil, what[1]), g.leaf(nil, what[2])))
		}
		return glue("(VALUES %s) "+name+"(c0, c1, c2)", list(", ", rows...)), sc
	}
	limit := text("")
	if g.chance(0.2) {
		limit = g.order(len(what))
	}
	return glue("(%s%s) "+name, g.selection(what, true), limit), sc
}

func (g *Generator) joinCondition(left, right, all scope) *Node {
	if g.chance(0.2) {
		return g.expr(all, "bool", 2)
	}
	n := g.equality(left, right)
	if g.chance(0.3) {
		n = glue("%s%s", n, maybe(" AND %s", g.expr(all, "bool", 2)))
	}
	return n
}

// equality makes a condition that a hash join can use.
func (g *Generator) equality(left, right scope) *Node {
	for range 20 {
		if a, b := pick(g, left), pick(g, right); a.kind == b.kind {
			return text(a.Name + " = " + b.Name)
		}
	}
	for _, a := range left {
		for _, b := range right {
			if a.kind == b.kind {
				return text(a.Name + " = " + b.Name)
			}
		}
	}
	return text("true")
}
