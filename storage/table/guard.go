package table

import (
	"math/bits"
	"strings"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Condition is a CHECK constraint that can be computed. Fails sets the bits of the rows of a batch for which it is false;
// the others are left as they are. It belongs to one goroutine.
type Condition struct {
	Name  string
	Fails func(b *batch.Batch, bits batch.Bitmap) error
}

// Guard holds rows against what their table demands of each by itself: NOT NULL and CHECK. All ways in ask it (INSERT,
// UPDATE, COPY, push) before the rows go to a transaction or a commit. It belongs to one goroutine.
type Guard struct {
	table      *catalog.Table
	notNull    []int
	conditions []Condition // by name, as PostgreSQL looks at them
	text       func(types.Datum) string
	bits       batch.Bitmap
}

// NewGuard returns the guard of a table. The conditions are those of its CHECK constraints in order of their names; text
// prints a value for the detail of an error.
func NewGuard(t *catalog.Table, conditions []Condition, text func(types.Datum) string) *Guard {
	g := &Guard{table: t, conditions: conditions, text: text}
	for i := range t.Columns {
		if t.Columns[i].NotNull {
			g.notNull = append(g.notNull, i)
		}
	}
	return g
}

// Check looks at a batch with the table's columns, without a selection, and returns the error of the first row that is
// not as it should be. For one row NOT NULL comes first, column by column.
func (g *Guard) Check(b *batch.Batch) error {
	row, column := b.Len, -1
	for _, i := range g.notNull {
		if r := firstNull(b.Cols[i], row); r < row {
			row, column = r, i
		}
	}
	var failed *Condition
	for i := range g.conditions {
		c := &g.conditions[i]
		r, err := g.firstFailing(c, b)
		if err != nil {
			return err
		}
		if r < row {
			row, failed = r, c
		}
	}
	switch {
	case failed != nil:
		return g.checkError(failed, b, row)
	case column >= 0:
		return g.notNullError(column, b, row)
	}
	return nil
}

// firstNull returns the first row before a limit in which a vector is NULL, or the limit.
func firstNull(v *batch.Vector, limit int) int {
	if !v.HasNulls() {
		return limit
	}
	for r := range limit {
		if v.IsNull(r) {
			return r
		}
	}
	return limit
}

func (g *Guard) firstFailing(c *Condition, b *batch.Batch) (int, error) {
	set, err := g.failing(c, b)
	if err != nil {
		return 0, err
	}
	for i, w := range set {
		if w != 0 {
			return i<<6 + bits.TrailingZeros64(w), nil
		}
	}
	return b.Len, nil
}

// failing returns the rows for which a condition is false, until the next call.
func (g *Guard) failing(c *Condition, b *batch.Batch) (batch.Bitmap, error) {
	words := batch.Words(b.Len)
	if len(g.bits) < words {
		g.bits = make(batch.Bitmap, words)
	}
	set := g.bits[:words]
	clear(set)
	return set, c.Fails(b, set)
}

// Good sets the bits of the rows that are as they should be. The others are told with their errors, in no order.
func (g *Guard) Good(b *batch.Batch, good batch.Bitmap, bad func(row int, err error) error) error {
	good.Fill(b.Len)
	for _, i := range g.notNull {
		if !b.Cols[i].HasNulls() {
			continue
		}
		for r := range b.Len {
			if good.Get(r) && b.Cols[i].IsNull(r) {
				good.Clear(r)
				if err := bad(r, g.notNullError(i, b, r)); err != nil {
					return err
				}
			}
		}
	}
	for i := range g.conditions {
		c := &g.conditions[i]
		set, err := g.failing(c, b)
		if err != nil {
			return err
		}
		for r := range b.Len {
			if set.Get(r) && good.Get(r) {
				good.Clear(r)
				if err := bad(r, g.checkError(c, b, r)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (g *Guard) notNullError(column int, b *batch.Batch, row int) error {
	return errs.New(errs.NotNullViolation, "null value in column %q of relation %q violates not-null constraint",
		g.table.Columns[column].Name, g.table.Name).WithDetail("Failing row contains %s.", g.rowText(b, row))
}

func (g *Guard) checkError(c *Condition, b *batch.Batch, row int) error {
	return errs.New(errs.CheckViolation, "new row for relation %q violates check constraint %q", g.table.Name, c.Name).
		WithDetail("Failing row contains %s.", g.rowText(b, row))
}

// rowTextBytes is where PostgreSQL cuts a value in the detail of an error.
const rowTextBytes = 64

// rowText prints a row for the detail of an error.
func (g *Guard) rowText(b *batch.Batch, row int) string {
	parts := make([]string, len(b.Cols))
	for i, c := range b.Cols {
		d := c.Datum(row)
		if d.Null {
			parts[i] = "null"
			continue
		}
		s := g.text(d)
		if len(s) > rowTextBytes {
			cut := rowTextBytes
			for cut > 0 && s[cut]&0xc0 == 0x80 {
				cut--
			}
			s = s[:cut] + "..."
		}
		parts[i] = s
	}
	return "(" + strings.Join(parts, ", ") + ")"
}
