package metamorphic

import (
	"context"
	"fmt"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/table"
)

// swap drops the table of a slot, if it has one, and makes another with N rows, all in one write: with the rows in the
// log, or by a load.
func (r *runner) swap(o Op) error {
	name := fmt.Sprintf("t%d", o.Table)
	w := table.Write{}
	if t := r.model.tables[o.Table]; t != nil {
		w.Edits = append(w.Edits, catalog.Drop(nil, t.info))
	}
	w.Edits = append(w.Edits, r.db.Numbered(catalog.Create(schema(name, o.Seed)))...)
	next, _, err := r.db.Catalog().Apply(w.Edits...)
	if err != nil {
		return err
	}
	info := next.Table("public", name)
	rows := (&tableModel{info: info}).free(makeRows(info, o.N, o.Seed))
	c, cancel := context.WithTimeout(ctx, opTime/2)
	defer cancel()
	if o.Seed%2 == 0 {
		w.Rows = []table.Rows{{Table: info.ID, Version: info.Version, Batches: batches(info, rows, o.Seed)}}
		_, err = r.db.Commit(c, w)
	} else {
		l := r.db.NewLoad()
		defer l.Abort()
		for _, b := range batches(info, rows, o.Seed) {
			if err == nil {
				err = l.Append(c, info, b)
			}
		}
		if err == nil {
			_, err = l.Commit(c, w, next, func(catalog.TableID) *index.RowIDs { return nil })
		}
	}
	return r.done(err, o, func(m *model) { m.tables[o.Table] = &tableModel{info: info, rows: rows} })
}
