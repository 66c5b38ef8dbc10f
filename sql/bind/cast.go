package bind

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// typeCast binds CAST(x AS t), x::t and t 'literal'.
func (b *Binder) typeCast(s *scope, n *pg.TypeCast) (expr.Expr, error) {
	t, err := b.typeName(n.TypeName)
	if err != nil {
		return nil, err
	}
	if a := n.Arg.GetAArrayExpr(); a != nil && t.Kind == types.Array {
		return b.arrayOf(s, a, t)
	}
	e, err := b.expr(s, n.Arg)
	if err != nil {
		return nil, err
	}
	if t.Kind == types.Interval && len(n.TypeName.Typmods) > 0 {
		if e, err = b.intervalField(e, n.TypeName); err != nil {
			return nil, err
		}
	}
	return b.cast(e, t, n.Location, parse.Location(n.Arg))
}

// cast converts explicitly. The place of an error is the cast; that of a wrong literal is the literal.
func (b *Binder) cast(e expr.Expr, t types.Type, loc, arg int32) (expr.Expr, error) {
	if !fn.CanCast(e.Type(), t, fn.Explicit) {
		return nil, b.fail(loc, errs.CannotCoerce, "cannot cast type %s to %s", plainType(e.Type()), plainType(t))
	}
	if c, ok := e.(*expr.Const); ok && c.Value.Type.Kind == types.Unknown && !c.Value.Null {
		return b.castLiteral(c, t, arg)
	}
	if t.Kind == types.Numeric && t.Precision == 0 && e.Type().Kind == types.Numeric {
		return e, nil // no constraint asked for: the scale it has is kept
	}
	return b.coerce(e, t, arg)
}

// castLiteral parses a literal that is cast explicitly: unlike a literal that is stored, it is cut to the length of
// varchar(n) and char(n) without an error.
func (b *Binder) castLiteral(c *expr.Const, t types.Type, loc int32) (expr.Expr, error) {
	if (t.Kind == types.Varchar || t.Kind == types.Char) && t.Width > 0 {
		return b.fold(&expr.Cast{Arg: &expr.Const{Value: types.TextOf(c.Value.S)}, T: t})
	}
	return b.coerce(c, t, loc)
}

// intervalField applies the unit of INTERVAL '1' DAY to the literal.
func (b *Binder) intervalField(e expr.Expr, n *pg.TypeName) (expr.Expr, error) {
	unit, ok := intervalUnits[parse.Int(n.Typmods[0])]
	c, lit := e.(*expr.Const)
	if !ok || !lit || len(n.Typmods) > 1 {
		return nil, b.unsupported(n.Location, "this interval field restriction")
	}
	if unit == "" || c.Value.Null {
		return e, nil
	}
	text := strings.TrimSpace(c.Value.S)
	if strings.Trim(text, "+-0123456789.") != "" {
		return nil, b.unsupported(n.Location, "an interval field with a literal of several fields")
	}
	if unit != "second" { // what is smaller than the field is cut off
		if text, _, _ = strings.Cut(text, "."); strings.Trim(text, "+-") == "" {
			text += "0"
		}
	}
	return untyped(text + " " + unit), nil
}

// intervalUnits are PostgreSQL's INTERVAL_MASK bits of single fields.
var intervalUnits = map[int32]string{0x7fff: "", 1 << 2: "year", 1 << 1: "month", 1 << 3: "day", 1 << 10: "hour",
	1 << 11: "minute", 1 << 12: "second"}

// typeName resolves a type with its modifiers.
func (b *Binder) typeName(n *pg.TypeName) (types.Type, error) {
	t, err := b.scalarType(n)
	if err != nil {
		return t, err
	}
	if n.Setof {
		return t, b.unsupported(n.Location, "SETOF")
	}
	if len(n.ArrayBounds) > 0 {
		if len(n.ArrayBounds) > 1 {
			return t, b.unsupported(n.Location, "an array of several dimensions")
		}
		if t.Width > 0 || t.Precision > 0 { // values would have to be cut, or refused
			return t, b.unsupported(n.Location, "type %s[]", t)
		}
		return types.ArrayOf(t.Kind), nil
	}
	return t, nil
}

