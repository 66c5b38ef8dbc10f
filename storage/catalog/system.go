package catalog

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// The system columns that every table has besides its own. They are found by their names, and * does not stand for them.
const (
	TableOID = "tableoid" // the OID of the table
	RowID    = "_row_id"  // the identity of the row (scan.Identity)
)

// The numbers of system columns in pg_attribute: that of PostgreSQL, and the next one.
const (
	TableOIDNumber = -6
	RowIDNumber    = -7
)

// systemNames are names that no column of a table may have: those of PostgreSQL's system columns, and ours.
var systemNames = []string{TableOID, RowID, "ctid", "xmin", "cmin", "xmax", "cmax"}

// IsSystemColumn tells whether a name is that of a system column.
func IsSystemColumn(name string) bool { return slices.Contains(systemNames, name) }

// SystemColumn refuses to do something to a column, if it is a system column: verb is alter, rename, drop or assign to.
func SystemColumn(name, verb string) error {
	if !IsSystemColumn(name) {
		return nil
	}
	return errs.New(errs.FeatureNotSupported, "cannot %s system column %q", verb, name)
}
