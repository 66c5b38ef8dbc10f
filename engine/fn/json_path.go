package fn

import (
	"context"

	eval "github.com/siltstone-db/siltstone/engine/fn/jsonpath"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
	"github.com/siltstone-db/siltstone/storage/types/jsonpath"
)

// PathEvaluator evaluates jsonpath over values. It remembers the last path, which is mostly the only one.
type PathEvaluator struct {
	text string
	path *jsonpath.Path
	eval eval.Evaluator
}

// Query returns what a path finds in a value. vars is the zero Value for none. See the Query of package jsonpath.
func (p *PathEvaluator) Query(ctx context.Context, v jsonb.Value, path []byte, vars jsonb.Value, all, silent bool) ([]jsonb.Value, bool, bool, error) {
	if p.path == nil || p.text != string(path) {
		parsed, err := jsonpath.Parse(string(path))
		if err != nil {
			return nil, false, false, err
		}
		if err := eval.Check(parsed.Root); err != nil {
			return nil, false, false, err
		}
		p.path, p.text, p.eval = parsed, string(path), eval.Evaluator{}
	}
	return p.eval.Query(ctx, p.path, v, vars, all, silent)
}

// EmptyObject is a jsonb without keys.
func EmptyObject() jsonb.Value { return emptyObject }

// query evaluates the path of a call: target, path, variables, silent.
func (p *PathEvaluator) query(c *Context, r *row, all, silent bool) ([]jsonb.Value, bool, bool, error) {
	vars := emptyObject
	if len(r.args) > 2 {
		vars = r.jsonb(2)
	}
	if len(r.args) > 3 {
		silent = r.bool(3)
	}
	var ctx context.Context
	if c != nil {
		ctx = c.Ctx
	}
	if err := r.Worked(len(r.bytes(0))); err != nil {
		return nil, false, false, err
	}
	return p.Query(ctx, r.jsonb(0), r.bytes(1), vars, all, silent)
}

// withPath gives an overload an Eval that keeps an evaluator.
func withPath(o *Overload, make1 func(p *PathEvaluator) Eval) *Overload {
	o.Prepare = func(*Context, []types.Type, types.Type, []*types.Datum) (Eval, error) {
		return make1(&PathEvaluator{}), nil
	}
	o.Eval = func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		return make1(&PathEvaluator{})(c, args, n, valid, out)
	}
	return o
}

func init() {
	exists := func(silent bool) func(p *PathEvaluator) Eval {
		return func(p *PathEvaluator) Eval {
			return rowBool(func(c *Context, r *row) (bool, bool, error) {
				_, found, failed, err := p.query(c, r, false, silent)
				return found, !failed, err
			})
		}
	}
	match := func(silent bool) func(p *PathEvaluator) Eval {
		return func(p *PathEvaluator) Eval { return rowBool(p.match(silent)) }
	}
	registerOp(withPath(&Overload{Name: "@?", Args: list(tJSONB, tPath), Result: returns(tBool)}, exists(true)),
		withPath(&Overload{Name: "@@", Args: list(tJSONB, tPath), Result: returns(tBool)}, match(true)))
	for _, zone := range []string{"", "_tz"} {
		for n := 2; n <= 4; n++ {
			args := list(tJSONB, tPath, tJSONB, tBool)[:n]
			register(withPath(&Overload{Name: "jsonb_path_exists" + zone, Args: args, Result: returns(tBool)}, exists(false)),
				withPath(&Overload{Name: "jsonb_path_match" + zone, Args: args, Result: returns(tBool)}, match(false)),
				withPath(&Overload{Name: "jsonb_path_query_array" + zone, Args: args, Result: returns(tJSONB)}, (*PathEvaluator).array),
				withPath(&Overload{Name: "jsonb_path_query_first" + zone, Args: args, Result: returns(tJSONB)}, (*PathEvaluator).first))
		}
	}
}

// match returns the single boolean that a path finds.
func (p *PathEvaluator) match(silent bool) func(c *Context, r *row) (bool, bool, error) {
	return func(c *Context, r *row) (bool, bool, error) {
		items, _, _, err := p.query(c, r, true, silent)
		if err != nil {
			return false, false, err
		}
		if len(items) == 1 {
			switch items[0].Kind() {
			case jsonb.Bool:
				return items[0].Bool(), true, nil
			case jsonb.Null:
				return false, false, nil
			}
		}
		if silent || len(r.args) > 3 && r.bool(3) {
			return false, false, nil
		}
		return false, false, errs.New(errs.SingletonSQLJSONItemRequired, "single boolean result is expected")
	}
}

// array is jsonb_path_query_array.
func (p *PathEvaluator) array() Eval {
	j := &jsonScratch{}
	return rowText(tJSONB, func(c *Context, r *row, dst []byte) ([]byte, error) {
		items, _, _, err := p.query(c, r, true, false)
		if err != nil {
			return nil, err
		}
		b := j.begin(c)
		b.BeginArray()
		for _, v := range items {
			b.Raw(v)
		}
		b.EndArray()
		return j.end(r, dst)
	})
}

// first is jsonb_path_query_first.
func (p *PathEvaluator) first() Eval {
	return rowText(tJSONB, func(c *Context, r *row, dst []byte) ([]byte, error) {
		items, _, _, err := p.query(c, r, true, false)
		if err != nil || len(items) == 0 {
			return nil, err
		}
		return r.part(dst, items[0])
	})
}
