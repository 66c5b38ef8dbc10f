package table

import (
	"math/bits"
	"strings"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Guard holds rows against what their table demands of each by itself: NOT NULL and CHECK. All ways in ask it, through an
// Appender, before the rows go to a transaction or a commit. It belongs to one goroutine.
type Guard struct {
	table      *catalog.Table
	notNull    []int
	conditions []Condition // by name, as PostgreSQL looks at them
	text       func(types.Datum) string
	good, bits batch.Bitmap
	one        batch.Batch // a row by itself
}

// NewGuard returns the guard of a table.
func NewGuard(t *catalog.Table, terms *Terms) *Guard {
	g := &Guard{table: t, conditions: terms.Conditions, text: terms.Text}
	if g.text == nil {
		g.text = types.Datum.String
	}
	for i := range t.Columns {
		if t.Columns[i].NotNull {
			g.notNull = append(g.notNull, i)
		}
	}
	return g
}

// Check looks at a batch with the table's columns, and maybe the hidden one of identities, without a selection, and returns the
// error of the first row that is not as it should be.
func (g *Guard) Check(b *batch.Batch) error {
	if !g.suspects(b) {
		return nil
	}
	good, err := g.Good(b)
	if err != nil {
		return err
	}
	for i, w := range good {
		if row := i<<6 + bits.TrailingZeros64(^w); row < min(b.Len, (i+1)<<6) {
			_, err := g.Fault(b, row)
			return err
		}
	}
	return nil
}

// suspects tells whether rows of a batch may be bad.
func (g *Guard) suspects(b *batch.Batch) bool {
	if len(g.conditions) > 0 {
		return true
	}
	for _, i := range g.notNull {
		if b.Cols[i].HasNulls() {
			return true
		}
	}
	return false
}

// Good returns the rows that are as they should be, until the next call. What keeps a condition from being computed for a
// row is that row's fault; an error is not about rows.
func (g *Guard) Good(b *batch.Batch) (batch.Bitmap, error) {
	words := batch.Words(b.Len)
	if len(g.good) < words {
		g.good, g.bits = make(batch.Bitmap, words), make(batch.Bitmap, words)
	}
	good := g.good[:words]
	good.Fill(b.Len)
	for _, i := range g.notNull {
		switch v := b.Cols[i]; {
		case !v.HasNulls():
		case v.Form != batch.Constant:
			good.And(v.Valid[:words])
		case v.IsNull(0):
			clear(good)
		}
	}
	for i := range g.conditions {
		bits := g.bits[:words]
		clear(bits)
		if err := g.fails(&g.conditions[i], b, bits); err != nil {
			return nil, err
		}
		good.AndNot(bits)
	}
	return good, nil
}

// fails sets the bits of the rows for which a condition is false, or cannot be computed.
func (g *Guard) fails(c *Condition, b *batch.Batch, bits batch.Bitmap) error {
	err := c.Fails(b, bits)
	if err == nil || !isFault(err) {
		return err
	}
	for r := range b.Len {
		bits.Clear(r)
		one := batch.Bitmap{0}
		switch err := c.Fails(pick(&g.one, b, r), one); {
		case err == nil:
			bits.SetTo(r, one.Any())
		case isFault(err):
			bits.Set(r)
		default:
			return err
		}
	}
	return nil
}

// Fault returns what is wrong with a row of a batch that is not good, and the column that is to blame, -1 for none in
// particular. NOT NULL comes first, column by column, and then the conditions.
func (g *Guard) Fault(b *batch.Batch, row int) (column int, err error) {
	for _, i := range g.notNull {
		if b.Cols[i].IsNull(row) {
			return i, errs.New(errs.NotNullViolation, "null value in column %q of relation %q violates not-null constraint",
				g.table.Columns[i].Name, g.table.Name).WithDetail("Failing row contains %s.", g.rowText(b, row)).
				About(errs.Object{Schema: g.table.Schema, Table: g.table.Name, Column: g.table.Columns[i].Name})
		}
	}
	for i := range g.conditions {
		c := &g.conditions[i]
		fails := batch.Bitmap{0}
		if err := c.Fails(pick(&g.one, b, row), fails); err != nil {
			return -1, err
		}
		if fails.Any() {
			return -1, errs.New(errs.CheckViolation, "new row for relation %q violates check constraint %q", g.table.Name, c.Name).
				WithDetail("Failing row contains %s.", g.rowText(b, row)).
				About(errs.Object{Schema: g.table.Schema, Table: g.table.Name, Constraint: c.Name})
		}
	}
	return -1, errs.Internal("a condition of table %q failed for a row, and then did not", g.table.Name)
}

// isFault tells whether an error is about the values of a row: data exceptions and violations, of classes 22 and 23.
// Others end what is being done (a cancel, memory) whatever is to become of bad rows.
func isFault(err error) bool {
	code := errs.From(err).Code
	return strings.HasPrefix(string(code), "22") || strings.HasPrefix(string(code), "23")
}

// pick makes one a batch of a single row of b.
func pick(one, b *batch.Batch, row int) *batch.Batch {
	one.Cols = grow(one.Cols, len(b.Cols))
	idx := [1]uint16{uint16(row)}
	for i, v := range b.Cols {
		one.Cols[i].Gather(v, idx[:])
	}
	one.Len = 1
	return one
}

// rowTextBytes is where PostgreSQL cuts a value in the detail of an error.
const rowTextBytes = 64

// rowText prints a row for the detail of an error.
func (g *Guard) rowText(b *batch.Batch, row int) string {
	parts := make([]string, len(g.table.Columns))
	for i, c := range b.Cols[:len(parts)] {
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
