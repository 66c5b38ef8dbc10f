package pgcatalog

import (
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Lookup answers the questions that functions ask of the catalog (fn.Session): by the name of the SQL function, or
// reg_in and reg_out for the input and output of reg* types. NULL arguments were answered before. It returns false for
// questions it does not know.
func (e *Env) Lookup(question string, args ...types.Datum) (types.Datum, bool, error) {
	if f := questions[question]; f != nil {
		return f(e, args)
	}
	if v, ok := constants[question]; ok {
		return v, true, nil
	}
	return types.Datum{}, false, nil
}

type answer = func(*Env, []types.Datum) (types.Datum, bool, error)

var (
	nullText = types.NullOf(types.T(types.Text))
	yes      = types.BoolOf(true)
	no       = types.BoolOf(false)
)

// constants answer questions whose answer is the same for every object that Siltstone has: nothing has
// definitions or replicas.
var constants = map[string]types.Datum{
	"pg_type_is_visible": yes, "pg_function_is_visible": yes, "pg_operator_is_visible": yes,
	"pg_opclass_is_visible": yes, "pg_collation_is_visible": yes, "pg_conversion_is_visible": yes,
	"pg_statistics_obj_is_visible": yes, "pg_ts_config_is_visible": yes, "pg_ts_dict_is_visible": yes,
	"pg_ts_parser_is_visible": yes, "pg_ts_template_is_visible": yes, "pg_opfamily_is_visible": yes,
	"pg_relation_is_publishable": no, "pg_is_in_recovery": no,
	"shobj_description": nullText,
	"pg_get_ruledef":    nullText, "pg_get_triggerdef": nullText,
	"pg_get_partition_constraintdef":  nullText,
	"pg_get_statisticsobjdef_columns": nullText, "pg_get_statisticsobjdef": nullText, "pg_get_functiondef": nullText,
	"pg_get_function_sqlbody": nullText, "pg_tablespace_location": types.TextOf(""),
}

// questions answer the others.
var questions map[string]answer

func init() {
	questions = map[string]answer{
		"reg_in":                       regIn,
		"reg_out":                      regOut,
		"to_regclass":                  toReg("regclass"),
		"to_regtype":                   toReg("regtype"),
		"to_regnamespace":              toReg("regnamespace"),
		"to_regproc":                   toReg("regproc"),
		"format_type":                  formatType,
		"obj_description":              objDescription,
		"col_description":              colDescription,
		"pg_get_expr":                  getExpr,
		"pg_get_serial_sequence":       serialSequence,
		"pg_sequence_last_value":       sequenceLast,
		"pg_get_userbyid":              userByID,
		"pg_table_is_visible":          tableIsVisible,
		"pg_get_indexdef":              getIndexDef,
		"pg_get_viewdef":               getViewDef,
		"pg_get_constraintdef":         getConstraintDef,
		"pg_get_partkeydef":            getPartKeyDef,
		"pg_index_column_has_property": indexColumnProperty,
		"pg_encoding_to_char":          encodingToChar,
		"pg_char_to_encoding":          charToEncoding,
		"pg_table_size":                tableSize,
		"pg_relation_size":             tableSize,
		"pg_total_relation_size":       tableSize,
		"pg_database_size":             databaseSize,
		"current_schema":               currentSchema,
		"current_schemas":              currentSchemas,
		"pg_backend_pid": func(e *Env, _ []types.Datum) (types.Datum, bool, error) {
			return types.IntOf(types.T(types.Int4), int64(e.PID)), true, nil
		},
		"pg_get_function_result":             procType,
		"pg_get_function_arguments":          procType,
		"pg_get_function_identity_arguments": procType,
	}
	for question := range privileges {
		questions[question] = hasPrivilege(question)
	}
}

func procType(*Env, []types.Datum) (types.Datum, bool, error) {
	return types.TextOf("internal"), true, nil
}

// findTable returns the stored or virtual relation with an OID.
func (e *Env) findTable(oid uint32) (stored *catalog.Table, virtual *Table) {
	if v := registry().byOID[oid]; v != nil {
		return nil, v
	}
	return e.Catalog().TableByOID(oid), nil
}

// findIndex returns the key whose index has an OID, and its table.
func (e *Env) findIndex(oid uint32) (*catalog.Table, *catalog.Constraint) {
	t, k := e.Catalog().Constraint(oid)
	if k == nil || k.Index != oid {
		return nil, nil
	}
	return t, k
}

// resolve finds a relation by name as the search path sees it.
func (e *Env) resolve(schema, name string) (oid uint32, ok bool) {
	path := []string{schema}
	if schema == "" {
		path = []string{"pg_catalog", "public"}
		if e.SearchPath != nil {
			path = e.SearchPath()
		}
	}
	for _, p := range path {
		if v := registry().byName[p+"."+name]; v != nil {
			return v.OID, true
		}
		if o := e.Catalog().Relation(p, name); o != nil {
			if t, ok := o.(*catalog.Table); ok && t.Name != name {
				return t.Constraint(name).Index, true
			}
			return o.Common().OID, true
		}
	}
	return 0, false
}

// SplitName splits a possibly qualified and quoted name, folding what is not quoted.
func SplitName(s string) []string {
	var parts []string
	var cur strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' && quoted && i+1 < len(s) && s[i+1] == '"':
			cur.WriteByte('"')
			i++
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			parts = append(parts, cur.String())
			cur.Reset()
		case !quoted && c >= 'A' && c <= 'Z':
			cur.WriteByte(c + 32)
		case !quoted && (c == ' ' || c == '\t'):
		default:
			cur.WriteByte(c)
		}
	}
	return append(parts, cur.String())
}

