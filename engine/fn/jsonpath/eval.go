// Package jsonpath evaluates paths over jsonb values, lax and strict, as PostgreSQL's jsonpath_exec.c does. Query returns
// the items; an Evaluator belongs to one goroutine and keeps compiled patterns. It refuses datetime() (0A000).
package jsonpath

import (
	"context"
	"math"
	"strings"

	"github.com/siltstone-db/siltstone/engine/fn/pattern"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/decimal"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
	"github.com/siltstone-db/siltstone/storage/types/jsonpath"
)

// Evaluator evaluates paths.
type Evaluator struct {
	patterns map[*jsonpath.Node]*pattern.Regex
	caps     []int
	steps    int
}

// result is what a step came to.
type result uint8

const (
	ok result = iota
	notFound
	failed // an error that is not raised
)

// truth is the value of a condition.
type truth uint8

const (
	no truth = iota
	yes
	unknown
)

// run is one evaluation.
type run struct {
	e       *Evaluator
	ctx     context.Context
	vars    jsonb.Value
	root    jsonb.Value
	current jsonb.Value
	size    int // of the innermost array in whose brackets we are; -1: none
	lax     bool
	ignore  bool // structural errors
	throw   bool // errors are raised
	err     error
}

// Query returns the items that a path finds in a value. With all false it may stop at the first one, and tells only whether
// there is one. silent turns errors into failed, behind the items so far. It looks at the context from time to time.
func (e *Evaluator) Query(ctx context.Context, p *jsonpath.Path, v, vars jsonb.Value, all, silent bool) (items []jsonb.Value, found, fail bool, err error) {
	if vars.Kind() != jsonb.Object {
		return nil, false, false, errs.New(errs.InvalidParameterValue, `"vars" argument is not an object`).
			WithDetail(`Jsonpath parameters should be encoded as key-value pairs of "vars" object.`)
	}
	r := &run{e: e, ctx: ctx, vars: vars, root: v, current: v, size: -1, lax: !p.Strict, ignore: !p.Strict, throw: !silent}
	var list *[]jsonb.Value
	if all || p.Strict { // strict paths must not fail behind the first item
		list = &items
	}
	res := r.item(p.Root, v, list, r.lax)
	if r.err != nil {
		return nil, false, false, r.err
	}
	if list != nil {
		return items, len(items) > 0, res == failed, nil
	}
	return nil, res == ok, res == failed, nil
}

// fail raises an error, or counts as failed.
func (r *run) fail(code errs.Code, format string, args ...any) result {
	if r.throw && r.err == nil {
		r.err = errs.New(code, format, args...)
	}
	return failed
}

// structural is fail where lax paths do not mind.
func (r *run) structural(code errs.Code, format string, args ...any) result {
	if r.ignore {
		return notFound
	}
	return r.fail(code, format, args...)
}

// next goes on behind n with a value.
func (r *run) next(n *jsonpath.Node, v jsonb.Value, found *[]jsonb.Value) result {
	if n.Next != nil {
		return r.item(n.Next, v, found, r.lax)
	}
	if found != nil {
		*found = append(*found, v)
	}
	return ok
}

// work counts steps, and tells when the statement is canceled.
func (r *run) work() bool {
	if r.e.steps++; r.e.steps%1024 == 0 && r.ctx != nil && r.ctx.Err() != nil && r.err == nil {
		r.err = errs.From(r.ctx.Err())
	}
	return r.err == nil
}

// Room is of pattern.Work; matching makes no text.
func (r *run) Room(dst []byte, _ int) ([]byte, error) { return dst, nil }

// Worked tells a matcher when the statement is canceled.
func (r *run) Worked(int) error {
	if r.ctx != nil && r.ctx.Err() != nil {
		return errs.From(r.ctx.Err())
	}
	return nil
}

