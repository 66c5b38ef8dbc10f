package smith

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// JSON makes random expressions over random json and jsonb: operators, functions, casts and paths. The same seed makes the
// same expressions.
type JSON struct{ r *rand.Rand }

// NewJSON returns a generator.
func NewJSON(seed uint64) *JSON { return &JSON{rand.New(rand.NewPCG(seed, 15))} }

func (g *JSON) of(list ...string) string { return list[g.r.IntN(len(list))] }

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// document makes a JSON text; a few have faults.
func (g *JSON) document(depth int) string {
	if depth == 0 || g.r.IntN(4) == 0 {
		return g.of("null", "true", "false", "0", "1", "-1", "2", "1.0", "2.50", "1e2", "-0", "0.001", "123456789012345678901234567890",
			`"a"`, `"b"`, `""`, `"abc"`, `"1"`, `"2.5"`, `"\u00e9\n"`, `"x\"y"`, "99999999999", `"true"`, "[]", "{}")
	}
	var s []string
	if g.r.IntN(2) == 0 {
		for range g.r.IntN(4) {
			s = append(s, fmt.Sprintf("%q%s%s", g.key(), g.of(":", ": ", " : "), g.document(depth-1)))
		}
		return "{" + strings.Join(s, g.of(",", ", ")) + "}"
	}
	for range g.r.IntN(4) {
		s = append(s, g.document(depth-1))
	}
	return "[" + strings.Join(s, g.of(",", " , ")) + "]"
}

func (g *JSON) key() string { return g.of("a", "b", "c", "aa", "1", "key") }

