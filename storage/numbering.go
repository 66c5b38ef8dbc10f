package storage

import (
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/wal"
)

// numbering gives the rows of log records their numbers, in the order of the log: those that they get when the record is
// applied. So the log alone tells which rows a later record deletes. It belongs to the log's writer.
type numbering struct {
	next    map[catalog.TableID]uint64 // number of the next row of a table; of one that is not there: 0
	dropped []catalog.TableID          // by the last group
}

// startNumbering begins where the tables are.
func (db *DB) startNumbering() {
	db.numbering.next = make(map[catalog.TableID]uint64, len(db.tables))
	for id, t := range db.tables {
		db.numbering.next[id] = t.Next
	}
}

// number numbers the rows of a group; the one before it is in the log for good.
func (n *numbering) number(group []*wal.Entry) {
	for _, id := range n.dropped {
		delete(n.next, id)
	}
	n.dropped = n.dropped[:0]
	for _, e := range group {
		c := e.Data.(*commit)
		c.encoder.Number(n.next)
		for _, d := range c.edits {
			if d.Drops() {
				n.dropped = append(n.dropped, d.IDs()...)
			}
		}
	}
}

// unnumber takes back the numbers of a group that is not in the log after all.
func (n *numbering) unnumber(group []*wal.Entry) {
	for _, e := range group {
		e.Data.(*commit).encoder.Unnumber(n.next)
	}
	n.dropped = n.dropped[:0]
}
