package fn

import (
	"encoding/hex"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
)

// castToString prints values, and fits them to the length of character types.
func castToString(from, to types.Type, assignment bool) Eval {
	if from.IsString() && from.Kind != types.InternalChar && to.Kind != types.InternalChar {
		return fitString(from, to, assignment)
	}
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		set, err := c.settings()
		if err != nil {
			return err
		}
		r := row{args: args, c: c, out: out}
		r.begin(to, n)
		for i := range n {
			if !live(valid, i) {
				out.AppendBytes(nil)
				continue
			}
			dst, err := r.open(i)
			if err != nil {
				return err
			}
			if dst, err = r.value(dst, 0, &set); err != nil {
				return err
			}
			if dst, err = r.fit(dst, to, assignment); err != nil {
				return err
			}
			if err := r.close(dst); err != nil {
				return err
			}
		}
		return nil
	}
}

// value appends the text form of an argument.
func (r *row) value(dst []byte, arg int, set *types.Settings) ([]byte, error) {
	v, i := r.args[arg], r.index(arg)
	switch v.Type.Kind {
	case types.Bool:
		if v.Bools().Get(i) {
			return append(dst, "true"...), nil
		}
		return append(dst, "false"...), nil
	case types.Int2:
		return ascii.AppendInt(dst, int64(batch.Values[int16](v)[i])), nil
	case types.Int4:
		return ascii.AppendInt(dst, int64(batch.Values[int32](v)[i])), nil
	case types.Int8:
		return ascii.AppendInt(dst, batch.Values[int64](v)[i]), nil
	case types.Text, types.Varchar, types.Name, types.Unknown, types.InternalChar, types.Array:
		return r.append(dst, v.BytesAt(i))
	case types.Char:
		return r.append(dst, types.TrimBlanks(v.BytesAt(i)))
	case types.JSON, types.JSONPath:
		return r.append(dst, v.BytesAt(i))
	case types.JSONB:
		return r.jsonText(dst, arg)
	case types.Bytea:
		return r.bytea(dst, v.BytesAt(i), set.ByteaEscape)
	case types.Regclass, types.Regtype, types.Regproc, types.Regnamespace:
		return appendReg(r.c, dst, v.Datum(i))
	}
	return types.AppendWith(dst, v.Datum(i), set), nil
}

// bytea appends bytes as bytea_output wants them.
func (r *row) bytea(dst, s []byte, escape bool) ([]byte, error) {
	if escape {
		dst, err := r.Room(dst, 4*len(s)) // a backslash and three digits for each
		if err != nil {
			return dst, err
		}
		return types.AppendByteaEscape(dst, s), r.Worked(4 * len(s))
	}
	return r.encoded(append(dst, `\x`...), s, 2*len(s), false, hex.AppendEncode)
}

// fit brings the value, dst from the start of the row on, to the length of a character type.
func (r *row) fit(dst []byte, to types.Type, assignment bool) ([]byte, error) {
	start := r.start
	s := dst[start:]
	switch {
	case to.Kind == types.InternalChar:
		return dst[:start+min(len(s), 1)], nil
	case to.Kind == types.Name:
		return dst[:start+len(cutName(s))], nil
	case to.Width == 0 || to.Kind != types.Varchar && to.Kind != types.Char:
		return dst, nil
	}
	if !assignment {
		s = types.CutChars(s, int(to.Width))
	}
	f, pad, err := types.FitChars(s, to.Kind, int(to.Width))
	if err != nil {
		return dst, err
	}
	if dst, err = r.Room(dst[:start+len(f)], pad); err != nil {
		return dst, err
	}
	for range pad {
		dst = append(dst, ' ')
	}
	return dst, nil
}

