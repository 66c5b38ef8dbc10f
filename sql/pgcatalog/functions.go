package pgcatalog

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/storage/types"
)

// functionOIDs is where the numbers of callable functions begin, in the order of their names. They are not PostgreSQL's,
// and change when functions are added: nothing keeps them, and casts from and to regproc go by name.
const functionOIDs = 6000

// fillFunctions lists the functions and aggregates that a query may call, one row per list of arguments.
func fillFunctions(b *builder) {
	oid := functionOIDs
	for _, name := range fn.Names() {
		for _, o := range fn.Functions(name) {
			args := declared(o.Args)
			volatility := map[fn.Volatility]string{fn.Immutable: "i", fn.Stable: "s", fn.Volatile: "v"}[o.Volatility]
			result := o.Result(o.Args)
			var variadic uint32
			if o.Variadic {
				variadic = args[len(args)-1]
			}
			b.add("oid", oid, "proname", name, "pronamespace", oidPgCatalog, "proowner", oidOwner, "prolang", 12, "procost", 1.0,
				"prokind", "f", "proisstrict", !o.NotStrict, "provolatile", volatility, "proparallel", "s", "provariadic", variadic,
				"pronargs", len(args), "prorettype", declaredOID(result), "proargtypes", numbers(args), "prosrc", name)
			oid++
		}
	}
	for _, w := range fn.Windows() {
		args := declared(w.Args)
		result := uint32(anyElementOID)
		if len(w.Args) == 0 || w.Args[0].Kind != types.Invalid {
			result = declaredOID(w.Result(w.Args))
		}
		b.add("oid", oid, "proname", w.Name, "pronamespace", oidPgCatalog, "proowner", oidOwner, "prolang", 12, "procost", 1.0,
			"prokind", "w", "proisstrict", true, "provolatile", "i", "proparallel", "s", "pronargs", len(args),
			"prorettype", result, "proargtypes", numbers(args), "prosrc", "window_"+w.Name)
		oid++
	}
	for _, a := range fn.Aggregates() {
		args := declared(a.Args)
		b.add("oid", oid, "proname", a.Name, "pronamespace", oidPgCatalog, "proowner", oidOwner, "prolang", 12, "procost", 1.0,
			"prokind", "a", "provolatile", "i", "proparallel", "s", "pronargs", len(args),
			"prorettype", declaredOID(a.Result(a.Args)), "proargtypes", numbers(args), "prosrc", "aggregate_dummy")
		oid++
	}
}

// The pseudo-types of arguments that take values of any type.
const (
	anyElementOID = 2283
	anyArrayOID   = 2277
)

func declared(ts []types.Type) []uint32 {
	oids := make([]uint32, len(ts))
	for i, t := range ts {
		oids[i] = declaredOID(t)
	}
	return oids
}

// declaredOID returns the number of an argument's or result's type.
func declaredOID(t types.Type) uint32 {
	switch {
	case t.Kind == types.Invalid, t.Kind == types.Void:
		return anyElementOID
	case t.Kind == types.Array && t.Elem == types.Invalid:
		return anyArrayOID
	}
	return pgtype.OID(t)
}
