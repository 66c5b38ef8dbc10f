package stmt

import (
	"strings"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/keys"
	"github.com/siltstone-db/siltstone/storage/table"
)

// indexed makes the rows of the table known by a key that is to come, in the table as it will be. A primary key must have a
// value in all of them, and no two may have the same.
func (a *alteration) indexed(made *catalog.Table, k *catalog.Constraint) error {
	t := a.table()
	for _, at := range t.Ordinals(k.Columns) {
		if c := &t.Columns[at]; k.Kind == catalog.PrimaryKey && !c.NotNull {
			null, err := a.any(quote(c.Name) + " IS NULL")
			if err != nil {
				return err
			}
			if null {
				return containsNulls(c.Name, t.Name)
			}
		}
	}
	tx := a.env.Tx
	if tx.rows[a.id] > 0 { // the transaction's own, which no file has
		if err := a.unique(made, k); err != nil {
			return err
		}
	}
	if tx.snapshot().Catalog().TableByID(a.id) == nil { // the transaction has made it
		return nil
	}
	var hidden table.Hidden
	if h := tx.hidden[a.id]; h != nil {
		hidden = h.Hidden
	}
	tx.release() // what it kept for another key, or it would wait for itself
	release, err := a.env.DB.IndexKey(a.ctx, made, k.Name, hidden)
	if err == nil {
		tx.kept = append(tx.kept, release)
	}
	return err
}

// unique looks for rows that the transaction sees and that have the same key.
func (a *alteration) unique(made *catalog.Table, k *catalog.Constraint) error {
	var names, columns, filled []string
	for _, at := range made.Ordinals(k.Columns) {
		c := quote(made.Columns[at].Name)
		names, columns, filled = append(names, made.Columns[at].Name), append(columns, c), append(filled, c+" IS NOT NULL")
	}
	text := " FROM " + quote(made.Schema) + "." + quote(made.Name)
	if !k.NullsNotDistinct {
		text += " WHERE " + strings.Join(filled, " AND ")
	}
	list := strings.Join(columns, ", ")
	return a.read("SELECT "+list+text+" GROUP BY "+list+" HAVING count(*) > 1 LIMIT 1", func(b *batch.Batch) error {
		if b.Len == 0 {
			return nil
		}
		return errs.New(errs.UniqueViolation, "could not create unique index %q", k.Name).
			WithDetail("Key %s is duplicated.", keys.Text(names, b.Cols, 0))
	})
}

// known is a step that fails when rows of the table are not known by a key: the transaction has had its segments built anew.
func (a *alteration) known(k *catalog.Constraint, step func(t *catalog.Table) error) func(t *catalog.Table) error {
	db, id := a.env.DB, a.id
	return func(t *catalog.Table) error {
		if db.Catalog().TableByID(id) != nil {
			knows, err := db.KnowsKey(id, k.Columns, k.NullsNotDistinct)
			if err != nil {
				return err
			}
			if !knows {
				return errs.New(errs.SerializationFailure, "segments of table %q were merged while it was altered", t.Name).WithHint("Try again.")
			}
		}
		return step(t)
	}
}
