package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

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
	lookupFn("pg_get_viewdef", tText, null(tText), true, tOid, tInt4)
	lookupFn("pg_get_viewdef", tText, null(tText), true, tText)
	lookupFn("pg_get_viewdef", tText, null(tText), true, tText, tBool)
	lookupFn("pg_get_indexdef", tText, null(tText), true, tOid)
	lookupFn("pg_get_indexdef", tText, null(tText), true, tOid, tInt4, tBool)
	lookupFn("pg_index_column_has_property", tBool, null(tBool), true, tRegcls, tInt4, tText)
	for _, name := range []string{"pg_get_functiondef", "pg_get_partkeydef", "pg_get_function_result", "pg_get_function_arguments",
		"pg_get_function_identity_arguments", "pg_get_statisticsobjdef_columns", "pg_get_function_sqlbody"} {
		lookupFn(name, tText, null(tText), true, tOid)
	}
	lookupFn("pg_get_serial_sequence", tText, null(tText), true, tText, tText)
	lookupFn("pg_sequence_last_value", tInt8, null(tInt8), true, tRegcls)
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
}
