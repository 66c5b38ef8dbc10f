package stmt

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// alter runs ALTER TABLE: the actions one after the other, each an edit of the catalog by itself, all of them or none.
// Rows are only read: those that are older than a column have its missing-value. A type that does not hold the values of
// the old one is the exception, see alter_type.go.
func alter(ctx context.Context, env *Env, b *ddl.AlterTable) (string, error) {
	rel, err := env.Resolver.Relation(b.Table.Schema, b.Table.Name)
	if err != nil && !(b.IfExists && errs.Is(err, errs.InvalidSchemaName)) {
		return "", err
	}
	tag := "ALTER " + strings.ToUpper(b.Kind.String())
	switch {
	case rel == nil && b.IfExists:
		return tag, env.Out.Notice("NOTICE", "00000", fmt.Sprintf("relation %q does not exist, skipping", b.Table.Name))
	case rel == nil:
		return "", bind.Suggest(errs.New(errs.UndefinedTable, "relation %q does not exist", b.Table.String()), env.Resolver, b.Table.Schema, b.Table.Name)
	case rel.View != nil && b.Kind != catalog.KindSequence:
		return tag, alterView(env, rel.View, b)
	case rel.Sequence != nil && b.Kind != catalog.KindView:
		return tag, moveSequence(env, rel.Sequence, b)
	case b.Kind != catalog.KindTable && b.Kind != kindOf(rel):
		return "", errs.New(errs.WrongObjectType, "%q is not a %s", rel.Name, b.Kind)
	case rel.Table == nil && rel.Kind == 'v':
		return "", errs.New(errs.WrongObjectType, "%q is not a table", rel.Name)
	case rel.Table == nil:
		return "", errs.New(errs.InsufficientPrivilege, "permission denied: %q is a system catalog", rel.Name)
	}
	a := &alteration{ctx: ctx, env: env, id: rel.Table.ID}
	if !env.Session.InTransaction() && slices.ContainsFunc(b.Actions, looksAtAll) {
		// Rows have to be known by a key. In a transaction block it would have to wait for others while others wait for it.
		if err := env.Tx.Hold(ctx, a.id); err != nil {
			return "", err
		}
		if a.table() == nil {
			return "", errs.New(errs.UndefinedTable, "relation %q does not exist", b.Table.String())
		}
	} else if !env.Session.InTransaction() {
		a.alone = true
	}
	for _, x := range b.Actions {
		if verb := systemVerbs[x.Verb]; verb != "" {
			if err := catalog.SystemColumn(x.Name, verb); err != nil {
				return "", err
			}
		}
	}
	for list := inPasses(b.Actions); len(list) > 0; {
		n := 1
		verb := list[0].Verb
		if verb == ddl.SetType || verb == ddl.AddColumn {
			for n < len(list) && list[n].Verb == verb { // all of them see the old rows
				n++
			}
		}
		switch verb {
		case ddl.SetType:
			err = a.setTypes(list[:n])
		case ddl.AddColumn:
			err = a.addColumns(list[:n])
		default:
			err = a.run(list[0])
		}
		if err != nil {
			return "", err
		}
		list = list[n:]
	}
	return tag, nil
}

// looksAtAll tells whether an action goes through all rows for so long that others should wait, rather than that it finds
// that rows have come.
func looksAtAll(x ddl.Action) bool {
	return x.Verb == ddl.AddColumn && (x.Own != nil || x.Column.Generated) || slices.ContainsFunc(x.Constraints, func(k ddl.Constraint) bool {
		return k.Kind == catalog.PrimaryKey || k.Kind == catalog.Unique
	})
}

// inPasses returns actions in the order in which PostgreSQL does them: what goes, what comes, types, and the rest.
func inPasses(actions []ddl.Action) []*ddl.Action {
	pass := func(x *ddl.Action) int {
		switch x.Verb {
		case ddl.DropColumn, ddl.DropConstraint, ddl.DropDefault, ddl.DropNotNull, ddl.DropIdentity, ddl.DropExpression:
			return 0
		case ddl.AddColumn:
			return 1
		case ddl.SetType:
			return 2
		}
		return 3
	}
	list := make([]*ddl.Action, len(actions))
	for i := range actions {
		list[i] = &actions[i]
	}
	slices.SortStableFunc(list, func(a, b *ddl.Action) int { return cmp.Compare(pass(a), pass(b)) })
	return list
}

// alteration is an ALTER TABLE on its way.
type alteration struct {
	ctx context.Context
	env *Env
	id  catalog.TableID
	// alone says that the statement is a transaction of its own which does not hold the table: others write to it.
	alone bool
}

// table returns the table as the actions before have left it.
func (a *alteration) table() *catalog.Table { return a.env.Tx.Catalog().TableByID(a.id) }

