package table

import (
	"encoding/binary"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/shelf"
)

// Which numbers the rows of a write have is known when its place in the log is: the payload is laid out before, with room
// for them, which Encoder.Number fills.

// Numbered tells that rows of a record have the numbers from First on, one after the other.
type Numbered struct {
	Table catalog.TableID
	First uint64
}

// run is rows of a payload that come to a table one after the other.
type run struct {
	table catalog.TableID
	rows  uint64
	at    int // where the number is in the head
}

// continued adds rows to the last run of a list, or another run.
func continued(list []run, t catalog.TableID, rows uint64) []run {
	if n := len(list); n > 0 && list[n-1].table == t {
		list[n-1].rows += rows
		return list
	}
	return append(list, run{table: t, rows: rows})
}

// number leaves room for numbers of rows. The runs come to be those of the whole payload, in order.
func (e *Encoder) number(w *field.Writer, files []shelf.Sealed) {
	if len(files) > 0 {
		var all []run
		for _, f := range files {
			all = continued(all, f.Meta.Table, uint64(f.Meta.Rows))
		}
		for _, r := range e.runs {
			all = continued(all, r.table, r.rows)
		}
		e.runs = all
	}
	for i := range e.runs {
		r := &e.runs[i]
		m := w.Begin(16)
		w.Uint(2, uint64(r.table))
		w.Fixed(4, 1)
		w.End(m)
		r.at = len(w.Record()) - 8
	}
}

// Number tells the numbers of the payload's rows: next has the one that comes next of each table, and is moved on. It
// changes bytes that Payload has returned.
func (e *Encoder) Number(next map[catalog.TableID]uint64) {
	for _, r := range e.runs {
		binary.LittleEndian.PutUint64(e.parts[0][r.at:], next[r.table]+1)
		next[r.table] += r.rows
	}
}

// Unnumber takes back what Number did to next, of the last payload that was numbered.
func (e *Encoder) Unnumber(next map[catalog.TableID]uint64) {
	for _, r := range e.runs {
		next[r.table] -= r.rows
	}
}

func readNumbered(r *field.Reader) (n Numbered) {
	for r.Next() {
		switch r.Number() {
		case 2:
			n.Table = catalog.TableID(r.Uint())
		case 4:
			n.First = r.Fixed() - 1
		default:
			r.Unknown()
		}
	}
	return n
}

// Touched adds the tables that the payload brings rows to, takes some from, or changes.
func (d *Decoder) Touched(tables map[catalog.TableID]bool) {
	for _, n := range d.Numbers {
		tables[n.Table] = true
	}
	for i := range d.Deletions {
		tables[d.Deletions[i].Table] = true
	}
	for _, e := range d.Edits {
		for _, id := range e.IDs() {
			tables[id] = true
		}
	}
}
