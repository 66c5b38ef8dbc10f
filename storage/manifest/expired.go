package manifest

import (
	"maps"
	"slices"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/field"
)

// Expired tells, by table, below which value of its partition column rows may have been dropped by their age: who holds a
// table against its log does not miss them. An edit has what has changed.
type Expired map[catalog.TableID]int64

// after returns what is known after an edit: values only grow, and tables that are not there are forgotten.
func (x Expired) after(e Expired, c *catalog.Snapshot) Expired {
	gone := func(id catalog.TableID, _ int64) bool { return c.TableByID(id) == nil }
	if len(e) == 0 && !slices.ContainsFunc(slices.Collect(maps.Keys(x)), func(id catalog.TableID) bool { return gone(id, 0) }) {
		return x
	}
	next := make(Expired, len(x)+len(e))
	maps.Copy(next, x)
	for id, value := range e {
		if was, ok := x[id]; !ok || value > was {
			next[id] = value
		}
	}
	maps.DeleteFunc(next, gone)
	return next
}

func (x Expired) write(w *field.Writer, n field.Number) {
	for _, id := range slices.Sorted(maps.Keys(x)) {
		m := w.Begin(n)
		w.Uint(2, uint64(id))
		w.Int(4, x[id])
		w.End(m)
	}
}

func (x *Expired) read(r *field.Reader) {
	var id catalog.TableID
	var value int64
	for r.Next() {
		switch r.Number() {
		case 2:
			id = catalog.TableID(r.Uint())
		case 4:
			value = r.Int()
		default:
			r.Unknown()
		}
	}
	if *x == nil {
		*x = Expired{}
	}
	(*x)[id] = value
}
