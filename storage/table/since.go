package table

import (
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/shelf"
)

// Since returns the rows of a table, with the columns of t, that came after it had grown so far. It costs what they are, and a
// look at the ranges of each file. It is valid as long as the snapshot.
func (s *Snapshot) Since(t *catalog.Table, g Growth) (scan.Relation, error) {
	v := &View{layout: shelf.Layout(t), table: t}
	p := s.version.picture(t.ID)
	if p == nil {
		return v, nil
	}
	older := index.NewRowIDs()
	older.AddRange(0, uint64(g))
	for _, f := range p.Files.All() {
		last := f.Meta.Ranges[len(f.Meta.Ranges)-1]
		switch {
		case last.Base+last.Rows <= uint64(g):
			continue
		case f.Aside():
			return nil, quarantined(t, f.Meta)
		}
		if err := s.addFile(v, f, older, f.Meta.Base()); err != nil {
			return nil, err
		}
	}
	for _, l := range p.Live {
		if n := l.RowsAt(s.sequence); l.Base+uint64(n) > uint64(g) {
			deleted := l.Deleted.With(older.Within(nil, l.Base, n))
			v.add(l.Prefix(n, v.layout).Without(l.Base, deleted), nil, partID{true, l.Base}, deleted.Len())
		}
	}
	return v, nil
}
