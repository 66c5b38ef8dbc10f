package stmt

import (
	"fmt"
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/engine/expr"
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/sql/compile"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// addColumns adds columns with their constraints. Older rows have a default that is the same for all of them as a constant;
// when a column has values that are computed row by row, all rows are written anew, once.
func (a *alteration) addColumns(list []*ddl.Action) error {
	var added []*ddl.Action
	for _, x := range list {
		t := a.table()
		switch {
		case t.Column(x.Name) < 0:
			added = append(added, x)
		case !x.Missing:
			return errs.New(errs.DuplicateColumn, "column %q of relation %q already exists", x.Name, t.Name)
		default:
			if err := a.env.Out.Notice("NOTICE", string(errs.DuplicateColumn),
				fmt.Sprintf("column %q of relation %q already exists, skipping", x.Name, t.Name)); err != nil {
				return err
			}
		}
	}
	if len(added) == 0 {
		return nil
	}
	if err := a.reshape(); err != nil {
		return err
	}
	empty, err := a.empty()
	if err != nil {
		return err
	}
	columns, own := make([]catalog.Column, len(added)), make([]*catalog.Sequence, len(added))
	computed := false
	for i, x := range added {
		columns[i] = x.Column
		if x.Own != nil {
			if own[i], err = a.ownSequence(x.Own, &columns[i]); err != nil {
				return err
			}
		}
		computed = computed || columns[i].Generated || a.varies(&columns[i])
	}
	if computed && !empty {
		err = a.addComputed(columns)
	} else {
		err = a.addConstants(columns, empty)
	}
	for i, x := range added {
		if err == nil {
			err = a.addRest(x, own[i])
		}
	}
	return err
}

// addConstants adds columns whose values of older rows are constants.
func (a *alteration) addConstants(columns []catalog.Column, empty bool) error {
	for _, c := range columns {
		var err error
		if c.Missing, err = a.missing(&c, empty); err != nil {
			return err
		}
		if err := a.edit(appended(c)); err != nil {
			return err
		}
		if empty && c.Missing == nil && (c.NotNull || c.Default != "") { // the table must stay so until the column is there
			if err := a.edit(a.still(func(*catalog.Table) error { return nil })); err != nil {
				return err
			}
		}
	}
	return nil
}

// appended is the step that gives a table columns.
func appended(columns ...catalog.Column) func(*catalog.Table) error {
	return func(t *catalog.Table) error {
		for _, c := range columns {
			if t.Column(c.Name) >= 0 {
				return errs.New(errs.DuplicateColumn, "column %q of relation %q already exists", c.Name, t.Name)
			}
			t.Columns = append(t.Columns, c)
		}
		return nil
	}
}

// addRest adds what comes with a column that is there: its sequence belongs to it, and its constraints.
func (a *alteration) addRest(x *ddl.Action, s *catalog.Sequence) error {
	if s != nil {
		t := a.table()
		if err := linkOwned(a.env, s, t.ID, t.Columns[t.Column(x.Name)].ID); err != nil {
			return err
		}
	}
	return a.addConstraints(x.Constraints)
}

// ownSequence makes the sequence of a column that is to be added.
func (a *alteration) ownSequence(o *ddl.OwnSequence, c *catalog.Column) (*catalog.Sequence, error) {
	made := *a.table()
	made.Columns = append(slices.Clip(made.Columns), *c)
	s, err := newOwned(a.env, &made, len(made.Columns)-1, o)
	*c = made.Columns[len(made.Columns)-1]
	return s, err
}

// varies tells whether a default is another one for each row.
func (a *alteration) varies(c *catalog.Column) bool {
	if c.Default == "" {
		return false
	}
	e, err := bind.Default(unnamed{}, bind.Env{Fn: a.env.Fn}, c)
	return err == nil && expr.Volatile(e)
}

// addComputed adds columns of which some have values that are computed row by row, and writes the rows anew.
func (a *alteration) addComputed(columns []catalog.Column) error {
	rows, err := a.rewriting(a.table(), nil, columns...)
	if err != nil {
		return err
	}
	defer rows.close()
	if err := a.edit(a.unchanged(appended(columns...))); err != nil {
		return err
	}
	return rows.run()
}

// missing computes the value of a new column for older rows; nil is NULL.
func (a *alteration) missing(c *catalog.Column, empty bool) (*types.Datum, error) {
	if c.Default != "" && !c.Generated && !(empty && a.env.Tx.Made(a.id)) { // also of an empty table, to which rows may come meanwhile
		e, err := bind.Default(unnamed{}, bind.Env{Fn: a.env.Fn}, c)
		if err != nil {
			return nil, err
		}
		if expr.Volatile(e) { // of a table without rows
			return nil, nil
		}
		d, err := compile.Constant(e, &fn.Context{Ctx: a.ctx, Session: a.env.Fn.Session})
		if err != nil {
			return nil, err
		}
		if !d.Null {
			d.Type = c.Type
			return &d, nil
		}
	}
	if c.NotNull && !empty {
		return nil, containsNulls(c.Name, a.table().Name)
	}
	return nil, nil
}

func containsNulls(column, table string) error {
	return errs.New(errs.NotNullViolation, "column %q of relation %q contains null values", column, table)
}

// dropColumn takes a column away, with the constraints and options that have it.
func (a *alteration) dropColumn(x *ddl.Action) error {
	t := a.table()
	at := t.Column(x.Name)
	if at < 0 {
		if !x.Missing {
			return noColumn(x.Name, t.Name)
		}
		return a.env.Out.Notice("NOTICE", "00000", fmt.Sprintf("column %q of relation %q does not exist, skipping", x.Name, t.Name))
	}
	if err := a.reshape(); err != nil {
		return err
	}
	if len(t.Columns) == 1 {
		return errs.Unsupported("DROP COLUMN of the only column of a table")
	}
	id := t.Columns[at].ID
	if id == t.Options.PartitionBy {
		return partitionKey("drop", &t.Columns[at], t)
	}
	what := fmt.Sprintf("column %s of %s", pgcatalog.QuoteIdent(x.Name), a.title(t))
	for i := range t.Constraints {
		if k := &t.Constraints[i]; k.Indexed() && slices.Contains(k.Columns, id) {
			if err := a.release(k, what, x.Cascade); err != nil {
				return err
			}
		}
	}
	dependent, err := a.releaseGenerated(t, x)
	if err != nil {
		return err
	}
	if err := a.releaseColumn(t, id, x.Cascade); err != nil {
		return err
	}
	for _, name := range dependent {
		if err := a.dropColumn(&ddl.Action{Name: name, Cascade: true}); err != nil {
			return err
		}
	}
	return a.edit(func(t *catalog.Table) error {
		at := t.ColumnByID(id)
		if at < 0 {
			return noColumn(x.Name, t.Name)
		}
		t.Columns = slices.Delete(t.Columns, at, at+1)
		t.Constraints = slices.DeleteFunc(t.Constraints, func(k catalog.Constraint) bool {
			return slices.Contains(k.Columns, id) || k.References == t.ID && slices.Contains(k.ReferencedColumns, id)
		})
		if slices.Contains(t.Options.SortKey, id) {
			t.Options.SortKey = slices.DeleteFunc(slices.Clone(t.Options.SortKey), func(s uint32) bool { return s == id })
		}
		return nil
	})
}

// releaseGenerated returns the columns that are computed of one that is to go, or refuses.
func (a *alteration) releaseGenerated(t *catalog.Table, x *ddl.Action) (names []string, err error) {
	var lines []string
	on := "column " + pgcatalog.QuoteIdent(x.Name) + " of " + a.title(t)
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Generated && bind.Names(c.Default, x.Name) {
			names = append(names, c.Name)
			lines = append(lines, "column "+pgcatalog.QuoteIdent(c.Name)+" of "+a.title(t))
		}
	}
	switch {
	case len(names) == 0:
		return nil, nil
	case x.Cascade:
		return names, cascades(a.env, lines)
	}
	for i := range lines {
		lines[i] += " depends on " + on
	}
	return nil, errs.New(errs.DependentObjectsStillExist, "cannot drop %s because other objects depend on it", on).
		WithDetail("%s", catalog.Report(lines)).WithHint("Use DROP ... CASCADE to drop the dependent objects too.")
}

