package pgcatalog

import (
	"strconv"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// A table with partitions is relkind r, not p: its partitions are no tables, and clients that see p look for the rows in
// tables below it (pg_dump copies none from the table itself, others list it under another name or not at all). Who asks
// pg_partitioned_table or pg_get_partkeydef learns of its column, and reloptions have the rest.

// partitionClasses are PostgreSQL's default B-tree operator classes of the types that tables are partitioned by.
var partitionClasses = map[types.Kind]string{types.Date: "3122", types.Timestamp: "3128", types.Timestamptz: "3127",
	types.Int2: "1979", types.Int4: "1978", types.Int8: "3124"}

func fillPartitioned(e *Env, b *builder) {
	for _, t := range e.tables() {
		if c := partitionColumn(t); c != nil {
			b.add("partrelid", t.OID, "partstrat", "r", "partnatts", 1, "partdefid", 0, "partattrs", strconv.Itoa(int(c.ID)),
				"partclass", partitionClasses[c.Type.Kind], "partcollation", "0")
		}
	}
}

// partitionColumn returns the column of PARTITION BY RANGE, or nil.
func partitionColumn(t *catalog.Table) *catalog.Column {
	if _, ok := t.Partitions(); !ok {
		return nil
	}
	return &t.Columns[t.ColumnByID(t.Options.PartitionBy)]
}

// getPartKeyDef answers pg_get_partkeydef.
func getPartKeyDef(e *Env, args []types.Datum) (types.Datum, bool, error) {
	if t := e.Catalog().TableByOID(uint32(args[0].I)); t != nil {
		if c := partitionColumn(t); c != nil {
			return types.TextOf("RANGE (" + QuoteIdent(c.Name) + ")"), true, nil
		}
	}
	return nullText, true, nil
}
