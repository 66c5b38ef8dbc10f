package fn

import (
	"maps"
	"slices"

	"github.com/siltstone-db/siltstone/storage/types"
)

// The registry. It is written by init functions only.
var (
	functions  = map[string][]*Overload{}
	operators  = map[string][]*Overload{}
	aggregates = map[string][]*Aggregate{}
)

// register adds overloads of functions.
func register(os ...*Overload) {
	for _, o := range os {
		functions[o.Name] = append(functions[o.Name], o)
	}
}

// registerOp adds overloads of operators: two arguments for infix ones, one for prefix ones.
func registerOp(os ...*Overload) {
	for _, o := range os {
		o.Infix = true
		operators[o.Name] = append(operators[o.Name], o)
	}
}

// Functions returns the overloads of a function by its lower-case name, nil when there is none.
func Functions(name string) []*Overload { return functions[name] }

// Names returns the names of all functions, sorted.
func Names() []string { return slices.Sorted(maps.Keys(functions)) }

// IsAggregate tells whether a name is that of an aggregate function.
func IsAggregate(name string) bool { return aggregates[name] != nil }

// returns makes a Result function for a fixed type.
func returns(t types.Type) func([]types.Type) types.Type {
	return func([]types.Type) types.Type { return t }
}

// Short names for argument lists.
var (
	tAny     = types.Type{}
	tBool    = types.T(types.Bool)
	tInt2    = types.T(types.Int2)
	tInt4    = types.T(types.Int4)
	tInt8    = types.T(types.Int8)
	tFloat4  = types.T(types.Float4)
	tFloat8  = types.T(types.Float8)
	tNumeric = types.T(types.Numeric)
	tText    = types.T(types.Text)
	tChar    = types.T(types.Char)
	tBytea   = types.T(types.Bytea)
	tDate    = types.T(types.Date)
	tTime    = types.T(types.Time)
	tTS      = types.T(types.Timestamp)
	tTSTZ    = types.T(types.Timestamptz)
	tIntvl   = types.T(types.Interval)
	tUUID    = types.T(types.UUID)
	tJSON    = types.T(types.JSON)
	tJSONB   = types.T(types.JSONB)
	tPath    = types.T(types.JSONPath)
	tOid     = types.T(types.Oid)
	tName    = types.T(types.Name)
	tIChar   = types.T(types.InternalChar)
	tRegcls  = types.T(types.Regclass)
	tRegtype = types.T(types.Regtype)
	// tNonArray is any type but an array, tried after all others.
	tNonArray = types.Type{Kind: types.Void}
	tAnyArr   = types.Type{Kind: types.Array}
	tTextArr  = types.ArrayOf(types.Text)
)

// list makes an argument list.
func list(ts ...types.Type) []types.Type { return ts }
