package table

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Terms are what SQL says of the rows of a table, computed by who knows SQL. They belong to one goroutine.
type Terms struct {
	Conditions []Condition // the CHECK constraints in order of their names
	Defaults   []Default   // of the columns, by ordinal; none: NULL
	Generated  []Generated // columns that are computed of the others
	// Text prints a value for the detail of an error; nil is types.Datum.String.
	Text func(types.Datum) string

	out batch.Batch // of Generate
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

// Generated is a column that is computed of the others of its row. Compute returns its values of the rows of a batch that
// has all columns of the table, lent until the next call; an error that is about a row is found out by asking for rows alone.
type Generated struct {
	Column  int // ordinal
	Compute func(b *batch.Batch) (*batch.Vector, error)
}

// Generate fills in the columns of a batch that are computed of the others, and returns it: the batch itself when there are
// none, else one that shares the others with it, until the next call.
func (t *Terms) Generate(b *batch.Batch) (*batch.Batch, error) {
	if len(t.Generated) == 0 || b.Len == 0 {
		return b, nil
	}
	t.out.Len, t.out.Sel = b.Len, b.Sel
	t.out.Cols = append(t.out.Cols[:0], b.Cols...)
	for i := range t.Generated {
		g := &t.Generated[i]
		v, err := g.Compute(b)
		if err != nil {
			return nil, err
		}
		t.out.Cols[g.Column] = v
	}
	return &t.out, nil
}

// of returns the default of a column.
func (t *Terms) of(column int) Default {
	if column < len(t.Defaults) {
		return t.Defaults[column]
	}
	return Default{}
}
