package table

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/shelf"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Fitter lays rows of the log out in the columns that their table has now, which it finds by their ids: the table may
// have gained, lost or widened some since. The zero value is ready; it belongs to one goroutine.
type Fitter struct {
	batch batch.Batch
	cols  []*batch.Vector
	flat  batch.Vector
}

// Fit returns the rows of a section that was read back, flat, with the columns of t: valid until the following call, and
// as long as the section's batch; identities stand behind the columns. What the section lacks has the column's missing-value; a column with another type is
// XX001 unless that widens to the table's.
func (f *Fitter) Fit(t *catalog.Table, s Section) (*batch.Batch, error) {
	if same(t, s.Columns) {
		return s.Batch, nil
	}
	f.cols = grow(f.cols, len(t.Columns)+1)
	f.batch.Len, f.batch.Cols = s.Batch.Len, f.cols[:len(t.Columns)]
	for i := range t.Columns {
		c := &t.Columns[i]
		at := find(s.Columns, c.ID)
		switch {
		case at < 0:
			f.flat.ResetConstant(c.Value(), s.Batch.Len)
			f.cols[i].Flatten(&f.flat)
		case types.Widens(s.Columns[at].Type, c.Type):
			f.cols[i].Widen(s.Batch.Cols[at], c.Type)
		default:
			return nil, errs.Corrupt("rows of the log have type %s in column %q of table %q, which has type %s", s.Columns[at].Type, c.Name, t.Name, c.Type)
		}
	}
	if at := find(s.Columns, shelf.IdentityColumn.ID); at >= 0 {
		if s.Columns[at].Type != shelf.IdentityColumn.Type {
			return nil, errs.Corrupt("rows of the log for table %q have identities of type %s", t.Name, s.Columns[at].Type)
		}
		f.cols[len(t.Columns)].Lend(s.Batch.Cols[at])
		f.batch.Cols = f.cols
	}
	return &f.batch, nil
}

func same(t *catalog.Table, cols []Column) bool {
	if n := len(t.Columns); len(cols) == n+1 && cols[n] == (Column{shelf.IdentityColumn.ID, shelf.IdentityColumn.Type}) {
		cols = cols[:n]
	}
	if len(cols) != len(t.Columns) {
		return false
	}
	for i := range cols {
		if cols[i].ID != t.Columns[i].ID || cols[i].Type != t.Columns[i].Type {
			return false
		}
	}
	return true
}

func find(cols []Column, id uint32) int {
	for i := range cols {
		if cols[i].ID == id {
			return i
		}
	}
	return -1
}

func grow(cols []*batch.Vector, n int) []*batch.Vector {
	for len(cols) < n {
		cols = append(cols, new(batch.Vector))
	}
	return cols[:n]
}