// item evaluates a node over a value. unwrap says that the elements of an array stand for it.
func (r *run) item(n *jsonpath.Node, v jsonb.Value, found *[]jsonb.Value, unwrap bool) result {
	if !r.work() {
		return failed
	}
	switch k := n.Kind; {
	case k >= jsonpath.And && k <= jsonpath.LikeRegex:
		return r.boolean(n, v, found)
	case k == jsonpath.Plus || k == jsonpath.Minus:
		return r.unary(n, v, found)
	case k >= jsonpath.Add && k <= jsonpath.Mod:
		return r.arithmetic(n, v, found)
	case k >= jsonpath.Type:
		return r.method(n, v, found, unwrap)
	}
	switch n.Kind {
	case jsonpath.Literal:
		return r.next(n, n.Value, found)
	case jsonpath.Variable:
		x, have := r.vars.Get([]byte(n.Text))
		if !have {
			r.throw = true
			return r.fail(errs.UndefinedObject, "could not find jsonpath variable %q", n.Text)
		}
		return r.next(n, x, found)
	case jsonpath.Root:
		return r.next(n, r.root, found)
	case jsonpath.Current:
		return r.next(n, r.current, found)
	case jsonpath.Last:
		return r.next(n, number(decimal.FromInt64(int64(r.size-1))), found)
	case jsonpath.Key:
		return r.key(n, v, found, unwrap)
	case jsonpath.AnyKey:
		switch {
		case v.Kind() == jsonb.Object:
			return r.any(n.Next, v, found, 1, 1, 1, false, r.lax)
		case unwrap && v.Kind() == jsonb.Array:
			return r.elements(n, v, found)
		}
		return r.structural(errs.SQLJSONObjectNotFound, "jsonpath wildcard member accessor can only be applied to an object")
	case jsonpath.AnyArray:
		switch {
		case v.Kind() == jsonb.Array:
			return r.any(n.Next, v, found, 1, 1, 1, false, r.lax)
		case r.lax:
			return r.next(n, v, found)
		}
		return r.structural(errs.SQLJSONArrayNotFound, "jsonpath wildcard array accessor can only be applied to an array")
	case jsonpath.Index:
		return r.subscripts(n, v, found)
	case jsonpath.Any:
		return r.levels(n, v, found)
	case jsonpath.Filter:
		if unwrap && v.Kind() == jsonb.Array {
			return r.elements(n, v, found)
		}
		before := r.current
		r.current = v
		t := r.truth(n.Left, v)
		r.current = before
		if t != yes {
			return notFound
		}
		return r.next(n, v, found)
	}
	return failed
}

func (r *run) key(n *jsonpath.Node, v jsonb.Value, found *[]jsonb.Value, unwrap bool) result {
	switch {
	case v.Kind() == jsonb.Object:
		if x, have := v.Get([]byte(n.Text)); have {
			return r.next(n, x, found)
		}
		return r.structural(errs.SQLJSONMemberNotFound, "JSON object does not contain key %q", n.Text)
	case unwrap && v.Kind() == jsonb.Array:
		return r.elements(n, v, found)
	}
	return r.structural(errs.SQLJSONMemberNotFound, "jsonpath member accessor can only be applied to an object")
}

// elements applies a node to the elements of an array in its place.
func (r *run) elements(n *jsonpath.Node, v jsonb.Value, found *[]jsonb.Value) result {
	return r.any(n, v, found, 1, 1, 1, false, false)
}

// any applies a node (nil: none) to what is first to last levels below a value.
func (r *run) any(n *jsonpath.Node, v jsonb.Value, found *[]jsonb.Value, level, first, last uint32, ignore, unwrap bool) result {
	res := notFound
	if level > last {
		return res
	}
	for i := range v.Len() {
		var e jsonb.Value
		if v.Kind() == jsonb.Object {
			_, e = v.Field(i)
		} else {
			e, _ = v.At(i)
		}
		leaf := first == jsonpath.Deepest && last == jsonpath.Deepest && e.IsScalar()
		if level >= first || leaf {
			switch {
			case n != nil:
				before := r.ignore
				r.ignore = before || ignore
				res = r.item(n, e, found, unwrap)
				r.ignore = before
				if res == failed || res == ok && found == nil {
					return res
				}
			case found != nil:
				*found = append(*found, e)
			default:
				return ok
			}
		}
		if level < last && !e.IsScalar() {
			res = r.any(n, e, found, level+1, first, last, ignore, unwrap)
			if res == failed || res == ok && found == nil {
				return res
			}
		}
		if !r.work() {
			return failed
		}
	}
	return res
}

