package fn

import (
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// search finds the leftmost match at or after byte from. caps gets two positions per group; it is returned, perhaps
// grown.
func (x *regex) search(s []byte, from int, caps []int) ([]int, bool) {
	if x.start && from > 0 {
		return caps, false
	}
	if x.fast != nil {
		caps = grow(caps, 2*(x.groups+1))
		return caps, x.fast.match(s, caps)
	}
	m := x.re.FindSubmatchIndex(s[from:])
	if m == nil {
		return caps, false
	}
	for i := range m {
		if m[i] >= 0 {
			m[i] += from
		}
	}
	return m, true
}

func grow(caps []int, n int) []int {
	if cap(caps) < n {
		return make([]int, n)
	}
	return caps[:n]
}

// matches tells whether s has a match.
func (x *regex) matches(s []byte, caps *[]int) bool {
	if x.fast != nil {
		*caps = grow(*caps, 2*(x.groups+1))
		return x.fast.match(s, *caps)
	}
	return x.re.Match(s)
}

// all calls each for the matches in s from byte from on, until it returns false. Matches that do not overlap follow
// PostgreSQL's rule: after an empty match the search goes on one character later, and an empty match may stand right
// behind another match.
func (x *regex) all(s []byte, from int, caps []int, each func(m []int) bool) []int {
	if !x.empty && !x.start {
		for _, m := range x.re.FindAllSubmatchIndex(s, -1) {
			if m[0] >= from && !each(m) {
				break
			}
		}
		return caps
	}
	for from <= len(s) {
		var ok bool
		if caps, ok = x.search(s, from, caps); !ok || !each(caps) {
			break
		}
		from = caps[1]
		if caps[0] == caps[1] {
			if from == len(s) {
				break
			}
			_, size := utf8.DecodeRune(s[from:])
			from += size
		}
	}
	return caps
}

// template is a replacement text, cut at its references.
type template struct {
	parts []templatePart
}

type templatePart struct {
	text  []byte
	group int // -1: text alone
}

// compileTemplate reads \1 to \9, \& and \\.
func compileTemplate(s []byte) template {
	var t template
	var cur []byte
	ref := func(g int) {
		if len(cur) > 0 {
			t.parts = append(t.parts, templatePart{text: cur, group: -1})
			cur = nil
		}
		if g >= 0 {
			t.parts = append(t.parts, templatePart{group: g})
		}
	}
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			cur = append(cur, s[i])
			continue
		}
		switch c := s[i+1]; {
		case c >= '1' && c <= '9':
			ref(int(c - '0'))
			i++
		case c == '&':
			ref(0)
			i++
		case c == '\\':
			cur = append(cur, '\\')
			i++
		default:
			cur = append(cur, '\\')
		}
	}
	ref(-1)
	return t
}

func (t template) append(dst, s []byte, m []int) []byte {
	for _, p := range t.parts {
		switch {
		case p.group < 0:
			dst = append(dst, p.text...)
		case 2*p.group+1 < len(m) && m[2*p.group] >= 0:
			dst = append(dst, s[m[2*p.group]:m[2*p.group+1]]...)
		}
	}
	return dst
}

// replace appends s with the n-th match (0: all of them) from byte from on replaced.
func (x *regex) replace(dst, s []byte, from, n int, t template, caps []int) ([]byte, []int) {
	if n == 1 {
		m, ok := x.search(s, from, caps)
		if !ok {
			return append(dst, s...), m
		}
		dst = append(dst, s[:m[0]]...)
		dst = t.append(dst, s, m)
		return append(dst, s[m[1]:]...), m
	}
	at, count := 0, 0
	caps = x.all(s, from, caps, func(m []int) bool {
		if count++; n == 0 || count == n {
			dst = append(dst, s[at:m[0]]...)
			dst = t.append(dst, s, m)
			at = m[1]
		}
		return n == 0 || count < n
	})
	return append(dst, s[at:]...), caps
}

// regexCache keeps the expression that was compiled last, for one evaluator.
type regexCache struct {
	pattern, flags string
	global         bool // g is a flag of this function
	x              *regex
	f              regexFlags
	caps           []int
	from           string // of the template
	t              template
}

func (c *regexCache) get(pattern, flags []byte) (*regex, error) {
	if c.x != nil && c.pattern == string(pattern) && c.flags == string(flags) {
		return c.x, nil
	}
	f, err := parseRegexFlags(string(flags), c.global)
	if err != nil {
		return nil, err
	}
	x, err := compileRegex(string(pattern), f)
	if err != nil {
		return nil, err
	}
	c.pattern, c.flags, c.x, c.f = string(pattern), string(flags), x, f
	return x, nil
}

func (c *regexCache) template(s []byte) template {
	if c.t.parts == nil || c.from != string(s) {
		c.from, c.t = string(s), compileTemplate(s)
	}
	return c.t
}