// edit changes the table by a step, which runs again on what the table is when the transaction commits. When others have
// changed its columns or constraints by then, what was looked at no longer holds: 40001.
func (a *alteration) edit(step func(t *catalog.Table) error) error {
	seen := a.table().Version
	return a.env.Tx.Edit(catalog.Replace(a.table(), func(t *catalog.Table) (*catalog.Table, error) {
		if t.Version != seen {
			return nil, errs.New(errs.SerializationFailure, "table %q was changed while it was altered", t.Name).WithHint("Try again.")
		}
		return t, step(t)
	}))
}

func (a *alteration) run(x *ddl.Action) error {
	switch x.Verb {
	case ddl.DropColumn:
		return a.dropColumn(x)
	case ddl.SetNotNull:
		return a.setNotNull(x.Name)
	case ddl.AddConstraint:
		return a.addConstraints(x.Constraints)
	case ddl.DropConstraint:
		return a.dropConstraint(x)
	case ddl.ValidateConstraint:
		return a.validate(x.Name)
	case ddl.RenameTable, ddl.RenameColumn, ddl.RenameConstraint, ddl.SetSchema:
		return a.rename(x)
	case ddl.SetOptions, ddl.ResetOptions:
		return a.options(x)
	case ddl.SetOwner:
		return a.owner(x.New)
	case ddl.AddIdentity, ddl.SetIdentity, ddl.DropIdentity:
		return a.identity(x)
	case ddl.DropExpression:
		return a.dropExpression(x)
	}
	return a.column(x.Name, func(t *catalog.Table, c *catalog.Column) error {
		switch x.Verb {
		case ddl.SetDefault, ddl.DropDefault:
			if err := plainDefault(t, c, x.Verb == ddl.DropDefault); err != nil {
				return err
			}
			c.Default, c.Needs = x.Column.Default, x.Column.Needs
		case ddl.DropNotNull:
			if c.Identity != 0 {
				return errs.New(errs.SyntaxError, "column %q of relation %q is an identity column", c.Name, t.Name)
			}
			if k := t.PrimaryKey(); k != nil && slices.Contains(k.Columns, c.ID) {
				return errs.New(errs.InvalidTableDefinition, "column %q is in a primary key", c.Name)
			}
			c.NotNull = false
		}
		return nil
	})
}

// systemVerbs are the actions on a column that it may already have, as they are called when it is a system column.
var systemVerbs = map[ddl.Verb]string{
	ddl.DropColumn: "drop", ddl.RenameColumn: "rename", ddl.SetType: "alter", ddl.SetDefault: "alter", ddl.DropDefault: "alter",
	ddl.SetNotNull: "alter", ddl.DropNotNull: "alter", ddl.AddIdentity: "alter", ddl.SetIdentity: "alter", ddl.DropIdentity: "alter",
	ddl.DropExpression: "alter",
}

// column changes one column.
func (a *alteration) column(name string, step func(*catalog.Table, *catalog.Column) error) error {
	return a.edit(func(t *catalog.Table) error {
		at := t.Column(name)
		if at < 0 {
			return noColumn(name, t.Name)
		}
		return step(t, &t.Columns[at])
	})
}

func noColumn(name, table string) error {
	return errs.New(errs.UndefinedColumn, "column %q of relation %q does not exist", name, table)
}

func (a *alteration) options(x *ddl.Action) error {
	return a.edit(func(t *catalog.Table) error {
		for _, o := range x.Options {
			err := t.Set(o)
			if x.Verb == ddl.ResetOptions {
				err = t.Reset(o.Name)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// owner checks that the new owner is there. There is one user, who owns everything.
func (a *alteration) owner(name string) error {
	if name != "" && name != a.env.Fn.Session.User() {
		return errs.New(errs.UndefinedObject, "role %q does not exist", name)
	}
	return nil
}

// empty tells whether the table has no rows as the transaction sees it.
func (a *alteration) empty() (bool, error) {
	rows, err := a.env.Tx.Table(a.ctx, a.id)
	return err == nil && rows.Rows() == 0, err
}

// reshape gets ready to change the columns of a table to which the transaction itself may have written: its rows move into
// the load, whose parts have the columns that they came with and are read as the table is by then.
func (a *alteration) reshape() error {
	if a.env.Tx.rows[a.id] == 0 {
		return nil
	}
	return a.env.Tx.moveAll(a.ctx)
}

// still is a step that fails when rows have come to the table since the transaction began: those were not looked at.
func (a *alteration) still(step func(t *catalog.Table) error) func(t *catalog.Table) error {
	before := a.env.Tx.snapshot().Growth(a.id)
	db, id := a.env.DB, a.id
	return func(t *catalog.Table) error {
		now := db.Snapshot()
		defer now.Release()
		if now.Growth(id) != before {
			return errs.New(errs.SerializationFailure, "rows came to table %q while it was altered", t.Name).WithHint("Try again.")
		}
		return step(t)
	}
}