func (r *run) levels(n *jsonpath.Node, v jsonb.Value, found *[]jsonb.Value) result {
	res := notFound
	if n.First == 0 {
		before := r.ignore
		r.ignore = true
		res = r.next(n, v, found)
		r.ignore = before
		if res == failed || res == ok && found == nil {
			return res
		}
	}
	if !v.IsScalar() {
		res = r.any(n.Next, v, found, 1, n.First, n.Last, true, r.lax)
	}
	return res
}

func (r *run) subscripts(n *jsonpath.Node, v jsonb.Value, found *[]jsonb.Value) result {
	array := v.Kind() == jsonb.Array
	if !array && !r.lax {
		return r.structural(errs.SQLJSONArrayNotFound, "jsonpath array accessor can only be applied to an array")
	}
	size, before := 1, r.size
	if array {
		size = v.Len()
	}
	r.size = size
	defer func() { r.size = before }()
	res := notFound
	for _, s := range n.Subscripts {
		from, bad := r.index(s.From, v)
		to := from
		if !bad && s.To != nil {
			to, bad = r.index(s.To, v)
		}
		if bad {
			return failed
		}
		if !r.ignore && (from < 0 || from > to || to >= size) {
			return r.fail(errs.InvalidSQLJSONSubscript, "jsonpath array subscript is out of bounds")
		}
		for i := max(from, 0); i <= min(to, size-1); i++ {
			e := v
			if array {
				e, _ = v.At(i)
			}
			res = r.next(n, e, found)
			if res == failed || res == ok && found == nil {
				return res
			}
		}
	}
	return res
}

// index evaluates a subscript.
func (r *run) index(n *jsonpath.Node, v jsonb.Value) (i int, bad bool) {
	var list []jsonb.Value
	if r.item(n, v, &list, r.lax) == failed {
		return 0, true
	}
	if len(list) != 1 || list[0].Kind() != jsonb.Number {
		r.fail(errs.InvalidSQLJSONSubscript, "jsonpath array subscript is not a single numeric value")
		return 0, true
	}
	x, err := list[0].Decimal().Trunc(0).Int32()
	if err != nil {
		r.fail(errs.InvalidSQLJSONSubscript, "jsonpath array subscript is out of integer range")
		return 0, true
	}
	return int(x), false
}

// number makes a value of a decimal.
func number(d decimal.Decimal) jsonb.Value {
	return build(func(b *jsonb.Builder) { b.Decimal(d) })
}

func build(add func(b *jsonb.Builder)) jsonb.Value {
	var b jsonb.Builder
	b.Reset()
	add(&b)
	enc, err := b.Append(nil)
	if err != nil {
		return jsonb.Value{}
	}
	return jsonb.Open(enc)
}

// unwrapped evaluates an operand; in lax mode arrays stand for their elements.
func (r *run) unwrapped(n *jsonpath.Node, v jsonb.Value, unwrap bool) ([]jsonb.Value, result) {
	var list []jsonb.Value
	res := r.item(n, v, &list, r.lax)
	if res == failed || !unwrap || !r.lax {
		return list, res
	}
	var out []jsonb.Value
	for _, x := range list {
		if x.Kind() != jsonb.Array {
			out = append(out, x)
			continue
		}
		for i := range x.Len() {
			e, _ := x.At(i)
			out = append(out, e)
		}
	}
	return out, ok
}

