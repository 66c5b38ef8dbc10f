package ddl

import (
	"strconv"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// SequenceOptions are what a statement says of a sequence; nil: it says nothing.
type SequenceOptions struct {
	Type                      *types.Type
	Start, Increment, Cache   *int64
	Least, Most               *int64
	DefaultLeast, DefaultMost bool // NO MINVALUE, NO MAXVALUE
	Cycle                     *bool
	Restart                   bool
	RestartWith               *int64
	OwnedBy                   []string // the parts of a name; ["none"]: nothing
	Name                      *QualifiedName
	Generated                 byte // of SET GENERATED in ALTER COLUMN: 'a' or 'd'
}

// CreateSequence is CREATE SEQUENCE [IF NOT EXISTS].
type CreateSequence struct {
	Name        QualifiedName
	IfNotExists bool
	Temporary   bool
	Options     SequenceOptions
}

// AlterSequence is ALTER SEQUENCE [IF EXISTS] with options.
type AlterSequence struct {
	Name     QualifiedName
	IfExists bool
	Options  SequenceOptions
}

// Bound marks a statement that was bound.
func (*CreateSequence) Bound() {}

// Bound marks a statement that was bound.
func (*AlterSequence) Bound() {}

// NewSequence binds CREATE SEQUENCE.
func NewSequence(binder Binder, st *parse.Statement, n *pg.CreateSeqStmt) (*CreateSequence, error) {
	if n.Sequence.Relpersistence == "u" {
		return nil, st.Unsupported(n.Sequence.Location, "CREATE UNLOGGED SEQUENCE")
	}
	o, err := sequenceOptions(binder, st, n.Options, false)
	if err != nil {
		return nil, err
	}
	return &CreateSequence{Name: nameOf(n.Sequence), IfNotExists: n.IfNotExists, Temporary: n.Sequence.Relpersistence == "t", Options: *o}, nil
}

// ChangeSequence binds ALTER SEQUENCE.
func ChangeSequence(binder Binder, st *parse.Statement, n *pg.AlterSeqStmt) (*AlterSequence, error) {
	o, err := sequenceOptions(binder, st, n.Options, false)
	if err != nil {
		return nil, err
	}
	return &AlterSequence{Name: nameOf(n.Sequence), IfExists: n.MissingOk, Options: *o}, nil
}

// sequenceOptions reads options of a sequence; those of an identity column have another message for a wrong type.
func sequenceOptions(binder Binder, st *parse.Statement, list []*pg.Node, identity bool) (*SequenceOptions, error) {
	o := &SequenceOptions{}
	seen := map[string]bool{}
	for _, n := range list {
		d := n.GetDefElem()
		if seen[d.Defname] {
			return nil, st.Fail(d.Location, errs.SyntaxError, "conflicting or redundant options")
		}
		seen[d.Defname] = true
		if err := o.read(binder, st, d, identity); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (o *SequenceOptions) read(binder Binder, st *parse.Statement, d *pg.DefElem, identity bool) (err error) {
	switch d.Defname {
	case "as":
		return o.typed(binder, d, identity)
	case "increment":
		o.Increment, err = number(d)
	case "start":
		o.Start, err = number(d)
	case "cache":
		o.Cache, err = number(d)
	case "restart":
		o.Restart = true
		o.RestartWith, err = number(d)
	case "maxvalue":
		o.Most, err = number(d)
		o.DefaultMost = o.Most == nil
	case "minvalue":
		o.Least, err = number(d)
		o.DefaultLeast = o.Least == nil
	case "cycle":
		var is bool
		is, err = parse.Bool(d)
		o.Cycle = &is
	case "owned_by":
		if o.OwnedBy = parse.Names(d.Arg.GetList().GetItems()); len(o.OwnedBy) == 1 && o.OwnedBy[0] != "none" {
			return errs.New(errs.SyntaxError, "invalid OWNED BY option").WithHint("Specify OWNED BY table.column or OWNED BY NONE.")
		}
	case "sequence_name":
		parts := parse.Names(d.Arg.GetList().GetItems())
		name := QualifiedName{Name: parts[len(parts)-1]}
		if len(parts) > 1 {
			name.Schema = parts[len(parts)-2]
		}
		if o.Name = &name; !identity {
			return st.Fail(d.Location, errs.SyntaxError, "invalid sequence option SEQUENCE NAME")
		}
	case "generated":
		o.Generated = byte(parse.Int(d.Arg))
	default:
		return st.Unsupported(d.Location, "the option %s of a sequence", d.Defname)
	}
	return err
}

func (o *SequenceOptions) typed(binder Binder, d *pg.DefElem, identity bool) error {
	t, err := binder.TypeName(d.Arg.GetTypeName())
	if err != nil {
		return err
	}
	if !t.IsInteger() {
		what := "sequence"
		if identity {
			what = "identity column"
		}
		return errs.New(errs.InvalidParameterValue, "%s type must be smallint, integer, or bigint", what)
	}
	o.Type = &t
	return nil
}

// number reads the number of an option; nil when it has none.
func number(d *pg.DefElem) (*int64, error) {
	if d.Arg == nil {
		return nil, nil
	}
	if f := d.Arg.GetFloat(); f != nil {
		v, err := strconv.ParseInt(f.Fval, 10, 64)
		if err != nil {
			return nil, errs.New(errs.NumericValueOutOfRange, "value %q is out of range for type bigint", f.Fval)
		}
		return &v, nil
	}
	v := int64(parse.Int(d.Arg))
	return &v, nil
}