// regIn reads the name of an object: args are the text and the name of the reg type.
func regIn(e *Env, args []types.Datum) (types.Datum, bool, error) {
	d, err := e.regByName(args[1].S, args[0].S)
	return d, true, err
}

func toReg(kind string) answer {
	return func(e *Env, args []types.Datum) (types.Datum, bool, error) {
		d, err := e.regByName(kind, args[0].S)
		if err != nil {
			return types.NullOf(regKind(kind)), true, nil
		}
		return d, true, nil
	}
}

func regKind(kind string) types.Type {
	switch kind {
	case "regtype":
		return types.T(types.Regtype)
	case "regproc":
		return types.T(types.Regproc)
	case "regnamespace":
		return types.T(types.Regnamespace)
	}
	return types.T(types.Regclass)
}

func (e *Env) regByName(kind, text string) (types.Datum, error) {
	t := regKind(kind)
	parts := SplitName(text)
	name, schema := parts[len(parts)-1], ""
	if len(parts) > 1 {
		schema = parts[len(parts)-2]
	}
	switch kind {
	case "regtype":
		if oid, ok := e.typeOID(text); ok {
			return types.IntOf(t, int64(oid)), nil
		}
		return types.Datum{}, errs.New(errs.UndefinedObject, "type %q does not exist", text)
	case "regproc":
		if oid := procOID(name); oid != 0 {
			return types.IntOf(t, int64(oid)), nil
		}
		return types.Datum{}, errs.New(errs.UndefinedFunction, "function %q does not exist", text)
	case "regnamespace":
		for _, s := range e.schemas() {
			if s == name {
				return types.IntOf(t, int64(e.schemaOID(s))), nil
			}
		}
		return types.Datum{}, errs.New(errs.InvalidSchemaName, "schema %q does not exist", name)
	}
	if oid, ok := e.resolve(schema, name); ok {
		return types.IntOf(t, int64(oid)), nil
	}
	return types.Datum{}, errs.New(errs.UndefinedTable, "relation %q does not exist", strings.Join(parts, "."))
}

// typeOID finds a type of PostgreSQL by any of its names.
func typeOID(text string) (uint32, bool) {
	name := strings.TrimSpace(strings.ToLower(text))
	name = strings.TrimPrefix(name, "pg_catalog.")
	if i := strings.IndexByte(name, '('); i > 0 {
		if j := strings.IndexByte(name, ')'); j > i {
			name = name[:i] + name[j+1:]
		}
	}
	if elem, ok := strings.CutSuffix(name, "[]"); ok {
		oid, ok := typeOID(elem)
		if !ok {
			return 0, false
		}
		r := typeRows().byOID[oid]
		return r.array, r.array != 0
	}
	if name == "char" {
		name = "bpchar" // the SQL keyword; "char" in quotes is the one-byte type
	}
	if r := typeByName(strings.Trim(name, `"`)); r != nil {
		return r.oid, true
	}
	t, ok := pgtype.ByName(name)
	return pgtype.OID(t), ok
}

// regOut prints a reg value as its output function does: the shortest name that finds the object again.
func regOut(e *Env, args []types.Datum) (types.Datum, bool, error) {
	d := args[0]
	oid := uint32(d.I)
	if oid == 0 {
		return types.TextOf("-"), true, nil
	}
	switch d.Type.Kind {
	case types.Regtype:
		if s, ok := e.formatType(oid, -1); ok {
			return types.TextOf(s), true, nil
		}
	case types.Regproc:
		if i := int(oid) - procOIDs; i >= 0 && i < len(procs().names) {
			return types.TextOf(procs().names[i]), true, nil
		}
	case types.Regnamespace:
		for _, s := range e.schemas() {
			if e.schemaOID(s) == oid {
				return types.TextOf(QuoteIdent(s)), true, nil
			}
		}
	case types.Regclass:
		if s, ok := e.className(oid); ok {
			return types.TextOf(s), true, nil
		}
	}
	return types.Datum{}, false, nil
}

