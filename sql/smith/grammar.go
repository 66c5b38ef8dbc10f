package smith

import (
	_ "embed"
	"strings"
)

//go:embed grammar.txt
var grammarText string

//go:embed values.txt
var valuesText string

// rule is a template of an expression: text around holes that name types.
type rule struct {
	parts []string
	holes []string
}

// literals are the values of a type.
type literals struct {
	name            string // in SQL
	common, extreme []string
}

var (
	rules    = map[string][]rule{}
	valuesOf = map[string]*literals{}
	kinds    []string // the keys of valuesOf, in the order of the file
)

func init() {
	for line := range strings.Lines(valuesText) {
		if f := strings.SplitN(strings.TrimSpace(line), "\t", 3); len(f) == 3 {
			valuesOf[f[0]] = parseLiterals(f[1], f[2])
			kinds = append(kinds, f[0])
		}
	}
	for line := range strings.Lines(grammarText) {
		if f := strings.SplitN(strings.TrimRight(line, "\n"), "\t", 2); len(f) == 2 {
			rules[f[0]] = append(rules[f[0]], parseRule(f[1]))
		}
	}
}

func parseRule(template string) rule {
	var r rule
	for {
		before, rest, found := strings.Cut(template, "{")
		r.parts = append(r.parts, before)
		if !found {
			return r
		}
		hole, after, _ := strings.Cut(rest, "}")
		r.holes = append(r.holes, hole)
		template = after
	}
}

// parseLiterals reads values separated by blanks, which may stand inside of quotes.
func parseLiterals(name, values string) *literals {
	l := &literals{name: name}
	into := &l.common
	for values = strings.TrimSpace(values); values != ""; values = strings.TrimSpace(values) {
		end, quoted := 0, false
		for end < len(values) && (quoted || values[end] != ' ') {
			if values[end] == '\'' {
				quoted = !quoted
			}
			end++
		}
		if v := values[:end]; v == "|" {
			into = &l.extreme
		} else {
			*into = append(*into, v)
		}
		values = values[end:]
	}
	return l
}
