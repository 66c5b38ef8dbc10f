package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/jsonb"
	"github.com/siltstone-db/siltstone/storage/types/jsontext"
)

// castJSON returns the casts from and to json and jsonb, nil for other types.
func castJSON(from, to types.Type) Eval {
	switch {
	case to.Kind == types.JSONB && (from.IsString() || from.Kind == types.JSON):
		return toJSONB
	case to.Kind == types.JSON && from.Kind == types.JSONB:
		return rowText(to, func(_ *Context, r *row, dst []byte) ([]byte, error) { return r.jsonText(dst, 0) })
	case to.Kind == types.JSON && from.IsString():
		return rowText(to, func(_ *Context, r *row, dst []byte) ([]byte, error) {
			var p jsontext.Parser
			if err := p.Check(r.bytes(0)); err != nil {
				return nil, err
			}
			return append(notNil(dst), r.bytes(0)...), nil
		})
	case from.Kind == types.JSONB && to.Kind == types.Bool:
		return rowBool(func(_ *Context, r *row) (bool, bool, error) {
			v := r.jsonb(0)
			if v.Kind() != jsonb.Bool {
				return false, false, cannotCast(v, to)
			}
			return v.Bool(), true, nil
		})
	case from.Kind == types.JSONB && to.IsNumber():
		return jsonbToNumber(to)
	}
	return nil
}

// toJSONB parses texts.
func toJSONB(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
	var j jsonScratch
	return rowText(tJSONB, func(c *Context, r *row, dst []byte) ([]byte, error) {
		b := j.begin(c)
		if err := b.Parse(r.bytes(0)); err != nil {
			j.settle()
			return nil, err
		}
		return j.end(r, dst)
	})(c, args, n, valid, out)
}

// jsonText appends the text of a jsonb.
func (r *row) jsonText(dst []byte, a int) ([]byte, error) {
	b := r.bytes(a)
	dst, err := r.Room(notNil(dst), len(b)+len(b)/2)
	if err != nil {
		return dst, err
	}
	return jsonb.AppendText(dst, b), r.Worked(len(b))
}

func cannotCast(v jsonb.Value, to types.Type) error {
	name := v.TypeName()
	if name == "number" {
		name = "numeric"
	}
	return badJSON("cannot cast jsonb %s to type %s", name, plain(to))
}

// jsonbToNumber takes the number out and converts it as a numeric is.
func jsonbToNumber(to types.Type) Eval {
	var convert Eval
	if to.Kind != types.Numeric {
		convert = fromNumeric(tNumeric, to)
	} else if to.Precision > 0 {
		convert = castEval(tNumeric, to, false)
	}
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		into := out
		if convert != nil {
			into = &batch.Vector{}
		}
		a := viewText(args[0])
		into.Reset(tNumeric, n)
		for i := range n {
			if !live(valid, i) {
				skipDecimal(into)
				continue
			}
			v := jsonb.Open(a.at(i))
			if v.Kind() != jsonb.Number {
				return cannotCast(v, to)
			}
			if err := storeConstrained(into, i, v.Decimal()); err != nil {
				return err
			}
		}
		if convert == nil {
			return nil
		}
		return convert(c, []*batch.Vector{into}, n, valid, out)
	}
}
