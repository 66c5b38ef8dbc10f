package stmt

import (
	"fmt"
	"slices"

	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// plainDefault refuses to change the default of a column that has its values from elsewhere.
func plainDefault(t *catalog.Table, c *catalog.Column, drop bool) error {
	what, instead := "", ""
	switch {
	case c.Identity != 0:
		what, instead = "an identity", "DROP IDENTITY"
	case c.Generated:
		what, instead = "a generated", "DROP EXPRESSION"
	default:
		return nil
	}
	e := errs.New(errs.SyntaxError, "column %q of relation %q is %s column", c.Name, t.Name, what)
	if drop {
		return e.WithHint("Use ALTER TABLE ... ALTER COLUMN ... %s instead.", instead)
	}
	return e
}

// identity runs ADD, SET and DROP of an identity.
func (a *alteration) identity(x *ddl.Action) error {
	t := a.table()
	at := t.Column(x.Name)
	if at < 0 {
		return noColumn(x.Name, t.Name)
	}
	c := &t.Columns[at]
	fails := func(format string, args ...any) error {
		return errs.New(errs.ObjectNotInPrerequisiteState, "column %q of relation %q "+format, append([]any{c.Name, t.Name}, args...)...)
	}
	switch {
	case x.Verb == ddl.AddIdentity && c.Identity != 0:
		return fails("is already an identity column")
	case x.Verb == ddl.AddIdentity && !c.NotNull:
		return fails("must be declared NOT NULL before identity can be added")
	case x.Verb == ddl.AddIdentity && c.Default != "":
		return fails("already has a default value")
	case x.Verb == ddl.AddIdentity:
		return a.addIdentity(x.Own, at)
	case c.Identity == 0 && x.Missing:
		return a.env.Out.Notice("NOTICE", "00000", fmt.Sprintf("column %q of relation %q is not an identity column, skipping", c.Name, t.Name))
	case c.Identity == 0:
		return fails("is not an identity column")
	case x.Verb == ddl.SetIdentity:
		return a.setIdentity(x, c)
	}
	return a.dropIdentity(c)
}

// addIdentity makes the sequence of a column that is there.
func (a *alteration) addIdentity(o *ddl.OwnSequence, column int) error {
	made := *a.table()
	made.Columns = slices.Clone(made.Columns)
	s, err := newOwned(a.env, &made, column, o)
	if err != nil {
		return err
	}
	c := made.Columns[column]
	if err := a.column(c.Name, func(_ *catalog.Table, to *catalog.Column) error {
		to.Default, to.Needs, to.Identity = c.Default, c.Needs, c.Identity
		return nil
	}); err != nil {
		return err
	}
	return linkOwned(a.env, s, made.ID, c.ID)
}

// setIdentity changes when a column takes numbers, and its sequence.
func (a *alteration) setIdentity(x *ddl.Action, c *catalog.Column) error {
	if kind := catalog.Identity(x.Own.Identity); kind != 0 {
		if err := a.column(c.Name, func(_ *catalog.Table, c *catalog.Column) error {
			c.Identity = kind
			return nil
		}); err != nil {
			return err
		}
	}
	s := a.env.Tx.Catalog().IdentityOf(a.id, c.ID)
	if s == nil {
		return errs.Internal("identity column %q has no sequence", c.Name)
	}
	return changeSequence(a.ctx, a.env, s, &x.Own.Options)
}

// dropIdentity makes an identity column a plain one. Its sequence goes.
func (a *alteration) dropIdentity(c *catalog.Column) error {
	s := a.env.Tx.Catalog().IdentityOf(a.id, c.ID)
	if err := a.column(c.Name, func(_ *catalog.Table, c *catalog.Column) error {
		c.Default, c.Needs, c.Identity = "", nil, 0
		return nil
	}); err != nil || s == nil {
		return err
	}
	return a.env.Tx.Edit(catalog.Drop(a.env.Resolver.SearchPath(), s))
}

// dropExpression makes a generated column a plain one, with the values that it has.
func (a *alteration) dropExpression(x *ddl.Action) error {
	t := a.table()
	at := t.Column(x.Name)
	switch {
	case at < 0:
		return noColumn(x.Name, t.Name)
	case !t.Columns[at].Generated && x.Missing:
		return a.env.Out.Notice("NOTICE", "00000", fmt.Sprintf("column %q of relation %q is not a stored generated column, skipping", x.Name, t.Name))
	case !t.Columns[at].Generated:
		return errs.New(errs.ObjectNotInPrerequisiteState, "column %q of relation %q is not a stored generated column", x.Name, t.Name)
	}
	return a.column(x.Name, func(_ *catalog.Table, c *catalog.Column) error {
		c.Default, c.Needs, c.Generated = "", nil, false
		return nil
	})
}

// moveSequence runs RENAME, SET SCHEMA and OWNER of a sequence.
func moveSequence(env *Env, s *catalog.Sequence, b *ddl.AlterTable) error {
	for i := range b.Actions {
		x := &b.Actions[i]
		switch x.Verb {
		case ddl.RenameTable:
			if x.New == s.Name {
				return errs.New(errs.DuplicateTable, "relation %q already exists", x.New)
			}
		case ddl.SetSchema:
			if s.Owned != 0 {
				t := env.Tx.Catalog().Object(s.Owned)
				return errs.New(errs.FeatureNotSupported, "cannot move an owned sequence into another schema").
					WithDetail("Sequence %q is linked to table %q.", s.Name, t.Common().Name)
			}
			if _, err := creationSchema(env, x.New); err != nil {
				return err
			}
		case ddl.SetOwner:
			if err := (&alteration{env: env}).owner(x.New); err != nil {
				return err
			}
		default:
			return errs.New(errs.WrongObjectType, "%q is not a table", s.Name)
		}
		if err := env.Tx.Edit(catalog.Replace(s, func(s *catalog.Sequence) (*catalog.Sequence, error) {
			switch x.Verb {
			case ddl.RenameTable:
				s.Name = x.New
			case ddl.SetSchema:
				s.Schema = x.New
			}
			return s, nil
		})); err != nil {
			return err
		}
	}
	return nil
}
