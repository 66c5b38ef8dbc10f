package smith

import (
	"fmt"
	"strings"
)

// scope is what an expression may read: the columns of the FROM clause, and of those around it.
type scope []Column

// expr makes an expression of a type, of at most depth levels.
func (g *Generator) expr(sc scope, kind string, depth int) *Node {
	if depth <= 0 || g.chance(0.2) {
		return g.leaf(sc, kind)
	}
	if g.depth < 2 && g.chance(0.05) {
		return g.subqueryExpr(sc, kind)
	}
	of := rules[kind]
	if g.chance(0.12) || len(of) == 0 {
		of = rules["any"]
	}
	return g.fill(sc, kind, pick(g, of), depth)
}

// fill makes the expressions in the holes of a template.
func (g *Generator) fill(sc scope, kind string, r rule, depth int) *Node {
	same := kind
	n := &Node{kind: kind, parts: r.parts}
	for _, h := range r.holes {
		switch h {
		case "any":
			same = pick(g, kinds)
			h = same
		case "same":
			h = same
		case "first":
			n.kids = append(n.kids, n.kids[0])
			continue
		}
		n.kids = append(n.kids, g.expr(sc, h, depth-1))
	}
	return n
}

// leaf makes a column or a literal.
func (g *Generator) leaf(sc scope, kind string) *Node {
	var names []string
	for _, c := range sc {
		if c.kind == kind {
			names = append(names, c.Name)
		}
	}
	if len(names) > 0 && g.chance(0.75) {
		return &Node{kind: kind, parts: []string{pick(g, names)}}
	}
	v := g.literal(kind)
	if g.chance(0.05) {
		v = "NULL"
	}
	if g.chance(0.3) {
		if bare := bareLiteral(kind, v); bare != "" {
			return &Node{kind: kind, parts: []string{bare}}
		}
	}
	return &Node{kind: kind, parts: []string{v + "::" + valuesOf[kind].name}}
}

// bareLiteral returns a literal as people write it, whose type follows from what stands around it, or "".
func bareLiteral(kind, v string) string {
	switch kind {
	case "i4", "num":
		if n := strings.Trim(v, "'"); strings.Trim(n, "0123456789.") == "" {
			return n
		}
	case "text", "bool":
		return v
	}
	return ""
}

// subqueryExpr makes an expression that holds a query, which may read the columns around it.
func (g *Generator) subqueryExpr(sc scope, kind string) *Node {
	g.depth++
	defer func() { g.depth-- }()
	t := pick(g, g.tables)
	name := g.alias()
	inner := t.scope(name)
	all := append(inner, sc...)
	from := text(t.Name + " " + name)
	where := maybe("")
	if g.chance(0.7) {
		where = maybe(" WHERE %s", g.correlated(inner, sc))
	}
	if kind != "bool" || g.chance(0.2) {
		return g.scalarSubquery(kind, inner, all, from, where)
	}
	c := pick(g, inner)
	var n *Node
	switch x := g.expr(sc, c.kind, 1); g.rng.IntN(5) {
	case 0:
		n = glue("EXISTS (SELECT 1 FROM %s%s)", from, where)
	case 1:
		n = glue("NOT EXISTS (SELECT * FROM %s%s)", from, where)
	case 2:
		n = glue("(%s IN (SELECT "+c.Name+" FROM %s%s))", x, from, where)
	case 3:
		n = glue("(%s NOT IN (SELECT "+c.Name+" FROM %s%s))", x, from, where)
	default:
		op := pick(g, []string{"=", "<>", "<", ">="}) + " " + pick(g, []string{"ANY", "ALL"})
		if c.kind == "bool" {
			op = "= ANY"
		}
		n = glue("(%s "+op+" (SELECT "+c.Name+" FROM %s%s))", x, from, where)
	}
	n.kind = "bool"
	return n
}

// correlated makes a condition that relates a column of a subquery to one around it, when types allow.
func (g *Generator) correlated(inner, outer scope) *Node {
	for range 5 {
		if len(outer) == 0 {
			break
		}
		a, b := pick(g, inner), pick(g, outer)
		if a.kind == b.kind {
			n := glue("(%s "+pick(g, []string{"=", "=", "=", "<", "<>"})+" %s)", &Node{kind: a.kind, parts: []string{a.Name}}, &Node{kind: b.kind, parts: []string{b.Name}})
			n.kind = "bool"
			return n
		}
	}
	return g.expr(append(inner, outer...), "bool", 1)
}

// scalarSubquery makes a subquery of one row.
func (g *Generator) scalarSubquery(kind string, inner, all scope, from, where *Node) *Node {
	n := glue("(SELECT %s FROM %s%s ORDER BY 1 LIMIT 1)", g.expr(all, kind, 1), from, where)
	if a := aggregatesOf(kind); len(a) > 0 && g.chance(0.6) {
		n = glue("(SELECT %s FROM %s%s)", g.fill(inner, kind, pick(g, a), 1), from, where)
	}
	n.kind = kind
	return n
}

// aggregateRules are calls of aggregates, in the notation of the grammar.
var aggregateRules = func() map[string][]rule {
	out := map[string][]rule{}
	for line := range strings.Lines(`i8	count(*)
i8	count({any})
i8	count(DISTINCT {any})
i8	sum({i4})
i8	sum({i2})
i8	sum(DISTINCT {i4})
num	sum({i8})
num	sum({n92})
num	sum({num})
num	avg({i4})
num	avg({i8})
num	avg({n92})
num	avg({num})
num	avg(DISTINCT {i4})
num	stddev({i4})
num	var_pop({i8})
num	variance({n92})
num	stddev_pop({num})
f8	sum({f8})
f8	avg({f8})
f8	avg({f4})
f8	var_pop({f8})
f8	stddev_samp({f8})
f4	sum({f4})
iv	sum({iv})
iv	avg({iv})
bool	bool_and({bool})
bool	bool_or({bool})
bool	every({bool})
text	min({text})
text	max({vc})
text	string_agg({text}, ',' ORDER BY {first})
text	string_agg({text}, ',' ORDER BY {first} DESC NULLS LAST)
text	string_agg(DISTINCT {vc}, '-')
ch	min({ch})
i2	max({i2})
i4	min({i4})
i4	max({i4})
i8	max({i8})
f4	min({f4})
f8	max({f8})
f8	min({f8})
num	min({num})
num	max({num})
n92	max({n92})
date	min({date})
date	max({date})
ts	min({ts})
ts	max({ts})
tz	max({tz})
time	min({time})
iv	min({iv})
iv	max({iv})
`) {
		kind, template, _ := strings.Cut(strings.TrimSpace(line), "\t")
		out[kind] = append(out[kind], parseRule(template))
	}
	return out
}()

func aggregatesOf(kind string) []rule { return aggregateRules[kind] }

func (g *Generator) alias() string {
	g.aliases++
	return fmt.Sprintf("q%d", g.aliases)
}

// scope returns the columns of a table under an alias.
func (t *Table) scope(alias string) scope {
	var sc scope
	for _, c := range t.Columns {
		sc = append(sc, Column{alias + "." + c.Name, c.kind})
	}
	return sc
}