// cutName cuts a name to the 63 bytes that names have, at a character.
func cutName(s []byte) []byte {
	const nameBytes = 63
	if len(s) <= nameBytes {
		return s
	}
	n := nameBytes
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

func fitString(from, to types.Type, assignment bool) Eval {
	return rowText(to, func(_ *Context, r *row, dst []byte) ([]byte, error) {
		s := r.bytes(0)
		if from.Kind == types.Char && (to.Kind != types.Char || to.Width > 0) { // char without a length keeps blanks
			s = types.TrimBlanks(s)
		}
		return r.fit(append(notNil(dst), s...), to, assignment)
	})
}

// notNil makes an empty dst different from the nil that means NULL.
func notNil(dst []byte) []byte {
	if dst == nil {
		return []byte{}
	}
	return dst
}

// appendReg prints a reg* value by its name.
func appendReg(c *Context, dst []byte, d types.Datum) ([]byte, error) {
	name, ok, err := c.lookup("reg_out", d)
	if err != nil || !ok || name.Null {
		return types.Append(dst, d), err
	}
	return append(dst, name.S...), nil
}

// lookup asks the session about the catalog.
func (c *Context) lookup(question string, args ...types.Datum) (types.Datum, bool, error) {
	if c == nil || c.Session == nil {
		return types.Datum{}, false, nil
	}
	return c.Session.Lookup(question, args...)
}

// parseText reads values from their text form.
func parseText(to types.Type) Eval {
	return func(c *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		set, err := c.settings()
		if err != nil {
			return err
		}
		padded := args[0].Type.Kind == types.Char && isOid(to.Kind) // other types see the blanks
		a := viewText(args[0])
		r := row{c: c, out: out}
		c.Reset(out, to, 0)
		for i := range n {
			if !live(valid, i) {
				out.AppendDatum(zeroOf(to))
				continue
			}
			s := a.at(i)
			if padded {
				s = types.TrimBlanks(s)
			}
			// Elements print no longer than three times what they were, and there are two copies for a moment.
			if err := c.borrow(4 * len(s)); err != nil {
				return err
			}
			d, err := parseOne(c, to, s, &set)
			if err == nil {
				out.AppendDatum(d)
				err = r.grew(len(s) + 64)
			}
			c.repay(4 * len(s))
			if err != nil {
				return err
			}
		}
		return nil
	}
}

func zeroOf(t types.Type) types.Datum { return types.Datum{Type: t} }

func parseOne(c *Context, to types.Type, s []byte, set *types.Settings) (types.Datum, error) {
	if !isOid(to.Kind) || to.Kind == types.Oid {
		return types.ParseWith(to, s, set)
	}
	if d, err := types.ParseWith(to, s, set); err == nil {
		return d, nil
	}
	if string(s) == "-" {
		return types.IntOf(to, 0), nil
	}
	d, ok, err := c.lookup("reg_in", types.TextOf(string(s)), types.TextOf(to.String()))
	switch {
	case err != nil:
		return d, err
	case !ok || d.Null:
		return d, errs.New(errs.UndefinedTable, "%s %q does not exist", regWhat(to), s)
	}
	return types.IntOf(to, d.I), nil
}

func regWhat(t types.Type) string {
	switch t.Kind {
	case types.Regclass:
		return "relation"
	case types.Regtype:
		return "type"
	case types.Regproc:
		return "function"
	}
	return "schema"
}

// castOid converts between oids and integers.
func castOid(from, to types.Type) Eval {
	wideFrom := from.Physical() == types.PhysInt64
	return func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
		out.Reset(to, n)
		for i := range n {
			if !live(valid, i) {
				continue
			}
			var v int64
			switch {
			case wideFrom:
				v = view[int64](args[0]).at(i)
			case from.Kind == types.Int2:
				v = int64(view[int16](args[0]).at(i))
			default:
				v = int64(view[int32](args[0]).at(i))
			}
			if to.Kind == types.Int4 {
				batch.Values[int32](out)[i] = int32(uint32(v))
				continue
			}
			if isOid(to.Kind) {
				if from.Kind == types.Int8 && (v < 0 || v > 1<<32-1) {
					return errs.New(errs.NumericValueOutOfRange, "OID out of range")
				}
				v = int64(uint32(v))
			}
			batch.Values[int64](out)[i] = v
		}
		return nil
	}
}