func (r *run) arithmetic(n *jsonpath.Node, v jsonb.Value, found *[]jsonb.Value) result {
	left, res := r.unwrapped(n.Left, v, true)
	if res == failed {
		return res
	}
	right, res := r.unwrapped(n.Right, v, true)
	if res == failed {
		return res
	}
	for _, side := range []struct {
		name string
		list []jsonb.Value
	}{{"left", left}, {"right", right}} {
		if len(side.list) != 1 || side.list[0].Kind() != jsonb.Number {
			return r.fail(errs.SingletonSQLJSONItemRequired, "%s operand of jsonpath operator %s is not a single numeric value", side.name, n.Kind.Operator())
		}
	}
	x, y := left[0].Decimal(), right[0].Decimal()
	var d decimal.Decimal
	var err error
	switch n.Kind {
	case jsonpath.Add:
		d, err = x.Add(y)
	case jsonpath.Sub:
		d, err = x.Sub(y)
	case jsonpath.Mul:
		d, err = x.Mul(y)
	case jsonpath.Div:
		d, err = x.Quo(y)
	default:
		d, err = x.Mod(y)
	}
	if err != nil {
		if r.throw && r.err == nil {
			r.err = err
		}
		return failed
	}
	if n.Next == nil && found == nil {
		return ok
	}
	return r.next(n, number(d), found)
}

func (r *run) unary(n *jsonpath.Node, v jsonb.Value, found *[]jsonb.Value) result {
	list, res := r.unwrapped(n.Left, v, true)
	if res == failed {
		return res
	}
	res = notFound
	for _, x := range list {
		if x.Kind() != jsonb.Number {
			if n.Next == nil && found == nil {
				continue
			}
			return r.fail(errs.SQLJSONNumberNotFound, "operand of unary jsonpath operator %s is not a numeric value", n.Kind.Operator())
		}
		if n.Next == nil && found == nil {
			return ok
		}
		if n.Kind == jsonpath.Minus {
			x = number(x.Decimal().Neg())
		}
		one := r.next(n, x, found)
		if one == failed {
			return one
		}
		if one == ok {
			if found == nil {
				return ok
			}
			res = ok
		}
	}
	return res
}

func (r *run) method(n *jsonpath.Node, v jsonb.Value, found *[]jsonb.Value, unwrap bool) result {
	switch n.Kind {
	case jsonpath.Type:
		return r.next(n, build(func(b *jsonb.Builder) { b.String([]byte(v.TypeName())) }), found)
	case jsonpath.Size:
		size := 1
		if v.Kind() == jsonb.Array {
			size = v.Len()
		} else if !r.lax {
			return r.structural(errs.SQLJSONArrayNotFound, "jsonpath item method .%s() can only be applied to an array", n.Kind.Method())
		}
		return r.next(n, number(decimal.FromInt64(int64(size))), found)
	}
	if unwrap && v.Kind() == jsonb.Array {
		return r.elements(n, v, found)
	}
	switch n.Kind {
	case jsonpath.Double:
		return r.double(n, v, found)
	case jsonpath.KeyValue:
		return r.keyValue(n, v, found)
	case jsonpath.Datetime:
		r.throw = true
		return r.fail(errs.FeatureNotSupported, "jsonpath item method .datetime() is not supported yet")
	}
	if v.Kind() != jsonb.Number {
		return r.fail(errs.NonNumericSQLJSONItem, "jsonpath item method .%s() can only be applied to a numeric value", n.Kind.Method())
	}
	d := v.Decimal()
	switch n.Kind {
	case jsonpath.Abs:
		d = d.Abs()
	case jsonpath.Floor:
		d = d.Floor()
	default:
		d = d.Ceil()
	}
	return r.next(n, number(d), found)
}

