package stmt

import (
	"fmt"
	"slices"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/sql/compile"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// A column whose new type holds all values of the old one keeps its rows and its id: they are widened as they are read.
// Any other type makes another column of it, with an id of its own, so that no file and no record of the log has values
// under an id that are not of the type; its number (pg_attribute.attnum), place, name, constraints and options stay. All rows are read as
// they were and written as they become, in place of the old ones, by the transaction of the statement: nobody sees half
// of it, and what fails leaves everything as it was.

// retyped is a column that gets another type.
type retyped struct {
	bind.Retype
	was, id uint32 // its ids
	text    string // of its DEFAULT
}

// setTypes gives columns other types.
func (a *alteration) setTypes(list []*ddl.Action) error {
	t := a.table()
	var wide, others []*ddl.Action
	for i, x := range list {
		at := t.Column(x.Name)
		if at < 0 {
			return noColumn(x.Name, t.Name)
		}
		if c := &t.Columns[at]; c.ID == t.Options.PartitionBy {
			return partitionKey("alter", c, t)
		}
		if err := usedByView(a.env, t, &t.Columns[at]); err != nil {
			return err
		}
		if err := usedByGenerated(t, x.Name); err != nil {
			return err
		}
		if slices.ContainsFunc(list[:i], func(o *ddl.Action) bool { return o.Name == x.Name }) {
			return errs.New(errs.FeatureNotSupported, "cannot alter type of column %q twice", x.Name)
		}
		if x.Using == "" && types.Widens(t.Columns[at].Type, x.Column.Type) {
			wide = append(wide, x)
		} else {
			others = append(others, x)
		}
	}
	if err := a.reshape(); err != nil {
		return err
	}
	for _, x := range wide {
		if err := a.widen(x); err != nil {
			return err
		}
	}
	if len(others) > 0 {
		if err := a.retype(others); err != nil {
			return err
		}
	}
	return a.retypeIdentities(list)
}

// retypeIdentities gives the sequences of identity columns the types that these have got.
func (a *alteration) retypeIdentities(list []*ddl.Action) error {
	for _, x := range list {
		t := a.table()
		c := &t.Columns[t.Column(x.Name)]
		s := a.env.Tx.Catalog().IdentityOf(a.id, c.ID)
		if s == nil || s.Type == c.Type {
			continue
		}
		if !c.Type.IsInteger() {
			return errs.New(errs.InvalidParameterValue, "identity column type must be smallint, integer, or bigint")
		}
		if err := changeSequence(a.ctx, a.env, s, &ddl.SequenceOptions{Type: &c.Type}); err != nil {
			return err
		}
	}
	return nil
}

// usedByGenerated refuses another type of a column that others are computed of.
func usedByGenerated(t *catalog.Table, column string) error {
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Generated && c.Name != column && bind.Names(c.Default, column) {
			return errs.New(errs.FeatureNotSupported, "cannot alter type of a column used by a generated column").
				WithDetail("Column %q is used by generated column %q.", column, c.Name)
		}
	}
	return nil
}

// widen gives a column a type that all its values have already.
func (a *alteration) widen(x *ddl.Action) error {
	return a.column(x.Name, func(t *catalog.Table, c *catalog.Column) error {
		if c.Missing != nil {
			wide, err := compile.Constant(&expr.Cast{Arg: &expr.Const{Value: *c.Missing}, T: x.Column.Type}, &fn.Context{Ctx: a.ctx, Session: a.env.Fn.Session})
			if err != nil {
				return err
			}
			c.Missing = &wide
		}
		c.Type = x.Column.Type
		return nil
	})
}

// retype makes other columns of some, and writes the rows anew.
func (a *alteration) retype(list []*ddl.Action) error {
	t := a.table()
	changes := make([]retyped, len(list))
	casts := make([]bind.Retype, len(list))
	for i, x := range list {
		c := &changes[i]
		c.Column, c.Type, c.Using = t.Column(x.Name), x.Column.Type, x.Using
		c.was, c.id, casts[i] = t.Columns[c.Column].ID, t.NextColumn+uint32(i), c.Retype
	}
	rows, err := a.rewriting(t, casts)
	if err != nil {
		return err
	}
	defer rows.close()
	for i := range changes {
		c := &changes[i]
		if c.text, err = a.convertedDefault(&t.Columns[c.Column], c.Type); err != nil {
			return err
		}
	}
	if err := a.edit(a.unchanged(func(t *catalog.Table) error { return become(t, changes) })); err != nil {
		return err
	}
	if err := a.follow(changes); err != nil {
		return err
	}
	return rows.run()
}

// become makes the columns of a table what they are to be, and lets all that names them follow.
func become(t *catalog.Table, changes []retyped) error {
	for _, x := range changes {
		at := t.ColumnByID(x.was)
		if at < 0 || x.id != t.NextColumn {
			return errs.New(errs.SerializationFailure, "table %q was changed while it was altered", t.Name).WithHint("Try again.")
		}
		c := &t.Columns[at]
		c.Number, c.ID, c.Type, c.Missing, c.Default = c.Attnum(), x.id, x.Type, nil, x.text
		t.NextColumn++
		for i := range t.Constraints {
			k := &t.Constraints[i]
			k.Columns = exchanged(k.Columns, x.was, x.id)
			if k.References == t.ID {
				k.ReferencedColumns = exchanged(k.ReferencedColumns, x.was, x.id)
			}
		}
		t.Options.SortKey = exchanged(t.Options.SortKey, x.was, x.id)
	}
	return nil
}

