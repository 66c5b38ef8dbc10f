package catalog

import (
	"slices"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Schema is a namespace.
type Schema struct{ Head }

// View is a query with a name. What it reads is in Depends, by column.
type View struct {
	Head
	Columns []Column // by id from 1
	Query   string   // SQL; all relations are named with their schemas, as they were called when it was bound
	Reads   []Read   // these relations, but system catalogs
}

// Read is a relation that a query names, with the names of then: it may be called otherwise by now, and have more columns.
type Read struct {
	Relation     ID
	Schema, Name string
	Columns      []ReadColumn // in their order
	kept         string
}

// ReadColumn is a column of a Read.
type ReadColumn struct {
	ID   uint32
	Name string
	kept string
}

// MaterializedView is a query whose rows are kept.
type MaterializedView struct {
	Head
	Columns []Column
	Query   string
	// Populated is false WITH NO DATA.
	Populated bool
}

// Index is an index that was made by itself; those of constraints are part of their table.
type Index struct {
	Head
	Table   ID
	Columns []uint32 // 0 stands for the next of Exprs
	Exprs   []string
	Method  string
	Where   string
	Unique  bool
}

// Sequence gives out numbers.
type Sequence struct {
	Head
	Type               types.Type
	Start, Increment   int64
	Least, Most, Cache int64
	Cycle              bool
	Owned              ID // the table of OWNED BY; 0: none
	OwnedColumn        uint32
	// Counter is the number of what counts (package counter), and From where that begins: RESTART makes another one. 0, of a
	// sequence to be made, becomes the OID, and Start.
	Counter  uint32
	From     int64
	Identity bool // of an identity column, and so a part of it
}

// TypeForm is how a type of a user is made.
type TypeForm uint8

// The forms.
const (
	Enum      TypeForm = 1
	Domain    TypeForm = 2
	Composite TypeForm = 3
)

// Type is a type that a user has made.
type Type struct {
	Head
	Form   TypeForm
	Labels []string // of Enum, in their order
	// Base, NotNull, Default and Checks are those of a Domain.
	Base    types.Type
	NotNull bool
	Default string
	Checks  []Constraint
	Columns []Column // of Composite
}

// Function is a function that a user has made.
type Function struct {
	Head
	Arguments  []Argument
	Result     types.Type
	Set        bool // returns rows
	Language   string
	Source     string
	Volatility byte // 'i', 's' or 'v'
	Strict     bool
}

// Argument is one of a function.
type Argument struct {
	Name    string
	Type    types.Type
	Default string
	kept    string
}

// Role is a user or a group of users.
type Role struct {
	Head
	Login, Superuser, CreateRole, Replication, Inherit bool
	Verifier                                           string // SCRAM-SHA-256$...
	Connections                                        int64  // at once; 0: any number
	ValidUntil                                         int64  // microseconds since 1970; 0: for ever
	MemberOf                                           []string
}

// Publication is a set of tables whose changes are handed on. The tables are in Depends.
type Publication struct {
	Head
	AllTables bool
	Actions   Privilege
}

// Subscription is a stream of changes that comes from elsewhere.
type Subscription struct {
	Head
	Connection   string
	Publications []string
	Slot         string
	Enabled      bool
}

// Policy restricts the rows of a table that roles see and write.
type Policy struct {
	Head
	Table       ID
	Command     Privilege // 0: all
	Restrictive bool
	Roles       []string
	Using       string
	Check       string
}

// Statistics are kept of several columns together.
type Statistics struct {
	Head
	Table   ID
	Columns []uint32
	Kinds   []string
}

// Kind tells what the object is.
func (*Schema) Kind() Kind { return KindSchema }

// Kind implements Object.
func (*View) Kind() Kind { return KindView }

// Kind implements Object.
func (*MaterializedView) Kind() Kind { return KindMaterializedView }

// Kind implements Object.
func (*Index) Kind() Kind { return KindIndex }

// Kind implements Object.
func (*Sequence) Kind() Kind { return KindSequence }

// Kind implements Object.
func (*Type) Kind() Kind { return KindType }

// Kind implements Object.
func (*Function) Kind() Kind { return KindFunction }

// Kind implements Object.
func (*Role) Kind() Kind { return KindRole }

// Kind implements Object.
func (*Publication) Kind() Kind { return KindPublication }

// Kind implements Object.
func (*Subscription) Kind() Kind { return KindSubscription }

// Kind implements Object.
func (*Policy) Kind() Kind { return KindPolicy }

// Kind implements Object.
func (*Statistics) Kind() Kind { return KindStatistics }

// shared returns a copy. Its lists are those of the object: a Change puts others in their place, and writes to none.
func shared[T any](o *T) *T {
	c := *o
	return &c
}

func (o *Schema) clone() Object           { return shared(o) }
func (o *View) clone() Object             { return shared(o) }
func (o *MaterializedView) clone() Object { return shared(o) }
func (o *Index) clone() Object            { return shared(o) }
func (o *Sequence) clone() Object         { return shared(o) }
func (o *Type) clone() Object             { return shared(o) }
func (o *Function) clone() Object         { return shared(o) }
func (o *Role) clone() Object             { return shared(o) }
func (o *Publication) clone() Object      { return shared(o) }
func (o *Subscription) clone() Object     { return shared(o) }
func (o *Policy) clone() Object           { return shared(o) }
func (o *Statistics) clone() Object       { return shared(o) }

func (o *Schema) places() []place           { return o.at(KindSchema) }
func (o *View) places() []place             { return o.at(KindView) }
func (o *MaterializedView) places() []place { return o.at(KindMaterializedView) }
func (o *Index) places() []place            { return o.at(KindIndex) }
func (o *Sequence) places() []place         { return o.at(KindSequence) }
func (o *Type) places() []place             { return o.at(KindType) }
func (o *Role) places() []place             { return o.at(KindRole) }
func (o *Publication) places() []place      { return o.at(KindPublication) }
func (o *Subscription) places() []place     { return o.at(KindSubscription) }
func (o *Statistics) places() []place       { return o.at(KindStatistics) }

// places of functions tell them apart by their arguments, too.
func (o *Function) places() []place {
	return []place{{spaceFunction, o.Schema, o.Name + o.Signature()}}
}

// Signature returns the types of the arguments as messages print them.
func (o *Function) Signature() string {
	list := make([]string, len(o.Arguments))
	for i, a := range o.Arguments {
		list[i] = a.Type.String()
	}
	return "(" + strings.Join(list, ",") + ")"
}

// places of policies are in their table.
func (o *Policy) places() []place {
	return []place{{spacePolicy, strconv.FormatUint(uint64(o.Table), 10), o.Name}}
}

func (o *Index) needs(list []Dependency) []Dependency {
	return append(o.Head.needs(list), onTable(o.Table, o.Columns)...)
}

func (o *Statistics) needs(list []Dependency) []Dependency {
	return append(o.Head.needs(list), onTable(o.Table, o.Columns)...)
}

func (o *Policy) needs(list []Dependency) []Dependency {
	return append(o.Head.needs(list), onTable(o.Table, nil)...)
}

func (o *Sequence) needs(list []Dependency) []Dependency {
	if list = o.Head.needs(list); o.Owned != 0 {
		list = append(list, Dependency{On: o.Owned, Column: o.OwnedColumn, Auto: true})
	}
	return list
}

// onTable is the dependency of what belongs to a table and goes with any of its columns.
func onTable(id ID, columns []uint32) []Dependency {
	list := []Dependency{{On: id, Auto: true}}
	for _, c := range columns {
		if c != 0 {
			list = append(list, Dependency{On: id, Column: c, Auto: true})
		}
	}
	return list
}

func (o *Type) settle(*Snapshot) error {
	if o.Form < Enum || o.Form > Composite {
		return errs.Internal("type %q has form %d", o.Name, o.Form)
	}
	for i, l := range o.Labels {
		if slices.Contains(o.Labels[:i], l) {
			return errs.New(errs.InvalidParameterValue, "enum label %q used more than once", l)
		}
	}
	return nil
}

// settle gives a sequence its first counter.
func (o *Sequence) settle(*Snapshot) error {
	if o.Counter == 0 {
		o.Counter, o.From = o.OID, o.Start
	}
	return nil
}

// settle gives the columns numbers: those behind the ones that have one come next.
func (o *View) settle(*Snapshot) error {
	if slices.ContainsFunc(o.Columns, func(c Column) bool { return c.ID == 0 }) {
		o.Columns = slices.Clone(o.Columns)
	}
	for i := range o.Columns {
		if o.Columns[i].ID == 0 {
			o.Columns[i].ID = uint32(i) + 1
		}
	}
	return nil
}

func (h *Head) settle(*Snapshot) error { return nil }