func (r *run) double(n *jsonpath.Node, v jsonb.Value, found *[]jsonb.Value) result {
	switch v.Kind() {
	case jsonb.Number:
		f, err := types.ParseFloat64(v.AppendNumber(nil))
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return r.fail(errs.NonNumericSQLJSONItem, "numeric argument of jsonpath item method .double() is out of range for type double precision")
		}
		return r.next(n, v, found)
	case jsonb.String:
		f, err := types.ParseFloat64(v.String())
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return r.fail(errs.NonNumericSQLJSONItem, "string argument of jsonpath item method .double() is not a valid representation of a double precision number")
		}
		return r.next(n, number(decimal.FromFloat64(f)), found)
	}
	return r.fail(errs.NonNumericSQLJSONItem, "jsonpath item method .double() can only be applied to a string or numeric value")
}

// keyValue makes an object of each key. The id is PostgreSQL's for objects that are the whole value; others are told apart by
// where they stand, whose numbers are ours.
func (r *run) keyValue(n *jsonpath.Node, v jsonb.Value, found *[]jsonb.Value) result {
	if v.Kind() != jsonb.Object {
		return r.fail(errs.SQLJSONObjectNotFound, "jsonpath item method .keyvalue() can only be applied to an object")
	}
	res := notFound
	for i := range v.Len() {
		k, e := v.Field(i)
		res = r.next(n, build(func(b *jsonb.Builder) {
			b.BeginObject()
			b.Key([]byte("key"))
			b.String(k)
			b.Key([]byte("value"))
			b.Raw(e)
			b.Key([]byte("id"))
			b.Int(int64(v.Position()))
			b.EndObject()
		}), found)
		if res == failed || res == ok && found == nil {
			return res
		}
	}
	return res
}

// boolean evaluates a condition that stands for its value.
func (r *run) boolean(n *jsonpath.Node, v jsonb.Value, found *[]jsonb.Value) result {
	t := r.truth(n, v)
	if r.err != nil {
		return failed
	}
	if n.Next == nil && found == nil {
		return ok
	}
	return r.next(n, build(func(b *jsonb.Builder) {
		if t == unknown {
			b.Null()
		} else {
			b.Bool(t == yes)
		}
	}), found)
}

// truth evaluates a condition.
func (r *run) truth(n *jsonpath.Node, v jsonb.Value) truth {
	if !r.work() {
		return unknown
	}
	switch n.Kind {
	case jsonpath.And, jsonpath.Or:
		decides := no
		if n.Kind == jsonpath.Or {
			decides = yes
		}
		a := r.truth(n.Left, v)
		if a == decides {
			return a
		}
		// The other decides, or is what the first one is not sure of.
		b := r.truth(n.Right, v)
		if b == yes && n.Kind == jsonpath.And || b == no && n.Kind == jsonpath.Or {
			return a
		}
		return b
	case jsonpath.Not:
		switch r.truth(n.Left, v) {
		case yes:
			return no
		case no:
			return yes
		}
		return unknown
	case jsonpath.IsUnknown:
		if r.truth(n.Left, v) == unknown {
			return yes
		}
		return no
	case jsonpath.Exists:
		return r.exists(n, v)
	case jsonpath.StartsWith:
		return r.each(n, v, false, startsWith)
	case jsonpath.LikeRegex:
		return r.each(n, v, false, func(x, _ jsonb.Value) truth { return r.matches(n, x) })
	}
	return r.each(n, v, true, func(x, y jsonb.Value) truth { return compare(n.Kind, x, y) })
}

// quietly evaluates without raising errors.
func (r *run) quietly(f func() result) result {
	before := r.throw
	r.throw = false
	res := f()
	if r.err == nil {
		r.throw = before
	}
	return res
}

func (r *run) exists(n *jsonpath.Node, v jsonb.Value) truth {
	var list []jsonb.Value
	found := &list
	if r.lax {
		found = nil
	}
	res := r.quietly(func() result { return r.item(n.Left, v, found, r.lax) })
	switch {
	case res == failed:
		return unknown
	case r.lax && res == ok, !r.lax && len(list) > 0:
		return yes
	}
	return no
}

