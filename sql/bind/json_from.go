package bind

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// jsonRelation returns the argument and result types of a function that takes JSON apart into rows; nil when name is none.
func (b *Binder) jsonRelation(name string, args int) (want []types.Type, cols []plan.Column) {
	rest, binary := strings.CutPrefix(name, "jsonb_")
	in := types.T(types.JSONB)
	if !binary {
		ok := false
		if rest, ok = strings.CutPrefix(name, "json_"); !ok {
			return nil, nil
		}
		in = types.T(types.JSON)
	}
	if p := strings.TrimSuffix(rest, "_tz"); binary && p == "path_query" && args >= 2 && args <= 4 {
		want = []types.Type{in, types.T(types.JSONPath), in, types.T(types.Bool)}[:args]
		return want, []plan.Column{b.newColumn(name, in)}
	}
	if args != 1 {
		return nil, nil
	}
	text := types.T(types.Text)
	switch rest {
	case "array_elements":
		cols = []plan.Column{b.newColumn("value", in)}
	case "array_elements_text":
		cols = []plan.Column{b.newColumn("value", text)}
	case "each":
		cols = []plan.Column{b.newColumn("key", text), b.newColumn("value", in)}
	case "each_text":
		cols = []plan.Column{b.newColumn("key", text), b.newColumn("value", text)}
	case "object_keys":
		cols = []plan.Column{b.newColumn(name, text)}
	default:
		return nil, nil
	}
	return []types.Type{in}, cols
}

// namesItsColumn tells the functions of one column that keeps its name below an alias, which stands for its value.
func namesItsColumn(name string) bool {
	return strings.HasPrefix(name, "json") && strings.Contains(name, "_array_elements")
}

// recordFunctions need a column definition list.
var recordFunctions = map[string]types.Kind{"json_to_record": types.JSON, "json_to_recordset": types.JSON,
	"jsonb_to_record": types.JSONB, "jsonb_to_recordset": types.JSONB}

// recordFunction binds json_to_record(x) AS t(a int, b text) and its relatives.
func (b *Binder) recordFunction(in *scope, n *pg.RangeFunction, call *pg.FuncCall, name string, defs []*pg.Node) (plan.Node, from, error) {
	kind, ok := recordFunctions[name]
	if !ok || len(call.Args) != 1 || n.Ordinality {
		return nil, from{}, b.unsupported(call.Location, "a column definition list here")
	}
	e, err := b.expr(in, call.Args[0])
	if err != nil {
		return nil, from{}, err
	}
	if e, err = b.coerce(e, types.T(kind), parse.Location(call.Args[0])); err != nil {
		return nil, from{}, err
	}
	names := []byte{'{'}
	f := &plan.Function{Func: name}
	alias := name
	if n.Alias != nil {
		alias = n.Alias.Aliasname
	}
	scan := &plan.Scan{Virtual: f, Alias: alias}
	for i, d := range defs {
		def := d.GetColumnDef()
		t, err := b.typeName(def.TypeName)
		if err != nil {
			return nil, from{}, err
		}
		col := b.newColumn(def.Colname, t)
		col.Ordinal = i
		scan.Cols, scan.Ordinals, f.Results = append(scan.Cols, col), append(scan.Ordinals, i), append(f.Results, t)
		names = types.AppendElement(names, []byte(def.Colname), false, i == 0)
	}
	f.Args = []expr.Expr{e, &expr.Const{Value: types.StringOf(types.ArrayOf(types.Text), string(append(names, '}')))}}
	out, err := b.named1(&table{alias: alias}, scan.Cols, nil, -1)
	return underArguments(in, scan), out, err
}

// withoutList refuses a function that returns records and has no column definition list.
func (b *Binder) withoutList(name string, loc int32) error {
	if _, ok := recordFunctions[name]; !ok {
		return nil
	}
	return b.fail(loc, errs.SyntaxError, "a column definition list is required for functions returning \"record\"")
}
