package fn

import (
	"github.com/siltstone-db/siltstone/engine/fn/template"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

// to_char, to_date, to_timestamp and to_number: a template is read once and kept by the evaluator.

func init() {
	for _, t := range list(tTS, tTSTZ, tIntvl) {
		registerTemplate("to_char", t, tText, func() Eval { return dateToChar(t) })
	}
	registerTemplate("to_char", tInt4, tText, func() Eval {
		return numberToChar(func(w *template.NumberWriter, r *row) error { return w.Int4(int64(r.int4(0))) })
	})
	registerTemplate("to_char", tInt8, tText, func() Eval {
		return numberToChar(func(w *template.NumberWriter, r *row) error { return w.Int8(r.int8(0)) })
	})
	registerTemplate("to_char", tFloat4, tText, func() Eval {
		return numberToChar(func(w *template.NumberWriter, r *row) error {
			return w.Float4(batch.Values[float32](r.args[0])[r.index(0)])
		})
	})
	registerTemplate("to_char", tFloat8, tText, func() Eval {
		return numberToChar(func(w *template.NumberWriter, r *row) error { return w.Float8(r.f8(0)) })
	})
	registerTemplate("to_char", tNumeric, tText, func() Eval {
		return numberToChar(func(w *template.NumberWriter, r *row) error {
			v, err := viewDecimal(r.args[0]).at(r.index(0))
			if err != nil {
				return err
			}
			return w.Numeric(v)
		})
	})
	registerTemplate("to_date", tText, tDate, toDate)
	registerTemplate("to_timestamp", tText, tTSTZ, toTimestamp)
	registerTemplate("to_number", tText, tNumeric, toNumber)
}

// registerTemplate registers name(arg, text), whose Evals keep the template that they read last.
func registerTemplate(name string, arg, result types.Type, eval func() Eval) {
	register(&Overload{Name: name, Args: list(arg, tText), Result: returns(result), Volatility: Stable,
		Eval: func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
			return eval()(c, args, n, valid, out)
		},
		Prepare: func(*Context, []types.Type, types.Type, []*types.Datum) (Eval, error) { return eval(), nil }})
}

// dateToChar prints timestamps and intervals.
func dateToChar(of types.Type) Eval {
	var t template.Date
	return rowText(tText, func(c *Context, r *row, dst []byte) ([]byte, error) {
		f := r.bytes(1)
		if len(f) == 0 || of != tIntvl && !finiteTS(r.int8(0)) {
			return nil, nil
		}
		t.Use(f)
		switch of {
		case tIntvl:
			return t.Print(notNil(dst), template.NewSpan(batch.Values[interval](r.args[0])[r.index(0)]))
		case tTS:
			return t.Print(notNil(dst), template.NewStamp(r.int8(0), "", 0))
		}
		z, err := c.zone()
		if err != nil {
			return dst, err
		}
		us := r.int8(0)
		offset, name := datetime.ZoneOffset(us, z.loc)
		return t.Print(notNil(dst), template.NewStamp(z.local(us), name, offset))
	})
}

// numberToChar prints numbers; take hands the writer the number of a row.
func numberToChar(take func(w *template.NumberWriter, r *row) error) Eval {
	var w template.NumberWriter
	return rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
		format := r.bytes(1)
		if len(format) == 0 {
			return notNil(dst), nil
		}
		if err := w.Use(format); err != nil {
			return dst, err
		}
		if err := take(&w, r); err != nil {
			return dst, err
		}
		return w.Print(notNil(dst))
	})
}

func toDate() Eval {
	var reader template.DateReader
	return rowFixed(tDate, func(_ *Context, r *row) (int32, bool, error) {
		v, err := reader.Date(r.bytes(0), r.bytes(1))
		return v, true, err
	})
}

func toTimestamp() Eval {
	var reader template.DateReader
	return rowFixed(tTSTZ, func(c *Context, r *row) (int64, bool, error) {
		us, zoned, err := reader.Timestamp(r.bytes(0), r.bytes(1))
		if err != nil {
			return 0, false, err
		}
		if !zoned {
			z, err := c.zone()
			if err != nil {
				return 0, false, err
			}
			us = z.utc(us)
		}
		if !datetime.TimestampInRange(us) {
			return 0, false, datetime.TimestampOutOfRange()
		}
		return us, true, nil
	})
}

func toNumber() Eval {
	var reader template.NumberReader
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		r := row{args: args, c: c, out: out}
		c.Reset(out, tNumeric, n)
		for i := range n {
			r.i = i
			if !live(valid, i) {
				skipDecimal(out)
				continue
			}
			if len(r.bytes(1)) == 0 {
				skipDecimal(out)
				out.Nulls(n).Clear(i)
				continue
			}
			v, err := reader.Read(r.bytes(0), r.bytes(1))
			if err != nil {
				return err
			}
			if err := storeDecimal(out, i, v); err != nil {
				return err
			}
			if err := r.grew(decimalWork(v)); err != nil {
				return err
			}
		}
		return nil
	}
}