// partitionKey is PostgreSQL's error for the column that a table is partitioned by.
func partitionKey(what string, c *catalog.Column, t *catalog.Table) error {
	return errs.New(errs.InvalidTableDefinition, "cannot %s column %q because it is part of the partition key of relation %q", what, c.Name, t.Name)
}

// releaseColumn drops what needs a column and is no part of its table, or refuses.
func (a *alteration) releaseColumn(t *catalog.Table, id uint32, cascade bool) error {
	path := a.env.Resolver.SearchPath()
	r, err := a.env.Tx.Catalog().ColumnRemoval(path, cascade, t, id)
	if err != nil {
		return err
	}
	return a.dropAll(path, r)
}

// dropAll drops what goes with a part of the table.
func (a *alteration) dropAll(path []string, r *catalog.Removal) error {
	if len(r.IDs) == 0 {
		return nil
	}
	objects := make([]catalog.Object, len(r.IDs))
	for i, id := range r.IDs {
		objects[i] = a.env.Tx.Catalog().Object(id)
	}
	if err := cascades(a.env, r.Also); err != nil {
		return err
	}
	return a.env.Tx.Edit(catalog.Drop(path, objects...).Cascade())
}

// setNotNull demands a value of a column whose rows all have one.
func (a *alteration) setNotNull(name string) error {
	t := a.table()
	at := t.Column(name)
	if at < 0 {
		return noColumn(name, t.Name)
	}
	if t.Columns[at].NotNull {
		return nil
	}
	null, err := a.any(quote(name) + " IS NULL")
	if err != nil {
		return err
	}
	if null {
		return containsNulls(name, t.Name)
	}
	return a.edit(a.still(func(t *catalog.Table) error {
		at := t.Column(name)
		if at < 0 {
			return noColumn(name, t.Name)
		}
		t.Columns[at].NotNull = true
		return nil
	}))
}

// any tells whether a row of the table satisfies a condition.
func (a *alteration) any(condition string) (bool, error) {
	t := a.table()
	found := false
	err := a.read("SELECT 1 FROM "+quote(t.Schema)+"."+quote(t.Name)+" WHERE "+condition+" LIMIT 1", func(b *batch.Batch) error {
		found = found || b.Len > 0
		return nil
	})
	return found, err
}

// read runs a query on the rows that the transaction sees.
func (a *alteration) read(text string, do func(*batch.Batch) error) error {
	sts, err := parse.Parse(text)
	if err != nil {
		return err
	}
	bound, err := bind.New(a.env.Resolver, nil, bind.Env{Fn: a.env.Fn}).Statement(sts[0])
	if err != nil {
		return err
	}
	plan, err := a.env.optimize(a.ctx, bound.(*bind.Query).Plan)
	if err != nil {
		return err
	}
	return a.env.run(a.ctx, plan, do)
}

// quote quotes a name, whatever it is.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