func (b *Binder) scalarType(n *pg.TypeName) (types.Type, error) {
	names := parse.Names(n.Names)
	if n.PctType || len(names) == 0 {
		return types.Type{}, b.unsupported(n.Location, "%%TYPE")
	}
	name, schema := names[len(names)-1], ""
	if len(names) > 1 {
		schema = names[len(names)-2]
	}
	if schema == "" || schema == "pg_catalog" {
		if strings.HasPrefix(name, "_") && len(name) > 1 {
			if k, ok := typeKinds[name[1:]]; ok {
				return types.ArrayOf(k), nil
			}
		}
		if k, ok := typeKinds[name]; ok {
			return b.modified(k, n)
		}
		// Not a type of PostgreSQL, but of SQL as most other engines have it.
		if name == "double" && schema == "" {
			return types.T(types.Float8), nil
		}
	}
	if t, ok := b.resolver.Type(schema, name); ok {
		return t, nil
	}
	if missingTypes[name] && (schema == "" || schema == "pg_catalog") {
		return types.Type{}, b.unsupported(n.Location, "type %s", name)
	}
	return types.Type{}, b.fail(n.Location, errs.UndefinedObject, "type %q does not exist", strings.Join(names, "."))
}

// modified applies the modifiers in parentheses.
func (b *Binder) modified(k types.Kind, n *pg.TypeName) (types.Type, error) {
	t := types.T(k)
	if len(n.Typmods) == 0 {
		return t, nil
	}
	mods := make([]int32, len(n.Typmods))
	for i, m := range n.Typmods {
		if m.GetAConst() == nil {
			return t, b.fail(n.Location, errs.InvalidParameterValue, "type modifiers must be simple constants or identifiers")
		}
		mods[i] = parse.Int(m)
	}
	switch k {
	case types.Numeric:
		return b.numericType(mods, n.Location)
	case types.Varchar, types.Char:
		word := map[types.Kind]string{types.Varchar: "varchar", types.Char: "char"}[k]
		if mods[0] < 1 {
			return t, b.fail(n.Location, errs.InvalidParameterValue, "length for type %s must be at least 1", word)
		}
		if mods[0] > 10485760 {
			return t, b.fail(n.Location, errs.InvalidParameterValue, "length for type %s cannot exceed 10485760", word)
		}
		t.Width = mods[0]
		return t, nil
	case types.Interval:
		return t, nil
	case types.Timestamp, types.Timestamptz, types.Time:
		if mods[0] >= 6 {
			return t, nil
		}
		return t, b.unsupported(n.Location, "%s with %d digits of fractional seconds", t, mods[0])
	}
	return t, b.fail(n.Location, errs.SyntaxError, "type modifier is not allowed for type %q", parse.Names(n.Names)[len(n.Names)-1])
}

func (b *Binder) numericType(mods []int32, loc int32) (types.Type, error) {
	precision, scale := mods[0], int32(0)
	if len(mods) > 2 {
		return types.Type{}, b.fail(loc, errs.InvalidParameterValue, "invalid NUMERIC type modifier")
	}
	if len(mods) == 2 {
		scale = mods[1]
	}
	if precision < 1 || precision > 1000 {
		return types.Type{}, b.fail(loc, errs.InvalidParameterValue, "NUMERIC precision %d must be between 1 and 1000", precision)
	}
	if scale < -1000 || scale > 1000 {
		return types.Type{}, b.fail(loc, errs.InvalidParameterValue, "NUMERIC scale %d must be between -1000 and 1000", scale)
	}
	if scale < 0 || scale > precision {
		return types.Type{}, b.unsupported(loc, "numeric(%d,%d)", precision, scale)
	}
	return types.NumericOf(int(precision), int(scale)), nil
}

