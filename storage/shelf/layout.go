package shelf

import (
	"slices"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/live"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Layout returns a table's columns as its parts are asked for them.
func Layout(t *catalog.Table) *scan.Layout {
	l := &scan.Layout{IDs: make([]uint32, len(t.Columns)), Types: t.Types()}
	for i := range t.Columns {
		c := &t.Columns[i]
		if l.IDs[i] = c.ID; c.Missing != nil {
			if l.Missing == nil {
				l.Missing = map[int]types.Datum{}
			}
			l.Missing[i] = *c.Missing
		}
	}
	return l
}

// Alter gives the shelf another version of its table. Live segments have the columns that rows came with: where those
// change, the part that is open takes no more rows, and the next ones find a new one. Parts find columns by their ids,
// so that nothing is rewritten.
func (s *Shelf) Alter(t *catalog.Table, l Limits) {
	if s.Table != t && !slices.EqualFunc(s.Table.Columns, t.Columns, sameForm) {
		s.Close()
	}
	s.Table, s.Limits = t, l
}

// AlterOwn is Alter for a shelf whose rows are in no log record. The part that was open is closed, and waits: a transaction
// that makes a table, fills it a little and alters it time and again makes no file for each of its columns.
func (s *Shelf) AlterOwn(t *catalog.Table, l Limits) {
	if p := s.Open(); p != nil && s.Table != t && !slices.EqualFunc(s.Table.Columns, t.Columns, sameForm) {
		p.Closed = true
	}
	s.Table, s.Limits = t, l
}

// takes tells whether a part has the columns that rows of the table have now.
func (s *Shelf) takes(p *Part) bool {
	return slices.EqualFunc(p.Live.Columns(), s.live(), func(a, b live.Column) bool {
		return a.ID == b.ID && a.Type == b.Type && a.Nullable == b.Nullable
	})
}

// sameForm tells whether a live segment with one column can take values of another.
func sameForm(a, b catalog.Column) bool {
	return a.ID == b.ID && a.Type == b.Type && a.NotNull == b.NotNull
}
