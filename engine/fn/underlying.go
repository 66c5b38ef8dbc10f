package fn

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/storage/types"
)

// operatorFunctions lists the functions that PostgreSQL's operators are made of, by which they may be called too: name,
// operator, left type (- for a prefix operator), right type.
//
//go:embed operators.txt
var operatorFunctions string

// underlyingTypes are the types that operators.txt names.
var underlyingTypes = map[string]types.Type{"boolean": tBool, "smallint": tInt2, "integer": tInt4, "bigint": tInt8, "real": tFloat4,
	"float8": tFloat8, "numeric": tNumeric, "text": tText, "bpchar": tChar, "bytea": tBytea, "date": tDate, "time": tTime, "timestamp": tTS,
	"timestamptz": tTSTZ, "interval": tIntvl, "uuid": tUUID, "oid": tOid, "name": tName}

// The file's name makes this init run behind those that register operators.
func init() {
	for line := range strings.Lines(operatorFunctions) {
		f := strings.Fields(line)
		name, op := f[0], f[1]
		args := list(underlyingTypes[f[3]])
		if f[2] != "-" {
			args = list(underlyingTypes[f[2]], underlyingTypes[f[3]])
		}
		have := func(o *Overload) bool { return slices.Equal(o.Args, args) }
		if slices.ContainsFunc(functions[name], have) {
			continue // a function of its own
		}
		if at := slices.IndexFunc(operators[op], have); at >= 0 {
			o := *operators[op][at]
			o.Name, o.Infix, o.Refine = name, false, nil
			register(&o)
		}
	}
}
