// Package unique finds the rows that have the keys of rows on their way into a table: among these rows themselves (Rows),
// and among those that a table has (Find), sealed and live. It knows what a key is by package keys, and reads hashes first
// and the values of few rows afterwards.
//
// Rows belongs to one goroutine. Find reads an immutable picture of a table; only where it looks into live segments it
// takes the lock under which rows are appended to them. Who may add which key, and what happens to a row that is found, is
// decided by who calls.
package unique

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Key is a primary or unique key of a table.
type Key struct {
	keys.Key
	Name   string // of the constraint
	Object errs.Object
	Names  []string
	Layout *scan.Layout // of its columns
}

// Of returns the keys of a table: the primary key first, and the others in their order.
func Of(t *catalog.Table) []Key {
	var list []Key
	for i := range t.Constraints {
		c := &t.Constraints[i]
		if !c.Indexed() {
			continue
		}
		k := Key{Key: keys.Key{Columns: t.Ordinals(c.Columns), NullsEqual: c.NullsNotDistinct}, Name: c.Name,
			Object: errs.Object{Schema: t.Schema, Table: t.Name, Constraint: c.Name}}
		k.Layout = &scan.Layout{IDs: c.Columns, Missing: map[int]types.Datum{}}
		for i, at := range k.Columns {
			column := &t.Columns[at]
			k.Names, k.Layout.Types = append(k.Names, column.Name), append(k.Layout.Types, column.Type)
			k.Layout.Missing[i] = column.Value()
		}
		if list = append(list, k); c.Kind == catalog.PrimaryKey {
			list[0], list[len(list)-1] = k, list[0]
		}
	}
	return list
}

// Named returns the key of a table whose constraint has a name; none when there is no such key.
func Named(t *catalog.Table, name string) []Key {
	return slices.DeleteFunc(Of(t), func(k Key) bool { return k.Name != name })
}

// Same tells whether two keys are found by the same hashes.
func (k *Key) Same(ids []uint32, nullsEqual bool) bool {
	return k.NullsEqual == nullsEqual && slices.Equal(k.Layout.IDs, ids)
}

// Violation is PostgreSQL's error for a key that is there twice: that of row i of the key's columns.
func (k *Key) Violation(columns []*batch.Vector, i int) error {
	return errs.New(errs.UniqueViolation, "duplicate key value violates unique constraint %q", k.Name).
		WithDetail("Key %s already exists.", keys.Text(k.Names, columns, i)).About(k.Object)
}

// Hashes returns the hashes of the keys of a flat batch, a list for each key.
func Hashes(list []Key, b *batch.Batch) [][]uint64 {
	hashes := make([][]uint64, len(list))
	for i := range list {
		hashes[i] = list[i].Hash(nil, list[i].Of(nil, b.Cols), b.Len)
	}
	return hashes
}