// exchanged returns a list with an id in the place of another.
func exchanged(ids []uint32, was, id uint32) []uint32 {
	at := slices.Index(ids, was)
	if at < 0 {
		return ids
	}
	ids = slices.Clone(ids)
	ids[at] = id
	return ids
}

// follow lets foreign keys of other tables follow, and checks that all constraints can be computed with the new types.
func (a *alteration) follow(changes []retyped) error {
	now := a.table()
	if _, err := conditions(a.env.Fn, now); err != nil {
		return err
	}
	for i := range now.Constraints {
		if k := &now.Constraints[i]; k.Kind == catalog.ForeignKey {
			if err := comparable(a.env, now, k); err != nil {
				return err
			}
		}
	}
	for _, x := range changes {
		for _, s := range a.env.Tx.Catalog().Owned(a.id, x.was) {
			if err := linkOwned(a.env, s, a.id, x.id); err != nil {
				return err
			}
		}
	}
	for _, t := range a.env.Tx.Catalog().Tables() {
		refers := func(k catalog.Constraint) bool { return k.Kind == catalog.ForeignKey && k.References == a.id }
		if t.ID == a.id || !slices.ContainsFunc(t.Constraints, refers) {
			continue
		}
		if err := a.env.Tx.Edit(catalog.Replace(t, func(t *catalog.Table) (*catalog.Table, error) {
			for i := range t.Constraints {
				if k := &t.Constraints[i]; refers(*k) {
					for _, x := range changes {
						k.ReferencedColumns = exchanged(k.ReferencedColumns, x.was, x.id)
					}
				}
			}
			return t, nil
		})); err != nil {
			return err
		}
		t = a.env.Tx.Catalog().TableByID(t.ID)
		for i := range t.Constraints {
			if k := &t.Constraints[i]; refers(*k) {
				if err := comparable(a.env, t, k); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// convertedDefault returns the DEFAULT of a column with another type. A constant that is the same in both types stays as
// it was written.
func (a *alteration) convertedDefault(c *catalog.Column, to types.Type) (string, error) {
	if c.Default == "" {
		return "", nil
	}
	if c.Generated || len(c.Needs) > 0 && to.IsNumber() { // an assignment makes the type of it
		return c.Default, nil
	}
	if !fn.CanCast(c.Type, to, fn.Assignment) {
		return "", errs.New(errs.DatatypeMismatch, "default for column %q cannot be cast automatically to type %s", c.Name, plain(to))
	}
	short := catalog.Column{Name: c.Name, Type: to, Default: c.Default}
	long := catalog.Column{Name: c.Name, Type: to, Default: fmt.Sprintf("CAST(%s AS %s)", c.Default, c.Type)}
	if a.constant(short) == a.constant(long) && a.constant(short).Type == to {
		return short.Default, nil
	}
	return long.Default, nil
}

// constant returns the value of a DEFAULT that is one, else a zero datum.
func (a *alteration) constant(c catalog.Column) types.Datum {
	e, err := bind.Default(unnamed{}, bind.Env{Fn: a.env.Fn}, &c)
	if err != nil {
		return types.Datum{}
	}
	if whole, _ := fixed(e); !whole {
		return types.Datum{}
	}
	d, err := compile.Constant(e, a.env.Fn)
	if err != nil {
		return types.Datum{}
	}
	d.Type = c.Type
	return d
}

// unchanged is a step that fails when the rows of the table are not those that are written anew; it is same, unless that catches
// up with others, and sees to it at its end.
func (a *alteration) unchanged(step func(t *catalog.Table) error) func(t *catalog.Table) error {
	if a.alone {
		return step
	}
	return a.same(step)
}

// same is a step that fails when the rows of the table are others than those that the transaction sees.
func (a *alteration) same(step func(t *catalog.Table) error) func(t *catalog.Table) error {
	rows, err := rowsIn(a.env.Tx.snapshot(), a.id)
	db, id := a.env.DB, a.id
	return a.still(func(t *catalog.Table) error {
		if err != nil {
			return err
		}
		now := db.Snapshot()
		defer now.Release()
		if n, err := rowsIn(now, id); err != nil || n != rows {
			return errs.New(errs.SerializationFailure, "rows of table %q were deleted while it was altered", t.Name).WithHint("Try again.")
		}
		return step(t)
	})
}

// rowsIn returns how many rows a table has in a picture.
func rowsIn(s *table.Snapshot, id catalog.TableID) (int64, error) {
	if s.Catalog().TableByID(id) == nil {
		return 0, nil
	}
	rel, err := s.Table(id)
	if err != nil {
		return 0, err
	}
	return rel.Rows(), nil
}
