package ddl

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// AlterTable is ALTER TABLE or ALTER VIEW [IF EXISTS], also RENAME and SET SCHEMA.
type AlterTable struct {
	Table    QualifiedName
	Kind     catalog.Kind // of ALTER TABLE, VIEW, SEQUENCE
	IfExists bool
	Actions  []Action
}

// Bound marks a statement that was bound.
func (*AlterTable) Bound() {}

// Verb is what an Action does.
type Verb uint8

// The verbs. Their fields are Name and those that are named here.
const (
	AddColumn          Verb = iota + 1 // Column, Constraints, Missing (IF NOT EXISTS)
	DropColumn                         // Missing, Cascade
	RenameColumn                       // New
	RenameTable                        // New
	RenameConstraint                   // New
	SetDefault                         // Column.Default
	DropDefault                        //
	SetNotNull                         //
	DropNotNull                        //
	SetType                            // Column.Type, Using
	AddConstraint                      // Constraints
	DropConstraint                     // Missing, Cascade
	ValidateConstraint                 //
	SetSchema                          // New
	SetOptions                         // Options
	ResetOptions                       // Options
	SetOwner                           // New
	AddIdentity                        // Own
	SetIdentity                        // Own
	DropIdentity                       // Missing
	DropExpression                     // Missing
)

// Action is one thing that an ALTER TABLE does to its table.
type Action struct {
	Verb        Verb
	Name        string
	New         string
	Column      catalog.Column
	Constraints []Constraint
	Own         *OwnSequence // of AddColumn, too: nil: none
	Options     []catalog.Option
	Using       string // of SetType: the expression that makes the new value; "": a cast
	Missing     bool   // IF EXISTS, IF NOT EXISTS
	Cascade     bool
}

// altered are the kinds of relation that ALTER names.
var altered = map[pg.ObjectType]catalog.Kind{pg.ObjectType_OBJECT_TABLE: catalog.KindTable, pg.ObjectType_OBJECT_VIEW: catalog.KindView,
	pg.ObjectType_OBJECT_SEQUENCE: catalog.KindSequence}

// Altered returns which kind of relation ALTER names, 0 for what is none that it knows.
func Altered(t pg.ObjectType) catalog.Kind { return altered[t] }

// Alter binds ALTER TABLE. list are the columns of the table; nil when there is none, and IF EXISTS was said.
func Alter(binder Binder, st *parse.Statement, n *pg.AlterTableStmt, list []catalog.Column) (*AlterTable, error) {
	a := &AlterTable{Table: nameOf(n.Relation), Kind: altered[n.Objtype], IfExists: n.MissingOk}
	t := newColumns(binder, st, n.Relation.Relname, list)
	for _, c := range n.Cmds { // which goes first, so that another column can have the name
		if x := c.GetAlterTableCmd(); x.Subtype == pg.AlterTableType_AT_DropColumn {
			t.drop(x.Name)
		}
	}
	for _, c := range n.Cmds {
		x, err := t.action(c.GetAlterTableCmd())
		if err != nil {
			return nil, err
		}
		a.Actions = append(a.Actions, *x)
	}
	return a, nil
}

func nameOf(r *pg.RangeVar) QualifiedName { return QualifiedName{r.Schemaname, r.Relname} }

// Rename binds RENAME of a table or a view, of a column, or of a constraint of a table.
func Rename(n *pg.RenameStmt) *AlterTable {
	x := Action{Name: n.Subname, New: n.Newname}
	kind := altered[n.RenameType]
	if kind == 0 {
		kind = altered[n.RelationType]
	}
	if kind == 0 {
		kind = catalog.KindTable
	}
	switch n.RenameType {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_SEQUENCE:
		x.Verb = RenameTable
	case pg.ObjectType_OBJECT_COLUMN:
		x.Verb = RenameColumn
	case pg.ObjectType_OBJECT_TABCONSTRAINT:
		x.Verb = RenameConstraint
	default:
		return nil
	}
	return &AlterTable{Table: nameOf(n.Relation), Kind: kind, IfExists: n.MissingOk, Actions: []Action{x}}
}

// Move binds SET SCHEMA of a table or a view.
func Move(n *pg.AlterObjectSchemaStmt) *AlterTable {
	kind := altered[n.ObjectType]
	if kind == 0 {
		return nil
	}
	return &AlterTable{Table: nameOf(n.Relation), Kind: kind, IfExists: n.MissingOk, Actions: []Action{{Verb: SetSchema, New: n.Newschema}}}
}