func (e *Env) className(oid uint32) (string, bool) {
	schema, name, ok := e.relationName(oid)
	if !ok {
		return "", false
	}
	if found, ok := e.resolve("", name); ok && found == oid {
		return QuoteIdent(name), true
	}
	return QuoteIdent(schema) + "." + QuoteIdent(name), true
}

// relationName returns the name of what has an OID in pg_class: a table, a view or a sequence, stored or virtual, or the index of a key.
func (e *Env) relationName(oid uint32) (schema, name string, ok bool) {
	stored, virtual := e.findTable(oid)
	if virtual != nil {
		return virtual.Schema, virtual.Relname, true
	}
	if stored != nil {
		return stored.Schema, stored.Name, true
	}
	switch o := e.Catalog().ByOID(oid).(type) {
	case *catalog.View, *catalog.Sequence:
		return o.Common().Schema, o.Common().Name, true
	}
	t, k := e.findIndex(oid)
	if t == nil {
		return "", "", false
	}
	return t.Schema, k.Name, true
}

func formatType(e *Env, args []types.Datum) (types.Datum, bool, error) {
	typmod := int32(-1)
	if len(args) > 1 && !args[1].Null {
		typmod = int32(args[1].I)
	}
	if args[0].Null {
		return nullText, true, nil
	}
	if args[0].I == 0 {
		return types.TextOf("-"), true, nil
	}
	if len(args) > 1 && args[1].Null {
		// Without a modifier, format_type prints bpchar as character.
		if s, ok := e.formatType(uint32(args[0].I), -2); ok {
			return types.TextOf(s), true, nil
		}
	}
	if s, ok := e.formatType(uint32(args[0].I), typmod); ok {
		return types.TextOf(s), true, nil
	}
	return types.TextOf("???"), true, nil
}

func userByID(e *Env, args []types.Datum) (types.Datum, bool, error) {
	if args[0].I == oidOwner {
		return types.TextOf(e.User), true, nil
	}
	return types.TextOf("unknown (OID=" + strconv.FormatInt(args[0].I, 10) + ")"), true, nil
}

func tableIsVisible(e *Env, args []types.Datum) (types.Datum, bool, error) {
	oid := uint32(args[0].I)
	_, name, ok := e.relationName(oid)
	if !ok {
		return types.NullOf(types.T(types.Bool)), true, nil
	}
	found, ok := e.resolve("", name)
	return types.BoolOf(ok && found == oid), true, nil
}

func encodingToChar(_ *Env, args []types.Datum) (types.Datum, bool, error) {
	name := map[int64]string{0: "SQL_ASCII", encodingUTF8: "UTF8", 8: "LATIN1"}[args[0].I]
	return types.TextOf(name), true, nil
}

func charToEncoding(_ *Env, args []types.Datum) (types.Datum, bool, error) {
	n := int64(-1)
	switch strings.ToUpper(strings.ReplaceAll(args[0].S, "-", "")) {
	case "UTF8":
		n = encodingUTF8
	case "SQL_ASCII":
		n = 0
	}
	return types.IntOf(types.T(types.Int4), n), true, nil
}

func tableSize(e *Env, args []types.Datum) (types.Datum, bool, error) {
	t, _ := e.findTable(uint32(args[0].I))
	n := int64(0)
	if t != nil && e.Bytes != nil {
		n = e.Bytes(t.ID)
	}
	return types.IntOf(types.T(types.Int8), n), true, nil
}

func databaseSize(e *Env, _ []types.Datum) (types.Datum, bool, error) {
	n := int64(0)
	if e.Bytes != nil {
		for _, t := range e.tables() {
			n += e.Bytes(t.ID)
		}
	}
	return types.IntOf(types.T(types.Int8), n), true, nil
}

func currentSchema(e *Env, _ []types.Datum) (types.Datum, bool, error) {
	for _, s := range e.existing(false) {
		return types.StringOf(types.T(types.Name), s), true, nil
	}
	return types.NullOf(types.T(types.Name)), true, nil
}

func currentSchemas(e *Env, args []types.Datum) (types.Datum, bool, error) {
	all := e.existing(len(args) > 0 && args[0].I != 0)
	return types.StringOf(types.ArrayOf(types.Name), ArrayText(all)), true, nil
}

// existing returns the schemas of the search path that exist, those that it names or all.
func (e *Env) existing(implicit bool) []string {
	have := map[string]bool{}
	for _, s := range e.schemas() {
		have[s] = true
	}
	path := []string{"public"}
	if e.SearchPath != nil {
		path = e.SearchPath()
	}
	var out []string
	for _, p := range path {
		if have[p] && (implicit || p != "pg_catalog" || !e.CatalogImplicit) {
			out = append(out, p)
		}
	}
	return out
}
