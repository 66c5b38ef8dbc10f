package fn

import (
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/engine/fn/chars"
	"github.com/siltstone-db/siltstone/engine/fn/pattern"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// regexEval makes an overload whose Eval keeps a cache per evaluator, and whose constant pattern (argument 1) is
// compiled when the evaluator is made.
func regexEval(o *Overload, flagArg int, global bool, make func(c *pattern.Cache) Eval) *Overload {
	o.Eval = func(ctx *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		return make(&pattern.Cache{Global: global, Name: o.Name})(ctx, args, n, valid, out)
	}
	o.Prepare = func(_ *Context, _ []types.Type, _ types.Type, consts []*types.Datum) (Eval, error) {
		c := &pattern.Cache{Global: global, Name: o.Name}
		flags := ""
		if flagArg > 0 && consts[flagArg] != nil {
			flags = consts[flagArg].S
		}
		if p := consts[1]; p != nil && !p.Null && (flagArg <= 0 || consts[flagArg] != nil) {
			if _, err := c.Get([]byte(p.S), []byte(flags)); err != nil {
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
				func(c *pattern.Cache) Eval { return regexMatches(c, []byte(o.flags), 0, o.not) }))
		}
	}
	register(regexEval(&Overload{Name: "regexp_like", Args: list(tText, tText), Result: returns(tBool), Total: true}, 0, false,
		func(c *pattern.Cache) Eval { return regexMatches(c, nil, 0, false) }),
		regexEval(&Overload{Name: "regexp_like", Args: list(tText, tText, tText), Result: returns(tBool), Total: true}, 2, false,
			func(c *pattern.Cache) Eval { return regexMatches(c, nil, 2, false) }))
	replace := func(flagArg, start, nth int, args ...types.Type) {
		register(regexEval(&Overload{Name: "regexp_replace", Args: args, Result: returns(tText)}, flagArg, true,
			func(c *pattern.Cache) Eval { return regexReplace(c, flagArg, start, nth) }))
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

func regexMatches(c *pattern.Cache, flags []byte, flagArg int, not bool) Eval {
	return rowBool(func(_ *Context, r *row) (bool, bool, error) {
		f := flags
		if flagArg > 0 {
			f = r.bytes(flagArg)
		}
		x, err := c.Get(r.bytes(1), f)
		if err != nil {
			return false, false, err
		}
		ok, err := x.Matches(r.bytes(0), &c.Caps, r)
		return ok != not, true, err
	})
}

func regexReplace(c *pattern.Cache, flagArg, startArg, nthArg int) Eval {
	return rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
		x, err := c.Get(r.bytes(1), flagsOf(r, flagArg))
		if err != nil {
			return dst, err
		}
		s, from, nth := r.bytes(0), 0, 1
		if c.Flags.Global {
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
		dst, c.Caps, err = x.Replace(notNil(dst), s, from, nth, c.Replacement(r.bytes(2)), c.Caps, r)
		return dst, err
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
	return chars.Skip(s, int64(n-1)), nil
}

// matchArray appends the groups of a match as an array, or the match itself where there are none.
func matchArray(dst, s []byte, m []int) []byte {
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

// RegexpMatches returns what regexp_matches does: an array for each match, with flag g of all matches, else of the first.
func RegexpMatches(c *Context, s, expression, flags string) ([]types.Datum, error) {
	cache := &pattern.Cache{Global: true, Name: "regexp_matches"}
	x, err := cache.Get([]byte(expression), []byte(flags))
	if err != nil {
		return nil, err
	}
	var out []types.Datum
	_, err = x.All([]byte(s), 0, nil, &row{c: c}, func(m []int) bool {
		out = append(out, types.StringOf(tTextArr, string(matchArray(nil, []byte(s), m))))
		return cache.Flags.Global
	})
	return out, err
}

// registerMatches registers the functions that return texts of matches.
func registerMatches() {
	match := func(flagArg int, args ...types.Type) {
		register(regexEval(&Overload{Name: "regexp_match", Args: args, Result: returns(tTextArr)}, flagArg, false,
			func(c *pattern.Cache) Eval {
				return rowText(tTextArr, func(_ *Context, r *row, dst []byte) ([]byte, error) {
					x, err := c.Get(r.bytes(1), flagsOf(r, flagArg))
					if err != nil {
						return dst, err
					}
					var ok bool
					if c.Caps, ok, err = x.Search(r.bytes(0), 0, c.Caps, r); !ok || err != nil {
						return nil, err
					}
					return matchArray(dst, r.bytes(0), c.Caps), nil
				})
			}))
	}
	match(0, tText, tText)
	match(2, tText, tText, tText)
	register(regexEval(&Overload{Name: "substring", Args: list(tText, tText), Result: returns(tText)}, 0, false,
		func(c *pattern.Cache) Eval {
			return rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
				x, err := c.Get(r.bytes(1), nil)
				if err != nil {
					return dst, err
				}
				m, ok, err := x.Search(r.bytes(0), 0, c.Caps, r)
				c.Caps = m
				if !ok || err != nil {
					return nil, err
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
			func(c *pattern.Cache) Eval { return regexSplit(c, flagArg) }))
	}
	split(0, tText, tText)
	split(2, tText, tText, tText)
}

func regexSplit(c *pattern.Cache, flagArg int) Eval {
	return rowText(tTextArr, func(_ *Context, r *row, dst []byte) ([]byte, error) {
		x, err := c.Get(r.bytes(1), flagsOf(r, flagArg))
		if err != nil {
			return dst, err
		}
		s := r.bytes(0)
		dst = append(notNil(dst), '{')
		at, first := 0, true
		var failed error
		c.Caps, err = x.All(s, 0, c.Caps, r, func(m []int) bool {
			if m[1] == 0 || m[0] == m[1] && (m[0] == len(s) || m[0] == at) { // empty matches beside others cut nothing
				return true
			}
			dst, failed = r.element(dst, s[at:m[0]], false, first)
			at, first = m[1], false
			return failed == nil
		})
		if err == nil {
			err = failed
		}
		if err == nil {
			dst, err = r.element(dst, s[at:], false, first)
		}
		return append(dst, '}'), err
	})
}

// registerCounts registers regexp_count, regexp_instr and regexp_substr.
func registerCounts() {
	count := func(startArg, flagArg int, args ...types.Type) {
		register(regexEval(&Overload{Name: "regexp_count", Args: args, Result: returns(tInt4)}, flagArg, false,
			func(c *pattern.Cache) Eval {
				return rowFixed(tInt4, func(_ *Context, r *row) (int32, bool, error) {
					x, from, err := regexStart(c, r, startArg, flagArg)
					if err != nil {
						return 0, false, err
					}
					n := int32(0)
					c.Caps, err = x.All(r.bytes(0), from, c.Caps, r, func([]int) bool { n++; return true })
					return n, true, err
				})
			}))
	}
	count(0, 0, tText, tText)
	count(2, 0, tText, tText, tInt4)
	count(2, 3, tText, tText, tInt4, tText)
	substr := func(startArg, nthArg, flagArg, subArg int, args ...types.Type) {
		register(regexEval(&Overload{Name: "regexp_substr", Args: args, Result: returns(tText)}, flagArg, false,
			func(c *pattern.Cache) Eval {
				return rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
					x, from, err := regexStart(c, r, startArg, flagArg)
					if err != nil {
						return dst, err
					}
					from, to, ok, err := regexNth(c, x, r, from, nthArg, subArg)
					if err != nil || !ok {
						return nil, err
					}
					return append(notNil(dst), r.bytes(0)[from:to]...), nil
				})
			}))
	}
	substr(0, 0, 0, 0, tText, tText)
	substr(2, 0, 0, 0, tText, tText, tInt4)
	substr(2, 3, 0, 0, tText, tText, tInt4, tInt4)
	substr(2, 3, 4, 0, tText, tText, tInt4, tInt4, tText)
	substr(2, 3, 4, 5, tText, tText, tInt4, tInt4, tText, tInt4)
	all := list(tText, tText, tInt4, tInt4, tInt4, tText, tInt4)
	for n := 2; n <= len(all); n++ {
		registerInstr(all[:n])
	}
}

// registerInstr registers regexp_instr with its first arguments: string, pattern, start, n, endoption, flags, subexpr.
func registerInstr(args []types.Type) {
	have := func(arg int) int {
		if arg < len(args) {
			return arg
		}
		return 0
	}
	flagArg := have(5)
	register(regexEval(&Overload{Name: "regexp_instr", Args: args, Result: returns(tInt4)}, flagArg, false,
		func(c *pattern.Cache) Eval {
			return rowFixed(tInt4, func(_ *Context, r *row) (int32, bool, error) {
				x, from, err := regexStart(c, r, have(2), flagArg)
				if err != nil {
					return 0, false, err
				}
				end := 0
				if have(4) > 0 {
					if end = r.int4(4); end != 0 && end != 1 {
						return 0, false, badParameter("endoption", end)
					}
				}
				from, to, ok, err := regexNth(c, x, r, from, have(3), have(6))
				if err != nil || !ok {
					return 0, true, err
				}
				if end == 1 {
					from = to
				}
				return int32(utf8.RuneCount(r.bytes(0)[:from]) + 1), true, nil
			})
		}))
}

// regexStart compiles the pattern of a row and returns the byte to start from.
func regexStart(c *pattern.Cache, r *row, startArg, flagArg int) (x *pattern.Regex, from int, err error) {
	if x, err = c.Get(r.bytes(1), flagsOf(r, flagArg)); err == nil && startArg > 0 {
		from, err = startAt(r.bytes(0), r.int4(startArg))
	}
	return x, from, err
}

// regexNth returns the n-th match, or a group of it.
func regexNth(c *pattern.Cache, x *pattern.Regex, r *row, from, nthArg, subArg int) (start, end int, ok bool, err error) {
	n, sub := 1, 0
	if nthArg > 0 {
		if n = r.int4(nthArg); n <= 0 {
			return 0, 0, false, badParameter("n", n)
		}
	}
	if subArg > 0 {
		if sub = r.int4(subArg); sub < 0 {
			return 0, 0, false, badParameter("subexpr", sub)
		}
	}
	c.Caps, err = x.All(r.bytes(0), from, c.Caps, r, func(m []int) bool {
		if n--; n == 0 && 2*sub < len(m) && m[2*sub] >= 0 {
			start, end, ok = m[2*sub], m[2*sub+1], true
		}
		return n > 0
	})
	return start, end, ok, err
}
