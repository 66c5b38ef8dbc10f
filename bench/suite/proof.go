package suite

import (
	"fmt"
	"strings"
	"unicode"
)

// Proof is what it takes to judge an answer of a query with ORDER BY or LIMIT, which databases may answer in several ways:
// rows with equal keys may come in any order, and of those at the limit any may be left out. An answer is right when its
// keys are those of the checked answer, row by row, and each of its rows is one of the query without ORDER BY and LIMIT.
type Proof struct {
	// keys are the columns of the answer that it is ordered by.
	keys []int
	// hidden are expressions that it is ordered by and that are no columns of it.
	hidden []string
	// found are the columns that a row is found by, with their expressions over the table: all but aggregates.
	found []foundColumn
	parts clauses
}

type foundColumn struct {
	index int
	expr  string
}

// clauses are the parts of a simple SELECT, "" for those it does not have.
type clauses struct{ list, from, where, group, having, order, limit string }

// keywords start the clauses, in their order.
var keywords = []string{"SELECT", "FROM", "WHERE", "GROUP BY", "HAVING", "ORDER BY", "LIMIT"}

// Prove returns the proof of a query, nil when it needs none. identity is the column that tells the rows of SELECT * apart,
// which is the first one. It knows simple queries over one table, and says so when it meets another.
func Prove(sql, identity string) (*Proof, error) {
	c, err := split(sql)
	if err != nil {
		return nil, err
	}
	if c.order == "" && c.limit == "" {
		return nil, nil
	}
	p := &Proof{parts: c}
	names := map[string]int{}
	if c.list == "*" {
		p.found = []foundColumn{{0, identity}}
		names[identity] = 0
	} else {
		for i, item := range list(c.list) {
			expr, alias := item, ""
			if at := top(item, " AS "); at >= 0 {
				expr, alias = strings.TrimSpace(item[:at]), strings.TrimSpace(item[at+4:])
				names[alias] = i
			}
			names[expr] = i
			if !isAggregate(expr) {
				p.found = append(p.found, foundColumn{i, expr})
			}
		}
	}
	for _, item := range list(c.order) {
		key := strings.TrimSuffix(strings.TrimSuffix(item, " DESC"), " ASC")
		if i, ok := names[key]; ok {
			p.keys = append(p.keys, i)
		} else if c.group != "" {
			return nil, fmt.Errorf("%q is ordered by %q, which it does not return", sql, key)
		} else {
			p.hidden = append(p.hidden, key)
		}
	}
	return p, nil
}

// split finds the clauses of a query.
func split(sql string) (c clauses, err error) {
	into := []*string{&c.list, &c.from, &c.where, &c.group, &c.having, &c.order, &c.limit}
	rest := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(sql), ";"))
	at, clause := top(rest, keywords[0]+" "), 0
	if at != 0 {
		return c, fmt.Errorf("%q is not a SELECT", sql)
	}
	rest = rest[len(keywords[0]):]
	for next := 1; next < len(keywords); next++ {
		if at = top(rest, " "+keywords[next]+" "); at < 0 {
			continue
		}
		*into[clause] = strings.TrimSpace(rest[:at])
		rest, clause = rest[at+len(keywords[next])+1:], next
	}
	*into[clause] = strings.TrimSpace(rest)
	if top(c.from, ",") >= 0 || strings.Contains(c.from, "(") {
		return c, fmt.Errorf("%q is not over one table", sql)
	}
	return c, nil
}

// top returns where a text stands outside parentheses and quotes, -1 for nowhere.
func top(s, text string) int {
	depth, quoted := 0, false
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b == '\'':
			quoted = !quoted
		case quoted:
		case b == '(':
			depth++
		case b == ')':
			depth--
		}
		if depth == 0 && !quoted && strings.HasPrefix(s[i:], text) {
			return i
		}
	}
	return -1
}

// list splits at commas.
func list(s string) (items []string) {
	for s != "" {
		at := top(s, ",")
		if at < 0 {
			return append(items, strings.TrimSpace(s))
		}
		items = append(items, strings.TrimSpace(s[:at]))
		s = s[at+1:]
	}
	return items
}

func isAggregate(expr string) bool {
	name, _, call := strings.Cut(expr, "(")
	switch strings.ToUpper(strings.TrimRightFunc(name, unicode.IsSpace)) {
	case "COUNT", "SUM", "AVG", "MIN", "MAX":
		return call
	}
	return false
}

// hiddenKeys is the query of the keys that the answer does not have, "" when it has all.
func (p *Proof) hiddenKeys() string {
	if len(p.hidden) == 0 {
		return ""
	}
	c := p.parts
	c.list = strings.Join(p.hidden, ", ")
	return c.String()
}

// members is the query of all rows that rows of an answer may be, with the hidden keys behind: those without ORDER BY and
// LIMIT that have the same values in the columns that rows are found by.
func (p *Proof) members(rows, hidden Answer) string {
	c := p.parts
	c.order, c.limit = "", ""
	var any []string
	seen := map[string]bool{}
	for i, row := range rows {
		var all []string
		for _, f := range p.found {
			all = append(all, equals(f.expr, row[f.index]))
		}
		for k, key := range p.hidden {
			all = append(all, equals(key, hidden[i][k]))
		}
		one := "(" + strings.Join(all, " AND ") + ")"
		if !seen[one] {
			seen[one] = true
			any = append(any, one)
		}
	}
	cond := "(" + strings.Join(any, " OR ") + ")"
	if c.where != "" {
		cond = "(" + c.where + ") AND " + cond
	}
	c.where = cond
	for _, key := range p.hidden {
		c.list += ", " + key
	}
	return c.String()
}

func equals(expr, value string) string {
	if value == Null {
		return expr + " IS NULL"
	}
	return expr + " = '" + strings.ReplaceAll(value, "'", "''") + "'"
}

// String returns the query.
func (c clauses) String() string {
	var b strings.Builder
	for i, part := range []string{c.list, c.from, c.where, c.group, c.having, c.order, c.limit} {
		if part != "" {
			b.WriteString(keywords[i] + " " + part + " ")
		}
	}
	return strings.TrimSpace(b.String())
}
