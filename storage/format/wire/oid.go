package wire

import "github.com/siltstone-db/siltstone/storage/types"

// kindOIDs are PostgreSQL's fixed type numbers (pg_type.dat): the type and the array of it.
var kindOIDs = [...]struct{ oid, array uint32 }{
	types.Unknown: {705, 0}, types.Bool: {16, 1000}, types.Int2: {21, 1005}, types.Int4: {23, 1007},
	types.Int8: {20, 1016}, types.Float4: {700, 1021}, types.Float8: {701, 1022}, types.Numeric: {1700, 1231},
	types.Text: {25, 1009}, types.Varchar: {1043, 1015}, types.Char: {1042, 1014}, types.Bytea: {17, 1001},
	types.Date: {1082, 1182}, types.Time: {1083, 1183}, types.Timestamp: {1114, 1115},
	types.Timestamptz: {1184, 1185}, types.Interval: {1186, 1187}, types.UUID: {2950, 2951},
	types.JSON: {114, 199}, types.JSONB: {3802, 3807}, types.JSONPath: {4072, 4073},
	types.Oid: {26, 1028}, types.Name: {19, 1003}, types.InternalChar: {18, 1002}, types.Regclass: {2205, 2210},
	types.Regtype: {2206, 2211}, types.Regproc: {24, 1008}, types.Regnamespace: {4089, 4090}, types.Void: {2278, 0},
}

// OID returns the type's number, 0 when it has none.
func OID(t types.Type) uint32 {
	if t.Kind == types.Array {
		return ArrayOID(t.Elem)
	}
	if int(t.Kind) < len(kindOIDs) {
		return kindOIDs[t.Kind].oid
	}
	return 0
}

// ArrayOID returns the number of the array of a kind, 0 when there is none.
func ArrayOID(k types.Kind) uint32 {
	if int(k) < len(kindOIDs) {
		return kindOIDs[k].array
	}
	return 0
}