// regexEval makes an overload whose Eval keeps a cache per evaluator, and whose constant pattern (argument 1) is
// compiled when the evaluator is made.
func regexEval(o *Overload, flagArg int, global bool, make func(c *regexCache) Eval) *Overload {
	o.Eval = func(ctx *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		return make(&regexCache{global: global})(ctx, args, n, valid, out)
	}
	o.Prepare = func(_ *Context, _ []types.Type, _ types.Type, consts []*types.Datum) (Eval, error) {
		c := &regexCache{global: global}
		flags := ""
		if flagArg > 0 && consts[flagArg] != nil {
			flags = consts[flagArg].S
		}
		if p := consts[1]; p != nil && !p.Null && (flagArg <= 0 || consts[flagArg] != nil) {
			if _, err := c.get([]byte(p.S), []byte(flags)); err != nil {
				return nil, err
			}
		}
		return make(c), nil
	}
	return o
}

func init() {
	for _, o := range []struct {
		name, flags string
		not         bool
	}{{"~", "", false}, {"!~", "", true}, {"~*", "i", false}, {"!~*", "i", true}} {
		for _, t := range list(tText, tName, tChar) {
			registerOp(regexEval(&Overload{Name: o.name, Args: list(t, tText), Result: returns(tBool), Total: true}, 0, false,
				func(c *regexCache) Eval { return regexMatches(c, []byte(o.flags), 0, o.not) }))
		}
	}
	register(regexEval(&Overload{Name: "regexp_like", Args: list(tText, tText), Result: returns(tBool), Total: true}, 0, false,
		func(c *regexCache) Eval { return regexMatches(c, nil, 0, false) }),
		regexEval(&Overload{Name: "regexp_like", Args: list(tText, tText, tText), Result: returns(tBool), Total: true}, 2, false,
			func(c *regexCache) Eval { return regexMatches(c, nil, 2, false) }))
	replace := func(flagArg, start, nth int, args ...types.Type) {
		register(regexEval(&Overload{Name: "regexp_replace", Args: args, Result: returns(tText)}, flagArg, true,
			func(c *regexCache) Eval { return regexReplace(c, flagArg, start, nth) }))
	}
	replace(0, 0, 0, tText, tText, tText)
	replace(3, 0, 0, tText, tText, tText, tText)
	replace(0, 3, 0, tText, tText, tText, tInt4)
	replace(0, 3, 4, tText, tText, tText, tInt4, tInt4)
	replace(5, 3, 4, tText, tText, tText, tInt4, tInt4, tText)
	registerMatches()
	registerCounts()
}

// flagsOf returns the flags argument of a row.
func flagsOf(r *row, arg int) []byte {
	if arg > 0 {
		return r.bytes(arg)
	}
	return nil
}

func regexMatches(c *regexCache, flags []byte, flagArg int, not bool) Eval {
	return rowBool(func(_ *Context, r *row) (bool, bool, error) {
		f := flags
		if flagArg > 0 {
			f = r.bytes(flagArg)
		}
		x, err := c.get(r.bytes(1), f)
		if err != nil {
			return false, false, err
		}
		return x.matches(r.bytes(0), &c.caps) != not, true, nil
	})
}

func regexReplace(c *regexCache, flagArg, startArg, nthArg int) Eval {
	return rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
		x, err := c.get(r.bytes(1), flagsOf(r, flagArg))
		if err != nil {
			return dst, err
		}
		s, from, nth := r.bytes(0), 0, 1
		if c.f.global {
			nth = 0
		}
		if startArg > 0 {
			if from, err = startAt(s, r.int4(startArg)); err != nil {
				return dst, err
			}
		}
		if nthArg > 0 {
			if nth = r.int4(nthArg); nth < 0 {
				return dst, badParameter("n", nth)
			}
		}
		dst, c.caps = x.replace(notNil(dst), s, from, nth, c.template(r.bytes(2)), c.caps)
		return dst, nil
	})
}

func badParameter(name string, v int) error {
	return errs.New(errs.InvalidParameterValue, "invalid value for parameter \"%s\": %d", name, v)
}

// startAt returns the byte of character n, from 1.
func startAt(s []byte, n int) (int, error) {
	if n <= 0 {
		return 0, badParameter("start", n)
	}
	return skipChars(s, int64(n-1)), nil
}

