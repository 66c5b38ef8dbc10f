package fn

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"os"
	"strconv"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

func noSession(name string) error { return errs.Internal("%s needs a session", name) }

// sessionText registers a stable function without arguments that asks the session.
func sessionText(t types.Type, f func(s Session) string, names ...string) {
	for _, name := range names {
		register(&Overload{Name: name, Result: returns(t), Volatility: Stable,
			Eval: rowText(t, func(c *Context, _ *row, dst []byte) ([]byte, error) {
				if c == nil || c.Session == nil {
					return dst, noSession(name)
				}
				return append(notNil(dst), f(c.Session)...), nil
			})})
	}
}

// Catalog answers are asked of the session under the function's name (Session.Lookup). A question that it does not know has a
// default answer.
func lookupFn(name string, result types.Type, missing types.Datum, strict bool, args ...types.Type) {
	register(&Overload{Name: name, Args: args, Result: returns(result), Volatility: Stable, NotStrict: !strict,
		Eval: func(c *Context, vecs []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
			out.Reset(result, 0)
			params := make([]types.Datum, len(vecs))
			for i := range n {
				if !live(valid, i) {
					out.AppendDatum(zeroOf(result))
					continue
				}
				for a, v := range vecs {
					params[a] = v.Datum(i)
				}
				d, ok, err := c.lookup(name, params...)
				if err != nil {
					return err
				}
				if !ok {
					d = missing
				}
				out.AppendDatum(d)
			}
			return nil
		}})
}

func init() {
	null := func(t types.Type) types.Datum { return types.NullOf(t) }
	yes := types.BoolOf(true)
	// Clients read the number after PostgreSQL to decide what they may ask: the one that the wire told them, too.
	sessionText(tText, func(s Session) string {
		v, _ := s.Setting("server_version")
		return "PostgreSQL " + v
	}, "version")
	sessionText(tName, Session.User, "current_user", "session_user", "user", "current_role")
	sessionText(tName, Session.Database, "current_database", "current_catalog")
	lookupFn("current_schema", tName, types.StringOf(tName, "public"), true)
	lookupFn("current_schemas", types.ArrayOf(types.Name), types.StringOf(types.ArrayOf(types.Name), "{pg_catalog,public}"), true, tBool)
	setting := func(missingOK bool, args ...types.Type) {
		register(&Overload{Name: "current_setting", Args: args, Result: returns(tText), Volatility: Stable,
			Eval: rowText(tText, func(c *Context, r *row, dst []byte) ([]byte, error) {
				if c == nil || c.Session == nil {
					return dst, noSession("current_setting")
				}
				v, ok := c.Session.Setting(string(r.bytes(0)))
				if !ok {
					if missingOK && r.bool(1) {
						return nil, nil
					}
					return dst, errs.New(errs.UndefinedObject, "unrecognized configuration parameter \"%s\"", r.bytes(0))
				}
				return append(notNil(dst), v...), nil
			})})
	}
	setting(false, tText)
	setting(true, tText, tBool)
	lookupFn("set_config", tText, null(tText), true, tText, tText, tBool)
	register(&Overload{Name: "pg_typeof", Args: list(tAny), Result: returns(tText), NotStrict: true,
		Eval: rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) {
			return append(notNil(dst), plain(r.args[0].Type).String()...), nil
		})},
		&Overload{Name: "pg_backend_pid", Result: returns(tInt4), Volatility: Stable,
			Eval: rowFixed(tInt4, func(c *Context, _ *row) (int32, bool, error) {
				if d, ok, err := c.lookup("pg_backend_pid"); ok || err != nil {
					return int32(d.I), true, err
				}
				return int32(os.Getpid()), true, nil
			})})
	lookupFn("txid_current", tInt8, types.IntOf(tInt8, 1), true)
	lookupFn("pg_current_xact_id", tInt8, types.IntOf(tInt8, 1), true)
	lookupFn("pg_is_in_recovery", tBool, types.BoolOf(false), true)
	lookupFn("pg_postmaster_start_time", tTSTZ, null(tTSTZ), true)
	lookupFn("pg_my_temp_schema", tOid, types.IntOf(tOid, 0), true)
	lookupFn("pg_conf_load_time", tTSTZ, null(tTSTZ), true)
	catalogFunctions(null, yes)
	digests()
}

