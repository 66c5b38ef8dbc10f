package table

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Terms are what SQL says of the rows of a table, computed by who knows SQL. They belong to one goroutine.
type Terms struct {
	Conditions []Condition // the CHECK constraints in order of their names
	Defaults   []Default   // of the columns, by ordinal; none: NULL
	// Text prints a value for the detail of an error; nil is types.Datum.String.
	Text func(types.Datum) string
}

// Condition is a CHECK constraint that can be computed. Fails sets the bits of the rows of a batch for which it is false;
// the others are left as they are.
type Condition struct {
	Name  string
	Fails func(b *batch.Batch, bits batch.Bitmap) error
}

// Default is what a column gets of rows that do not name it: a value, or one computed for each row. The zero value is
// NULL.
type Default struct {
	Value *types.Datum
	// Compute returns the values of n rows, lent until the next call.
	Compute func(n int) (*batch.Vector, error)
}

// of returns the default of a column.
func (t *Terms) of(column int) Default {
	if column < len(t.Defaults) {
		return t.Defaults[column]
	}
	return Default{}
}