// registerMatches registers the functions that return texts of matches.
func registerMatches() {
	arrayOf := func(s []byte, m []int, dst []byte) []byte {
		dst = append(notNil(dst), '{')
		first := 2
		if len(m) == 2 {
			first = 0
		}
		for g := first; g < len(m); g += 2 {
			if m[g] < 0 {
				dst = types.AppendElement(dst, nil, true, g == first)
				continue
			}
			dst = types.AppendElement(dst, s[m[g]:m[g+1]], false, g == first)
		}
		return append(dst, '}')
	}
	match := func(flagArg int, args ...types.Type) {
		register(regexEval(&Overload{Name: "regexp_match", Args: args, Result: returns(tTextArr)}, flagArg, false,
			func(c *regexCache) Eval {
				return rowText(tTextArr, func(_ *Context, r *row, dst []byte) ([]byte, error) {
					x, err := c.get(r.bytes(1), flagsOf(r, flagArg))
					if err != nil {
						return dst, err
					}
					var ok bool
					if c.caps, ok = x.search(r.bytes(0), 0, c.caps); !ok {
						return nil, nil
					}
					return arrayOf(r.bytes(0), c.caps, dst), nil
				})
			}))
	}
	match(0, tText, tText)
	match(2, tText, tText, tText)
	register(regexEval(&Overload{Name: "substring", Args: list(tText, tText), Result: returns(tText)}, 0, false,
		func(c *regexCache) Eval {
			return rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
				x, err := c.get(r.bytes(1), nil)
				if err != nil {
					return dst, err
				}
				m, ok := x.search(r.bytes(0), 0, c.caps)
				c.caps = m
				if !ok {
					return nil, nil
				}
				g := 0
				if len(m) > 2 {
					g = 2
				}
				if m[g] < 0 {
					return nil, nil
				}
				return append(notNil(dst), r.bytes(0)[m[g]:m[g+1]]...), nil
			})
		}))
	split := func(flagArg int, args ...types.Type) {
		register(regexEval(&Overload{Name: "regexp_split_to_array", Args: args, Result: returns(tTextArr)}, flagArg, false,
			func(c *regexCache) Eval { return regexSplit(c, flagArg) }))
	}
	split(0, tText, tText)
	split(2, tText, tText, tText)
}

func regexSplit(c *regexCache, flagArg int) Eval {
	return rowText(tTextArr, func(_ *Context, r *row, dst []byte) ([]byte, error) {
		x, err := c.get(r.bytes(1), flagsOf(r, flagArg))
		if err != nil {
			return dst, err
		}
		s := r.bytes(0)
		dst = append(notNil(dst), '{')
		at, first := 0, true
		c.caps = x.all(s, 0, c.caps, func(m []int) bool {
			if m[1] == 0 || m[0] == m[1] && (m[0] == len(s) || m[0] == at) { // empty matches beside others cut nothing
				return true
			}
			dst = types.AppendElement(dst, s[at:m[0]], false, first)
			at, first = m[1], false
			return true
		})
		dst = types.AppendElement(dst, s[at:], false, first)
		return append(dst, '}'), nil
	})
}

// registerCounts registers regexp_count, regexp_instr and regexp_substr.
func registerCounts() {
	count := func(startArg, flagArg int, args ...types.Type) {
		register(regexEval(&Overload{Name: "regexp_count", Args: args, Result: returns(tInt4)}, flagArg, false,
			func(c *regexCache) Eval {
				return rowFixed(tInt4, func(_ *Context, r *row) (int32, bool, error) {
					x, from, err := c.at(r, startArg, flagArg)
					if err != nil {
						return 0, false, err
					}
					n := int32(0)
					c.caps = x.all(r.bytes(0), from, c.caps, func([]int) bool { n++; return true })
					return n, true, nil
				})
			}))
	}
	count(0, 0, tText, tText)
	count(2, 0, tText, tText, tInt4)
	count(2, 3, tText, tText, tInt4, tText)
	substr := func(startArg, nthArg, flagArg int, args ...types.Type) {
		register(regexEval(&Overload{Name: "regexp_substr", Args: args, Result: returns(tText)}, flagArg, false,
			func(c *regexCache) Eval {
				return rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
					x, from, err := c.at(r, startArg, flagArg)
					if err != nil {
						return dst, err
					}
					from, to, ok, err := c.nth(x, r, from, nthArg)
					if err != nil || !ok {
						return nil, err
					}
					return append(notNil(dst), r.bytes(0)[from:to]...), nil
				})
			}))
		register(regexEval(&Overload{Name: "regexp_instr", Args: args, Result: returns(tInt4)}, flagArg, false,
			func(c *regexCache) Eval {
				return rowFixed(tInt4, func(_ *Context, r *row) (int32, bool, error) {
					x, from, err := c.at(r, startArg, flagArg)
					if err != nil {
						return 0, false, err
					}
					from, _, ok, err := c.nth(x, r, from, nthArg)
					if err != nil || !ok {
						return 0, true, err
					}
					return int32(utf8.RuneCount(r.bytes(0)[:from]) + 1), true, nil
				})
			}))
	}
	substr(0, 0, 0, tText, tText)
	substr(2, 0, 0, tText, tText, tInt4)
	substr(2, 3, 0, tText, tText, tInt4, tInt4)
}

// at compiles the pattern of a row and returns the byte to start from.
func (c *regexCache) at(r *row, startArg, flagArg int) (x *regex, from int, err error) {
	if x, err = c.get(r.bytes(1), flagsOf(r, flagArg)); err == nil && startArg > 0 {
		from, err = startAt(r.bytes(0), r.int4(startArg))
	}
	return x, from, err
}

// nth returns the n-th match.
func (c *regexCache) nth(x *regex, r *row, from, nthArg int) (start, end int, ok bool, err error) {
	n := 1
	if nthArg > 0 {
		if n = r.int4(nthArg); n <= 0 {
			return 0, 0, false, badParameter("n", n)
		}
	}
	c.caps = x.all(r.bytes(0), from, c.caps, func(m []int) bool {
		if n--; n == 0 {
			start, end, ok = m[0], m[1], true
		}
		return n > 0
	})
	return start, end, ok, nil
}