func catalogFunctions(null func(types.Type) types.Datum, yes types.Datum) {
	lookupFn("format_type", tText, null(tText), false, tOid, tInt4)
	lookupFn("pg_get_userbyid", tName, types.StringOf(tName, "siltstone"), true, tOid)
	for _, name := range []string{"pg_table_is_visible", "pg_type_is_visible", "pg_function_is_visible", "pg_operator_is_visible",
		"pg_opclass_is_visible", "pg_opfamily_is_visible", "pg_collation_is_visible", "pg_conversion_is_visible",
		"pg_statistics_obj_is_visible", "pg_ts_config_is_visible", "pg_ts_dict_is_visible", "pg_ts_parser_is_visible",
		"pg_ts_template_is_visible"} {
		lookupFn(name, tBool, yes, true, tOid)
	}
	for _, extra := range [][]types.Type{list(tText, tOid), list(tText, tOid, tBool)} {
		lookupFn("pg_get_expr", tText, null(tText), true, extra...)
	}
	for _, name := range []string{"pg_get_constraintdef", "pg_get_viewdef", "pg_get_triggerdef", "pg_get_ruledef"} {
		lookupFn(name, tText, null(tText), true, tOid)
		lookupFn(name, tText, null(tText), true, tOid, tBool)
	}
	lookupFn("pg_get_indexdef", tText, null(tText), true, tOid)
	lookupFn("pg_get_indexdef", tText, null(tText), true, tOid, tInt4, tBool)
	lookupFn("pg_index_column_has_property", tBool, null(tBool), true, tRegcls, tInt4, tText)
	for _, name := range []string{"pg_get_functiondef", "pg_get_partkeydef", "pg_get_function_result", "pg_get_function_arguments",
		"pg_get_function_identity_arguments", "pg_get_statisticsobjdef_columns", "pg_get_function_sqlbody"} {
		lookupFn(name, tText, null(tText), true, tOid)
	}
	lookupFn("pg_get_serial_sequence", tText, null(tText), true, tText, tText)
	lookupFn("pg_relation_is_publishable", tBool, types.BoolOf(false), true, tRegcls)
	lookupFn("obj_description", tText, null(tText), true, tOid)
	lookupFn("obj_description", tText, null(tText), true, tOid, tName)
	lookupFn("col_description", tText, null(tText), true, tOid, tInt4)
	lookupFn("shobj_description", tText, null(tText), true, tOid, tName)
	for _, name := range []string{"has_table_privilege", "has_schema_privilege", "has_database_privilege", "has_column_privilege",
		"has_any_column_privilege", "has_function_privilege", "has_sequence_privilege", "has_tablespace_privilege"} {
		for _, obj := range list(tText, tOid) {
			lookupFn(name, tBool, yes, true, obj, tText)
			lookupFn(name, tBool, yes, true, tName, obj, tText)
		}
	}
	lookupFn("pg_has_role", tBool, yes, true, tOid, tText)
	lookupFn("pg_has_role", tBool, yes, true, tName, tText)
	lookupFn("pg_has_role", tBool, yes, true, tName, tOid, tText)
	lookupFn("pg_has_role", tBool, yes, true, tName, tName, tText)
	lookupFn("pg_encoding_to_char", tName, types.StringOf(tName, "UTF8"), true, tInt4)
	lookupFn("pg_char_to_encoding", tInt4, types.IntOf(tInt4, 6), true, tName)
	lookupFn("pg_client_encoding", tName, types.StringOf(tName, "UTF8"), true)
	lookupFn("getdatabaseencoding", tName, types.StringOf(tName, "UTF8"), true)
	for _, name := range []string{"pg_relation_size", "pg_total_relation_size", "pg_table_size", "pg_indexes_size"} {
		lookupFn(name, tInt8, types.IntOf(tInt8, 0), true, tRegcls)
	}
	lookupFn("pg_relation_size", tInt8, types.IntOf(tInt8, 0), true, tRegcls, tText)
	lookupFn("pg_database_size", tInt8, types.IntOf(tInt8, 0), true, tOid)
	lookupFn("pg_database_size", tInt8, types.IntOf(tInt8, 0), true, tName)
	lookupFn("to_regclass", tRegcls, null(tRegcls), true, tText)
	lookupFn("to_regtype", tRegtype, null(tRegtype), true, tText)
	lookupFn("pg_tablespace_location", tText, types.TextOf(""), true, tOid)
	register(&Overload{Name: "pg_size_pretty", Args: list(tInt8), Result: returns(tText), Total: true,
		Eval: rowText(tText, func(_ *Context, r *row, dst []byte) ([]byte, error) { return sizePretty(notNil(dst), r.int8(0)), nil })},
		&Overload{Name: "pg_size_pretty", Args: list(tNumeric), Result: returns(tText),
			Eval: func(_ *Context, args []*batch.Vector, n int, valid batch.Bitmap, out *batch.Vector) error {
				a := viewDecimal(args[0])
				out.Reset(tText, n)
				for i := range n {
					if !live(valid, i) {
						out.AppendBytes(nil)
						continue
					}
					d, err := a.at(i)
					if err != nil {
						return err
					}
					v, err := d.Int64()
					if err != nil {
						return err
					}
					out.Data = sizePretty(out.Data, v)
					out.EndString()
				}
				return nil
			}})
}