// each compares all items of the left operand with all of the right one: one pair suffices.
func (r *run) each(n *jsonpath.Node, v jsonb.Value, unwrapRight bool, test func(x, y jsonb.Value) truth) truth {
	var left, right []jsonb.Value
	res := r.quietly(func() (res result) { left, res = r.unwrapped(n.Left, v, true); return res })
	if res == failed {
		return unknown
	}
	right = []jsonb.Value{{}}
	if n.Right != nil {
		res = r.quietly(func() (res result) { right, res = r.unwrapped(n.Right, v, unwrapRight); return res })
		if res == failed {
			return unknown
		}
	}
	some, doubt := false, false
	for _, x := range left {
		for _, y := range right {
			if !r.work() {
				return unknown
			}
			switch test(x, y) {
			case unknown:
				if !r.lax {
					return unknown
				}
				doubt = true
			case yes:
				if r.lax {
					return yes
				}
				some = true
			}
		}
	}
	switch {
	case some:
		return yes
	case doubt:
		return unknown
	}
	return no
}

func of(b bool) truth {
	if b {
		return yes
	}
	return no
}

func startsWith(x, y jsonb.Value) truth {
	if x.Kind() != jsonb.String || y.Kind() != jsonb.String {
		return unknown
	}
	return of(strings.HasPrefix(string(x.String()), string(y.String())))
}

// compare compares two items: null with all else is unequal, other kinds do not compare.
func compare(op jsonpath.Kind, x, y jsonb.Value) truth {
	if x.Kind() != y.Kind() {
		if x.Kind() == jsonb.Null || y.Kind() == jsonb.Null {
			return of(op == jsonpath.NotEqual)
		}
		return unknown
	}
	if !x.IsScalar() {
		return unknown
	}
	c := jsonb.Compare(x, y)
	switch op {
	case jsonpath.Equal:
		return of(c == 0)
	case jsonpath.NotEqual:
		return of(c != 0)
	case jsonpath.Less:
		return of(c < 0)
	case jsonpath.LessEqual:
		return of(c <= 0)
	case jsonpath.Greater:
		return of(c > 0)
	}
	return of(c >= 0)
}

// matches is like_regex.
func (r *run) matches(n *jsonpath.Node, x jsonb.Value) truth {
	if x.Kind() != jsonb.String {
		return unknown
	}
	re := r.e.patterns[n]
	if re == nil {
		var err error
		if re, err = compile(n); err != nil {
			if r.err == nil {
				r.err = err
			}
			return unknown
		}
		if r.e.patterns == nil {
			r.e.patterns = map[*jsonpath.Node]*pattern.Regex{}
		}
		r.e.patterns[n] = re
	}
	matched, err := re.Matches(x.String(), &r.e.caps, r)
	if err != nil && r.err == nil {
		r.err = err
	}
	return of(matched)
}

// compile compiles the pattern of like_regex; its flags are those of XQuery.
func compile(n *jsonpath.Node) (*pattern.Regex, error) {
	has := func(c string) bool { return strings.Contains(n.Flags, c) }
	flags := ""
	switch dot, lines := has("s"), has("m"); {
	case has("q"):
		flags = "q"
	case dot && lines:
		flags = "w"
	case lines:
		flags = "n"
	case !dot:
		flags = "p"
	}
	if has("i") {
		flags += "i"
	}
	f, err := pattern.ParseFlags(flags, false)
	if err != nil {
		return nil, err
	}
	return pattern.CompileRegex(n.Text, f)
}

// Check compiles the patterns of a path.
func Check(n *jsonpath.Node) error {
	if n == nil {
		return nil
	}
	if n.Kind == jsonpath.LikeRegex {
		if _, err := compile(n); err != nil {
			return err
		}
	}
	for _, o := range []*jsonpath.Node{n.Left, n.Right, n.Next} {
		if err := Check(o); err != nil {
			return err
		}
	}
	return nil
}