// action reads one command.
func (t *columns) action(c *pg.AlterTableCmd) (*Action, error) {
	x := &Action{Name: c.Name, Missing: c.MissingOk, Cascade: c.Behavior == pg.DropBehavior_DROP_CASCADE}
	var err error
	switch c.Subtype {
	case pg.AlterTableType_AT_AddColumn:
		return t.addColumn(x, c.Def.GetColumnDef())
	case pg.AlterTableType_AT_DropColumn:
		x.Verb = DropColumn
	case pg.AlterTableType_AT_ColumnDefault:
		return t.setDefault(x, c.Def)
	case pg.AlterTableType_AT_SetNotNull:
		x.Verb = SetNotNull
	case pg.AlterTableType_AT_DropNotNull:
		x.Verb = DropNotNull
	case pg.AlterTableType_AT_AlterColumnType:
		return t.setType(x, c.Def.GetColumnDef())
	case pg.AlterTableType_AT_AddConstraint:
		var k *Constraint
		if k, err = t.constraint(c.Def.GetConstraint(), ""); err == nil {
			x.Verb, x.Constraints = AddConstraint, []Constraint{*k}
		}
	case pg.AlterTableType_AT_DropConstraint:
		x.Verb = DropConstraint
	case pg.AlterTableType_AT_ValidateConstraint:
		x.Verb = ValidateConstraint
	case pg.AlterTableType_AT_SetRelOptions, pg.AlterTableType_AT_ResetRelOptions:
		if x.Verb = SetOptions; c.Subtype == pg.AlterTableType_AT_ResetRelOptions {
			x.Verb = ResetOptions
		}
		x.Options, err = Options(c.Def.GetList().GetItems())
	case pg.AlterTableType_AT_ChangeOwner:
		if x.Verb, x.New = SetOwner, c.Newowner.Rolename; c.Newowner.Roletype != pg.RoleSpecType_ROLESPEC_CSTRING {
			x.New = "" // CURRENT_USER and the like
		}
	case pg.AlterTableType_AT_AddIdentity:
		return t.addIdentity(x, c.Def.GetConstraint())
	case pg.AlterTableType_AT_SetIdentity:
		var o *SequenceOptions
		if o, err = sequenceOptions(t.binder, t.st, c.Def.GetList().GetItems(), true); err == nil {
			x.Verb, x.Own = SetIdentity, &OwnSequence{Column: c.Name, Identity: o.Generated, Options: *o}
		}
	case pg.AlterTableType_AT_DropIdentity:
		x.Verb = DropIdentity
	case pg.AlterTableType_AT_DropExpression:
		x.Verb = DropExpression
	case pg.AlterTableType_AT_AttachPartition:
		return nil, errs.Unsupported("ALTER TABLE ... ATTACH PARTITION").WithHint(ownPartitions)
	case pg.AlterTableType_AT_DetachPartition, pg.AlterTableType_AT_DetachPartitionFinalize:
		return nil, errs.Unsupported("ALTER TABLE ... DETACH PARTITION").WithHint(ownPartitions)
	default:
		return nil, errs.Unsupported("ALTER TABLE: %s", c.Subtype.String()[len("AT_"):])
	}
	return x, err
}

func (t *columns) addColumn(x *Action, d *pg.ColumnDef) (*Action, error) {
	col, later, err := t.column(d)
	if err != nil {
		return nil, err
	}
	x.Verb, x.Name, x.Column = AddColumn, d.Colname, col
	if t.find(d.Colname) >= 0 {
		return x, nil // an error, or nothing, when it runs
	}
	if n := len(t.own); n > 0 && t.own[n-1].Column == d.Colname {
		x.Own = &t.own[n-1]
	}
	t.add(col)
	if later, err = t.generate(&t.list[len(t.list)-1], later); err != nil {
		return nil, err
	}
	x.Column = t.list[len(t.list)-1]
	x.Constraints, err = t.constraints(d.Colname, later)
	return x, err
}

func (t *columns) addIdentity(x *Action, k *pg.Constraint) (*Action, error) {
	x.Verb = AddIdentity
	at := t.find(x.Name)
	if at < 0 {
		return x, nil // an error when it runs
	}
	c := t.list[at]
	if err := t.identity(&c, k); err != nil {
		return nil, err
	}
	x.Own = &t.own[len(t.own)-1]
	return x, nil
}

func (t *columns) setType(x *Action, d *pg.ColumnDef) (*Action, error) {
	col, err := t.columnType(d)
	if err != nil {
		return nil, err
	}
	x.Verb, x.Column = SetType, col
	if at := t.find(x.Name); at >= 0 {
		t.list[at].Type = col.Type // a DEFAULT that is set by the same statement is of it
	}
	if at := slices.IndexFunc(t.before, func(c catalog.Column) bool { return c.Name == x.Name }); at >= 0 && d.RawDefault != nil {
		x.Using, err = t.binder.Transform(t.name, t.before, &t.before[at], col.Type, d.RawDefault)
	}
	return x, err
}

func (t *columns) setDefault(x *Action, n *pg.Node) (*Action, error) {
	if x.Verb = DropDefault; n == nil {
		return x, nil
	}
	x.Verb = SetDefault
	x.Column = catalog.Column{Name: x.Name, Type: types.T(types.Text)}
	at := t.find(x.Name)
	if at < 0 {
		return x, nil // an error when it runs
	}
	x.Column = t.list[at]
	return x, t.binder.Default(&x.Column, n)
}