// sizePretty halves, rounding, from unit to unit as PostgreSQL does: a unit is left when 10 of the next are reached.
func sizePretty(dst []byte, v int64) []byte {
	units := []string{" bytes", " kB", " MB", " GB", " TB", " PB"}
	const limit = 10 * 1024
	abs := func(x int64) int64 { return max(x, -x) }
	if abs(v) < limit {
		return append(strconv.AppendInt(dst, v, 10), units[0]...)
	}
	v /= 512 // one bit more than the unit, for rounding
	half := func(x int64) int64 {
		if x < 0 {
			return (x - 1) / 2
		}
		return (x + 1) / 2
	}
	i := 1
	for ; i < len(units)-1 && abs(v) >= 2*limit-1; i++ {
		v /= 1024
	}
	return append(strconv.AppendInt(dst, half(v), 10), units[i]...)
}

func digests() {
	for _, t := range list(tText, tBytea) {
		totalText("md5", list(t), func(r *row, dst []byte) []byte {
			sum := md5.Sum(r.bytes(0))
			return hex.AppendEncode(notNil(dst), sum[:])
		})
	}
	register(&Overload{Name: "sha256", Args: list(tBytea), Result: returns(tBytea), Total: true,
		Eval: rowText(tBytea, func(_ *Context, r *row, dst []byte) ([]byte, error) {
			sum := sha256.Sum256(r.bytes(0))
			return append(notNil(dst), sum[:]...), nil
		})})
	for _, t := range list(tInt4, tInt8) {
		totalText("to_hex", list(t), func(r *row, dst []byte) []byte {
			if t == tInt4 {
				return strconv.AppendUint(notNil(dst), uint64(uint32(r.int4(0))), 16)
			}
			return strconv.AppendUint(notNil(dst), uint64(r.int8(0)), 16)
		})
	}
	textFn("encode", list(tBytea, tText), func(_ *Context, r *row, dst []byte) ([]byte, error) {
		switch string(r.bytes(1)) {
		case "hex":
			return hex.AppendEncode(notNil(dst), r.bytes(0)), nil
		case "base64":
			return appendBase64(notNil(dst), r.bytes(0)), nil
		case "escape":
			return appendEscape(notNil(dst), r.bytes(0)), nil
		}
		return dst, errs.New(errs.InvalidParameterValue, "unrecognized encoding: \"%s\"", r.bytes(1))
	})
	register(&Overload{Name: "decode", Args: list(tText, tText), Result: returns(tBytea), Eval: rowText(tBytea, decodeText)})
}

// appendEscape writes zero and bytes above 127 in octal; bytea_output = escape does so for all that is not printable.
func appendEscape(dst, s []byte) []byte {
	for _, c := range s {
		switch {
		case c == '\\':
			dst = append(dst, '\\', '\\')
		case c == 0 || c > 0x7f:
			dst = append(dst, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendBase64 breaks lines after 76 characters.
func appendBase64(dst, s []byte) []byte {
	const line = 57 // bytes in 76 characters
	for len(s) > line {
		dst = append(base64.StdEncoding.AppendEncode(dst, s[:line]), '\n')
		s = s[line:]
	}
	return base64.StdEncoding.AppendEncode(dst, s)
}

func decodeText(_ *Context, r *row, dst []byte) ([]byte, error) {
	dst = notNil(dst)
	switch string(r.bytes(1)) {
	case "hex":
		out, err := hex.AppendDecode(dst, r.bytes(0))
		if err != nil {
			return dst, errs.New(errs.InvalidParameterValue, "invalid hexadecimal data")
		}
		return out, nil
	case "base64":
		out, err := base64.StdEncoding.AppendDecode(dst, r.bytes(0))
		if err != nil {
			return dst, errs.New(errs.InvalidParameterValue, "invalid base64 end sequence")
		}
		return out, nil
	case "escape":
		return types.ParseBytea(dst, r.bytes(0))
	}
	return dst, errs.New(errs.InvalidParameterValue, "unrecognized encoding: \"%s\"", r.bytes(1))
}
