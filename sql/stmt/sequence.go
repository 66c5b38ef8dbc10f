package stmt

import (
	"context"
	"fmt"
	"math"

	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// createSequence runs CREATE SEQUENCE.
func createSequence(env *Env, b *ddl.CreateSequence) (string, error) {
	const tag = "CREATE SEQUENCE"
	if b.Temporary {
		return "", errs.Unsupported("CREATE TEMPORARY SEQUENCE")
	}
	schema, err := creationSchema(env, b.Name.Schema)
	if err != nil {
		return "", err
	}
	if env.Tx.Catalog().Relation(schema, b.Name.Name) != nil && b.IfNotExists {
		return tag, env.Out.Notice("NOTICE", string(errs.DuplicateTable), fmt.Sprintf("relation %q already exists, skipping", b.Name.Name))
	}
	s := &catalog.Sequence{Head: catalog.Head{Schema: schema, Name: b.Name.Name}}
	if err := setSequence(s, &b.Options, true); err != nil {
		return "", err
	}
	if o := &b.Options; o.Restart { // it begins elsewhere than where it starts
		s.Counter, s.From = env.DB.NewOID(), s.Start
		if o.RestartWith != nil {
			s.From = *o.RestartWith
		}
	}
	if err := ownedBy(env, s, b.Options.OwnedBy); err != nil {
		return "", err
	}
	return tag, env.Tx.Edit(catalog.Create(s))
}

// alterSequence runs ALTER SEQUENCE.
func alterSequence(ctx context.Context, env *Env, b *ddl.AlterSequence) (string, error) {
	const tag = "ALTER SEQUENCE"
	rel, err := env.Resolver.Relation(b.Name.Schema, b.Name.Name)
	switch {
	case err != nil && !(b.IfExists && errs.Is(err, errs.InvalidSchemaName)):
		return "", err
	case rel == nil && b.IfExists:
		return tag, env.Out.Notice("NOTICE", "00000", fmt.Sprintf("relation %q does not exist, skipping", b.Name.Name))
	case rel == nil:
		return "", errs.New(errs.UndefinedTable, "relation %q does not exist", b.Name.String())
	case rel.Sequence == nil:
		return "", errs.New(errs.WrongObjectType, "%q is not a sequence", rel.Name)
	}
	if rel.Sequence.Identity && len(b.Options.OwnedBy) > 0 {
		return "", errs.New(errs.FeatureNotSupported, "cannot change ownership of identity sequence").
			WithDetail("Sequence %q is linked to table %q.", rel.Name, env.Tx.Catalog().Object(rel.Sequence.Owned).Common().Name)
	}
	return tag, changeSequence(ctx, env, rel.Sequence, &b.Options)
}

// changeSequence changes what a sequence is. RESTART gives it another counter, which comes with the transaction; all else
// leaves the counter as it is.
func changeSequence(ctx context.Context, env *Env, s *catalog.Sequence, o *ddl.SequenceOptions) error {
	at, err := env.Tx.Number(ctx, s.OID)
	if err != nil {
		return err
	}
	fresh := uint32(0)
	if o.Restart {
		fresh = env.DB.NewOID()
	}
	owner := *s
	if err := ownedBy(env, &owner, o.OwnedBy); err != nil {
		return err
	}
	step := func(s *catalog.Sequence) (*catalog.Sequence, error) {
		if err := setSequence(s, o, false); err != nil {
			return nil, err
		}
		last := at.Last
		if o.Restart {
			if s.Counter, s.From = fresh, s.Start; o.RestartWith != nil {
				s.From = *o.RestartWith
			}
			last = s.From
		}
		if err := inBounds(s, "RESTART", last); err != nil {
			return nil, err
		}
		if len(o.OwnedBy) > 0 {
			s.Owned, s.OwnedColumn = owner.Owned, owner.OwnedColumn
		}
		return s, nil
	}
	return env.Tx.Edit(catalog.Replace(s, step))
}

// setSequence gives a sequence what a statement says; made says that the rest are defaults.
func setSequence(s *catalog.Sequence, o *ddl.SequenceOptions, made bool) error {
	least, most := o.DefaultLeast || made, o.DefaultMost || made
	if made {
		s.Type, s.Increment, s.Cache = types.T(types.Int8), 1, 1
	}
	if o.Type != nil {
		low, high := span(s.Type)
		least, most = least || s.Least == low, most || s.Most == high // those of the type that it had
		s.Type = *o.Type
	}
	if o.Increment != nil {
		if s.Increment = *o.Increment; s.Increment == 0 {
			return errs.New(errs.InvalidParameterValue, "INCREMENT must not be zero")
		}
	}
	if o.Cycle != nil {
		s.Cycle = *o.Cycle
	}
	if err := setBounds(s, o, least, most); err != nil {
		return err
	}
	switch {
	case o.Start != nil:
		s.Start = *o.Start
	case made && s.Increment > 0:
		s.Start = s.Least
	case made:
		s.Start = s.Most
	}
	if err := inBounds(s, "START", s.Start); err != nil {
		return err
	}
	if made && o.RestartWith != nil {
		if err := inBounds(s, "RESTART", *o.RestartWith); err != nil {
			return err
		}
	}
	if o.Cache != nil {
		if s.Cache = *o.Cache; s.Cache <= 0 {
			return errs.New(errs.InvalidParameterValue, "CACHE (%d) must be greater than zero", s.Cache)
		}
	}
	return nil
}

// setBounds sets the least and the greatest number; least and most say that they are defaults unless they are given.
func setBounds(s *catalog.Sequence, o *ddl.SequenceOptions, least, most bool) error {
	low, high := span(s.Type)
	switch {
	case o.Most != nil:
		s.Most = *o.Most
	case most && s.Increment > 0:
		s.Most = high
	case most:
		s.Most = -1
	}
	if s.Most < low || s.Most > high {
		return errs.New(errs.InvalidParameterValue, "MAXVALUE (%d) is out of range for sequence data type %s", s.Most, s.Type)
	}
	switch {
	case o.Least != nil:
		s.Least = *o.Least
	case least && s.Increment > 0:
		s.Least = 1
	case least:
		s.Least = low
	}
	if s.Least < low || s.Least > high {
		return errs.New(errs.InvalidParameterValue, "MINVALUE (%d) is out of range for sequence data type %s", s.Least, s.Type)
	}
	if s.Least >= s.Most {
		return errs.New(errs.InvalidParameterValue, "MINVALUE (%d) must be less than MAXVALUE (%d)", s.Least, s.Most)
	}
	return nil
}

func inBounds(s *catalog.Sequence, what string, v int64) error {
	if v < s.Least {
		return errs.New(errs.InvalidParameterValue, "%s value (%d) cannot be less than MINVALUE (%d)", what, v, s.Least)
	}
	if v > s.Most {
		return errs.New(errs.InvalidParameterValue, "%s value (%d) cannot be greater than MAXVALUE (%d)", what, v, s.Most)
	}
	return nil
}

// span returns the numbers that a type holds.
func span(t types.Type) (low, high int64) {
	switch t.Kind {
	case types.Int2:
		return math.MinInt16, math.MaxInt16
	case types.Int4:
		return math.MinInt32, math.MaxInt32
	}
	return math.MinInt64, math.MaxInt64
}

// ownedBy makes a sequence belong to a column, given as OWNED BY has it.
func ownedBy(env *Env, s *catalog.Sequence, by []string) error {
	switch len(by) {
	case 0:
		return nil
	case 1:
		s.Owned, s.OwnedColumn = 0, 0
		return nil
	}
	schema, name, column := "", by[len(by)-2], by[len(by)-1]
	if len(by) > 2 {
		schema = by[len(by)-3]
	}
	rel, err := env.Resolver.Relation(schema, name)
	switch {
	case err != nil:
		return err
	case rel == nil:
		return errs.New(errs.UndefinedTable, "relation %q does not exist", ddl.QualifiedName{Schema: schema, Name: name}.String())
	case rel.Table == nil:
		return errs.New(errs.WrongObjectType, "sequence cannot be owned by relation %q", rel.Name)
	case rel.Schema != s.Schema:
		return errs.New(errs.ObjectNotInPrerequisiteState, "sequence must be in same schema as table it is linked to")
	}
	at := rel.Table.Column(column)
	if at < 0 {
		return noColumn(column, rel.Name)
	}
	s.Owned, s.OwnedColumn = rel.Table.ID, rel.Table.Columns[at].ID
	return nil
}

// sequenceDefault is the DEFAULT of a column that takes the numbers of a sequence.
func sequenceDefault(s *catalog.Sequence) string {
	return fmt.Sprintf("nextval('%d'::regclass)", s.OID)
}

// newOwned makes the sequence of a column that is about to be made, and gives the column its default. The sequence
// belongs to the table once that is there: see linkOwned.
func newOwned(env *Env, t *catalog.Table, column int, o *ddl.OwnSequence) (*catalog.Sequence, error) {
	c := &t.Columns[column]
	s := &catalog.Sequence{Head: catalog.Head{Schema: t.Schema}, Identity: o.Identity != 0}
	options := o.Options
	if options.Type == nil {
		options.Type = &c.Type
	}
	if err := setSequence(s, &options, true); err != nil {
		return nil, err
	}
	if o.Options.Name != nil {
		if s.Name = o.Options.Name.Name; o.Options.Name.Schema != "" && o.Options.Name.Schema != t.Schema {
			return nil, errs.New(errs.ObjectNotInPrerequisiteState, "sequence must be in same schema as table it is linked to")
		}
	} else {
		s.Name = objectName(t.Name, c.Name, "seq")
		for i := 1; s.Name == t.Name || env.Tx.Catalog().Relation(t.Schema, s.Name) != nil; i++ {
			s.Name = objectName(t.Name, c.Name, fmt.Sprint("seq", i))
		}
	}
	if err := env.Tx.Edit(catalog.Create(s)); err != nil {
		return nil, err
	}
	s, _ = env.Tx.Catalog().Relation(t.Schema, s.Name).(*catalog.Sequence)
	c.Default, c.Needs, c.NotNull, c.Identity = sequenceDefault(s), []catalog.ID{s.ID}, true, catalog.Identity(o.Identity)
	return s, nil
}

// linkOwned makes a sequence belong to a column of a table that is there.
func linkOwned(env *Env, s *catalog.Sequence, table catalog.ID, column uint32) error {
	return env.Tx.Edit(catalog.Replace(s, func(s *catalog.Sequence) (*catalog.Sequence, error) {
		s.Owned, s.OwnedColumn = table, column
		return s, nil
	}))
}
