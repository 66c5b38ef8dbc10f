package stmt

import (
	"maps"

	"github.com/siltstone-db/siltstone/storage/catalog"
)

// Savepoint is a point inside a transaction to which it can be rolled back. It holds the catalog of then,
// which is immutable, and how much was written and deleted.
type Savepoint struct {
	catalog *catalog.Snapshot
	edits   int
	batches int
	rows    map[catalog.TableID]int64
	deletes int
}

// Savepoint returns the current point.
func (t *Tx) Savepoint() Savepoint {
	t.snapshot()
	t.saved = true
	if t.load != nil {
		t.load.Savepoint()
	}
	return Savepoint{catalog: t.catalog, edits: len(t.edits), batches: t.batches, rows: maps.Clone(t.rows), deletes: len(t.deletes)}
}

// RollbackTo forgets what was done since a point. After an error only Rollback is possible. No query of the transaction
// may be running, but those of pictures that are older than the point.
func (t *Tx) RollbackTo(p Savepoint) error {
	_ = t.moved() // the statement whose rows could not move has failed
	for id := range t.views {
		t.forget(id)
	}
	t.Settle()
	moved := t.batches - len(t.writes)
	keep := max(0, p.batches-moved)
	for _, w := range t.writes[keep:] {
		t.account.Free(w.bytes)
		t.bytes -= w.bytes
	}
	clear(t.writes[keep:])
	t.writes = t.writes[:keep]
	if p.batches < moved && t.broken == nil {
		t.broken = t.load.Truncate(p.rows, p.catalog)
	}
	t.unhide(p.deletes)
	t.batches, t.rows = p.batches, maps.Clone(p.rows)
	if err := t.cutKeys(); err != nil && t.broken == nil {
		t.broken = err
	}
	t.catalog, t.edits = p.catalog, t.edits[:p.edits]
	return t.broken
}
