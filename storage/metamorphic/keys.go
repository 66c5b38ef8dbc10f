package metamorphic

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// keyColumn is the column of a table's key. What equality of other types is, package keys is tested for; here keys meet
// everything else that happens to rows.
const keyColumn = "k"

// keyRange is how many keys there are: rows of a history meet each other's, and mostly those of large writes alone.
const keyRange = 20000

// giveKey makes some tables keyed: PRIMARY KEY or UNIQUE, with and without on_conflict = 'update'.
func giveKey(r *rand.Rand, t *catalog.Table) error {
	kind := r.IntN(6)
	if kind > 2 {
		return nil
	}
	c := catalog.Column{Name: keyColumn, Type: types.T(types.Int8), NotNull: kind < 2, ID: t.NextColumn}
	t.NextColumn++
	t.Columns = append(t.Columns, c)
	k := catalog.Constraint{Kind: catalog.PrimaryKey, Name: t.Name + "_pkey", Columns: []uint32{c.ID}}
	if kind == 2 {
		k.Kind, k.Name = catalog.Unique, t.Name+"_k_key"
	}
	if t.Constraints = append(t.Constraints, k); kind == 1 {
		return t.Set(catalog.Option{Name: "on_conflict", Value: "update"})
	}
	return nil
}

// keyOf returns the ordinal of the key's column, -1 when the table has none.
func keyOf(t *catalog.Table) int {
	for i := range t.Constraints {
		if t.Constraints[i].Indexed() {
			return t.ColumnByID(t.Constraints[i].Columns[0])
		}
	}
	return -1
}

func upserts(t *catalog.Table) bool { return t.Options.OnConflict == catalog.ConflictUpdates }

// updates tells whether the rows of a change are new versions of others, which never take other rows away.
func (c *change) updates() bool {
	if len(c.deleted) > 0 && len(c.added) > 0 {
		return true
	}
	for _, x := range c.added {
		if x.identity > 0 {
			return true
		}
	}
	return false
}

// settle returns the rows of a table after a change, and how many of those that come are stored. twice says that a key
// would be there twice: nothing is stored.
func (t *tableModel) settle(c *change, list []*row) (after []*row, stored int64, twice bool) {
	at := keyOf(t.info)
	if at < 0 {
		return append(list, c.added...), int64(len(c.added)), false
	}
	upsert := upserts(t.info) && !c.updates()
	there := map[int64]int{} // place in after
	for _, x := range list {
		if v := x.values[at]; !v.Null {
			there[v.I] = len(after)
		}
		after = append(after, x)
	}
	old := len(after)
	for _, x := range c.added {
		v := x.values[at]
		i, is := there[v.I]
		switch {
		case v.Null || !is:
		case !upsert:
			return nil, 0, true
		case i < old: // a committed row, whose identity goes on
			x.identity = after[i].identity
			after[i] = nil
		default:
			x.identity = after[i].identity
			after[i] = nil
			stored--
		}
		if !v.Null {
			there[v.I] = len(after)
		}
		after = append(after, x)
		stored++
	}
	kept := after[:0]
	for _, x := range after {
		if x != nil {
			kept = append(kept, x)
		}
	}
	return kept, stored, false
}

// outcome tells how many rows a write stores, or that one of its keys would be there twice. The identities of rows whose
// place others take are known then.
func (r *runner) outcome(w *write) (rows int64, twice bool) {
	for i := range w.changes {
		c := &w.changes[i]
		t := r.model.tables[c.slot]
		if t != nil && keyOf(t.info) >= 0 {
			t = r.table(c.slot)
		}
		if t == nil || t.info.ID != c.info.ID {
			continue
		}
		probe := *c
		probe.added = copies(c.added)
		_, n, bad := t.settle(&probe, t.left(c))
		rows, twice = rows+n, twice || bad
	}
	return rows, twice
}

// copies returns copies of rows that share values.
func copies(rows []*row) []*row {
	list := make([]*row, len(rows))
	for i, x := range rows {
		y := *x
		list[i] = &y
	}
	return list
}

// refused holds the error of a write that would make a key be there twice.
func (r *runner) refused(err error, w *write) error {
	switch {
	case err == nil:
		return wrongf("a key that is there twice was stored")
	case errs.Is(err, errs.UniqueViolation) || r.excused(err):
		return nil
	}
	return fmt.Errorf("a write with a key that is there twice: %w", err)
}

// free gives rows keys that no row of the table has, so that they can be stored whatever happens.
func (t *tableModel) free(rows []*row) []*row {
	at := keyOf(t.info)
	if at < 0 {
		return rows
	}
	most := int64(keyRange)
	for _, x := range t.rows {
		if v := x.values[at]; !v.Null {
			most = max(most, v.I)
		}
	}
	for i, x := range rows {
		x.values[at] = types.IntOf(types.T(types.Int8), most+1+int64(i))
	}
	return rows
}

// unkeyed lists the slots whose tables have no key: what comes of writes at the same time is not known where they have.
func (r *runner) unkeyed() (list []int) {
	for _, slot := range r.slotsOf() {
		if keyOf(r.info(slot)) < 0 {
			list = append(list, slot)
		}
	}
	return list
}

// keyValue makes a value of a key: mostly different ones.
func keyValue(r *rand.Rand, null bool) types.Datum {
	if null && r.IntN(20) == 0 {
		return types.NullOf(types.T(types.Int8))
	}
	n := int64(r.IntN(keyRange))
	if r.IntN(8) == 0 {
		n = int64(r.IntN(60))
	}
	return types.IntOf(types.T(types.Int8), n)
}

// isKey tells whether a column is that of a key.
func isKey(c *catalog.Column) bool { return strings.EqualFold(c.Name, keyColumn) }