func (g *JSON) text() string {
	d := g.document(3)
	if g.r.IntN(25) == 0 {
		i := g.r.IntN(len(d) + 1)
		d = d[:i] + g.of("", "x", "]", "}", ",", `"`, ":", `\`) + d[min(i+g.r.IntN(2), len(d)):]
	}
	return quoted(strings.ToValidUTF8(d, ""))
}

// jsonb makes an expression of type jsonb.
func (g *JSON) jsonb(depth int) string {
	if depth == 0 || g.r.IntN(3) == 0 {
		return g.text() + "::jsonb"
	}
	j := func() string { return g.jsonb(depth - 1) }
	switch g.r.IntN(14) {
	case 0, 1:
		return fmt.Sprintf("(%s -> %s)", j(), quoted(g.key()))
	case 2:
		return fmt.Sprintf("(%s -> (%d))", j(), g.r.IntN(7)-3)
	case 3:
		return fmt.Sprintf("(%s #> %s)", j(), g.path())
	case 4:
		return fmt.Sprintf("(%s || %s)", j(), j())
	case 5:
		return fmt.Sprintf("(%s - %s)", j(), g.of(quoted(g.key()), fmt.Sprint("(", g.r.IntN(7)-3, ")"), "array['a','b']"))
	case 6:
		return fmt.Sprintf("(%s #- %s)", j(), g.path())
	case 7:
		return fmt.Sprintf("jsonb_set(%s, %s, %s, %s)", j(), g.path(), j(), g.of("true", "false"))
	case 8:
		return fmt.Sprintf("jsonb_insert(%s, %s, %s, %s)", j(), g.path(), j(), g.of("true", "false"))
	case 9:
		return fmt.Sprintf("jsonb_strip_nulls(%s)", j())
	case 10:
		return fmt.Sprintf("jsonb_build_object(%s, %s, %s, %s)", quoted(g.key()), g.scalar(), quoted(g.key()), j())
	case 11:
		return fmt.Sprintf("jsonb_build_array(%s, %s)", g.scalar(), j())
	case 12:
		return fmt.Sprintf("to_jsonb(%s)", g.scalar())
	}
	return fmt.Sprintf("jsonb_path_query_array(%s, %s)", j(), quoted(g.jsonpath()))
}

func (g *JSON) json(depth int) string {
	if depth == 0 || g.r.IntN(3) == 0 {
		return g.text() + "::json"
	}
	j := func() string { return g.json(depth - 1) }
	switch g.r.IntN(6) {
	case 0:
		return fmt.Sprintf("(%s -> %s)", j(), quoted(g.key()))
	case 1:
		return fmt.Sprintf("(%s -> (%d))", j(), g.r.IntN(7)-3)
	case 2:
		return fmt.Sprintf("(%s #> %s)", j(), g.path())
	case 3:
		return fmt.Sprintf("json_build_object(%s, %s, %s, %s)", quoted(g.key()), g.scalar(), quoted(g.key()), j())
	case 4:
		return fmt.Sprintf("json_build_array(%s, %s)", g.scalar(), j())
	}
	return fmt.Sprintf("json_strip_nulls(%s)", j())
}

func (g *JSON) scalar() string {
	return g.of("1", "-2.50", "'x'::text", "NULL::int", "true", "'2020-02-03'::date", "'2020-02-03 04:05:06.7'::timestamp", "array[1,2]",
		"array['a',NULL]", "1.5::float8", "'NaN'::float8", "'a b'::varchar(5)", "12345678901::bigint", "'1 day'::interval")
}

func (g *JSON) path() string {
	var s []string
	for range 1 + g.r.IntN(3) {
		s = append(s, g.of(g.key(), g.key(), "0", "1", "-1", "5", "x"))
	}
	return quoted("{" + strings.Join(s, ",") + "}")
}

// jsonpath makes a path.
func (g *JSON) jsonpath() string {
	mode := g.of("", "", "lax ", "strict ")
	if g.r.IntN(4) == 0 {
		return mode + g.condition(2, "$")
	}
	return mode + g.expr(3, "$")
}

func (g *JSON) expr(depth int, root string) string {
	if depth > 0 && g.r.IntN(5) == 0 {
		return fmt.Sprintf("%s %s %s", g.expr(depth-1, root), g.of("+", "-", "*", "/", "%"), g.expr(depth-1, root))
	}
	switch g.r.IntN(8) {
	case 0:
		return g.of("1", "2", "0", "-1", `"a"`, "true", "null", "1.50")
	case 1:
		return g.of("-", "+") + g.steps(depth, root)
	}
	return g.steps(depth, root)
}

func (g *JSON) steps(depth int, root string) string {
	s := root
	for range g.r.IntN(4) {
		switch g.r.IntN(12) {
		case 0, 1, 2:
			s += "." + g.of("a", "b", "c", "aa", "key", `"1"`)
		case 3, 4:
			s += "[*]"
		case 5:
			s += g.of("[0]", "[1]", "[last]", "[0 to 1]", "[1 to last]", "[0, last]", "[last - 1]")
		case 6:
			s += ".*"
		case 7:
			s += g.of(".**", ".**{1}", ".**{1 to 2}", ".**{last}", ".**{0 to last}")
		case 8:
			s += g.of(".type()", ".size()", ".abs()", ".floor()", ".ceiling()", ".double()")
		default:
			if depth > 0 {
				s += " ? (" + g.condition(depth-1, "@") + ")"
			}
		}
	}
	return s
}

func (g *JSON) condition(depth int, root string) string {
	if depth > 0 {
		switch g.r.IntN(6) {
		case 0:
			return fmt.Sprintf("%s %s %s", g.condition(depth-1, root), g.of("&&", "||"), g.condition(depth-1, root))
		case 1:
			return "!(" + g.condition(depth-1, root) + ")"
		case 2:
			return "(" + g.condition(depth-1, root) + ") is unknown"
		}
	}
	switch g.r.IntN(6) {
	case 0:
		return "exists (" + g.steps(max(depth-1, 0), root) + ")"
	case 1:
		return g.steps(0, root) + ` starts with ` + g.of(`"a"`, `""`, `"x"`)
	case 2:
		return g.steps(0, root) + ` like_regex ` + g.of(`"^a"`, `"B" flag "i"`, `"."`, `"a.*c" flag "q"`)
	}
	return fmt.Sprintf("%s %s %s", g.expr(max(depth-1, 0), root), g.of("==", "!=", "<", "<=", ">", ">=", "<>"), g.expr(max(depth-1, 0), root))
}

// Statement makes a query of one row, mostly.
func (g *JSON) Statement() string {
	switch g.r.IntN(16) {
	case 0:
		return "SELECT " + g.json(3)
	case 1:
		return fmt.Sprintf("SELECT %s ->> %s, json_typeof(%s)", g.json(2), quoted(g.key()), g.json(1))
	case 2:
		return fmt.Sprintf("SELECT %s ->> %s, %s #>> %s", g.jsonb(2), quoted(g.key()), g.jsonb(2), g.path())
	case 3:
		return fmt.Sprintf("SELECT %s %s %s", g.jsonb(2), g.of("@>", "<@", "=", "<>", "<", "<=", ">", ">="), g.jsonb(2))
	case 4:
		return fmt.Sprintf("SELECT %s ? %s, %s %s array[%s, %s]", g.jsonb(2), quoted(g.key()), g.jsonb(1), g.of("?|", "?&"), quoted(g.key()), quoted(g.key()))
	case 5:
		return fmt.Sprintf("SELECT (%s)::%s", g.jsonb(2), g.of("int", "numeric", "bool", "text", "float8", "bigint", "smallint", "real", "json"))
	case 6:
		return fmt.Sprintf("SELECT jsonb_typeof(%s), jsonb_pretty(%s)", g.jsonb(2), g.jsonb(2))
	case 7:
		return fmt.Sprintf("SELECT jsonb_array_length(%s)", g.jsonb(2))
	case 8:
		return fmt.Sprintf("SELECT * FROM %s(%s)", g.of("jsonb_array_elements", "jsonb_array_elements_text", "jsonb_each", "jsonb_each_text", "jsonb_object_keys"), g.jsonb(1))
	case 9:
		return fmt.Sprintf("SELECT * FROM %s(%s)", g.of("json_array_elements", "json_array_elements_text", "json_each", "json_each_text", "json_object_keys"), g.json(1))
	case 10:
		return fmt.Sprintf("SELECT %s::jsonpath", quoted(g.jsonpath()))
	case 11:
		return fmt.Sprintf("SELECT %s %s %s", g.jsonb(1), g.of("@?", "@@"), quoted(g.jsonpath()))
	case 12:
		return fmt.Sprintf("SELECT %s(%s, %s, '{\"a\": 1}', %s)", g.of("jsonb_path_exists", "jsonb_path_match", "jsonb_path_query_first", "jsonb_path_query_array"),
			g.jsonb(1), quoted(g.jsonpath()), g.of("true", "false"))
	case 13:
		return fmt.Sprintf("SELECT * FROM jsonb_path_query(%s, %s)", g.jsonb(1), quoted(g.jsonpath()))
	case 14:
		return fmt.Sprintf("SELECT %s(v ORDER BY v), count(DISTINCT v) FROM (VALUES (%s), (%s), (%s)) t(v)", g.of("jsonb_agg", "json_agg"), g.jsonb(1), g.jsonb(1), g.jsonb(1))
	}
	return "SELECT " + g.jsonb(4)
}