// typeKinds maps PostgreSQL's internal type names, which the grammar also produces for the spellings of the standard.
var typeKinds = map[string]types.Kind{
	"bool": types.Bool, "int2": types.Int2, "int4": types.Int4, "int8": types.Int8, "float4": types.Float4,
	"float8": types.Float8, "numeric": types.Numeric, "text": types.Text, "varchar": types.Varchar, "bpchar": types.Char,
	"bytea": types.Bytea, "date": types.Date, "time": types.Time, "timestamp": types.Timestamp,
	"timestamptz": types.Timestamptz, "interval": types.Interval, "uuid": types.UUID, "json": types.JSON, "jsonb": types.JSONB, "jsonpath": types.JSONPath, "oid": types.Oid, "name": types.Name,
	"char": types.InternalChar, "regclass": types.Regclass, "regtype": types.Regtype, "regproc": types.Regproc,
	"regprocedure": types.Regproc, "regnamespace": types.Regnamespace, "regrole": types.Oid, "void": types.Void,
	"xid": types.Oid, "cid": types.Oid, "int2vector": types.Text, "oidvector": types.Text, "pg_node_tree": types.Text,
}

// missingTypes are types that PostgreSQL has built in: naming one is not a mistake of the user.
var missingTypes = func() map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(`xml money bit varbit timetz inet cidr macaddr macaddr8 point line
		lseg box path polygon circle tsvector tsquery int4range int8range numrange tsrange tstzrange daterange
		int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange pg_lsn txid_snapshot
		pg_snapshot tid regoper regoperator regconfig regdictionary regcollation refcursor record xid8 aclitem`) {
		m[n] = true
	}
	return m
}()

// named converts a literal that names an object: 'hits'::regclass. Numbers, and all other types, return nil.
func (b *Binder) named(s string, to types.Type, loc int32) (expr.Expr, error) {
	switch to.Kind {
	case types.Regclass, types.Regtype, types.Regproc, types.Regnamespace:
	default:
		return nil, nil
	}
	if s == "-" || s != "" && strings.Trim(s, "0123456789") == "" {
		return nil, nil
	}
	if to.Kind == types.Regclass {
		schema, name := splitName(s)
		r, err := b.resolver.Relation(schema, name)
		if err != nil {
			return nil, b.at(err, loc)
		}
		if r != nil {
			return &expr.Const{Value: types.IntOf(to, int64(r.OID))}, nil
		}
	}
	if b.env.Fn == nil || b.env.Fn.Session == nil {
		return nil, nil
	}
	d, ok, err := b.env.Fn.Session.Lookup("to_"+to.Kind.String(), types.TextOf(s))
	if err != nil {
		return nil, b.at(err, loc)
	}
	if !ok || d.Null {
		what := map[types.Kind]string{types.Regclass: "relation", types.Regtype: "type", types.Regproc: "function", types.Regnamespace: "schema"}[to.Kind]
		code := map[types.Kind]errs.Code{types.Regclass: errs.UndefinedTable, types.Regtype: errs.UndefinedObject,
			types.Regproc: errs.UndefinedFunction, types.Regnamespace: errs.InvalidSchemaName}[to.Kind]
		return nil, b.fail(loc, code, "%s %q does not exist", what, s)
	}
	d.Type = to
	return &expr.Const{Value: d}, nil
}

// splitName takes a possibly quoted and qualified name apart, folding what is not quoted.
func splitName(s string) (schema, name string) {
	var parts []string
	for s != "" {
		var part strings.Builder
		if s[0] == '"' {
			i := 1
			for ; i < len(s); i++ {
				if s[i] == '"' {
					if i+1 < len(s) && s[i+1] == '"' {
						i++
					} else {
						break
					}
				}
				part.WriteByte(s[i])
			}
			s = s[min(i+1, len(s)):]
		} else {
			i := strings.IndexByte(s, '.')
			if i < 0 {
				i = len(s)
			}
			part.WriteString(strings.ToLower(strings.TrimSpace(s[:i])))
			s = s[i:]
		}
		parts = append(parts, part.String())
		s = strings.TrimPrefix(s, ".")
	}
	switch len(parts) {
	case 0:
		return "", ""
	case 1:
		return "", parts[0]
	}
	return parts[len(parts)-2], parts[len(parts)-1]
}
