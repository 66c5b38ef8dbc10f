package bind

import (
	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Resolver finds what names mean outside the statement. It sees one moment of the catalog.
type Resolver interface {
	// Relation finds a table. An empty schema means the search path. It returns nil, nil when there is none, and an
	// error when the schema does not exist where that matters (3F000) or the lookup failed.
	Relation(schema, name string) (*Relation, error)
	// ByID finds a table or a view by its number; nil when there is none.
	ByID(id catalog.ID) *Relation
	// Function finds a set-returning function for FROM besides generate_series and unnest, e.g.
	// pg_partition_ancestors, called with arguments of these types (Unknown: an untyped literal). It returns nil, nil
	// when there is none.
	Function(schema, name string, args []types.Type) (*TableFunction, error)
	// Type finds a type that is not built in. It returns false when there is none.
	Type(schema, name string) (types.Type, bool)
	// SearchPath returns the schemas that are searched for names without one, in order.
	SearchPath() []string
	// CreationSchema returns the schema in which a table without one is made, or 3F000 when there is none.
	CreationSchema() (string, error)
}

// Relation is a table, stored (Table set) or virtual (Virtual set), or a view (View set). Columns describes it in all cases.
type Relation struct {
	Table   *catalog.Table
	Virtual plan.Virtual
	View    *catalog.View
	// Sequence is a sequence, which is Virtual, too: a relation of one row.
	Sequence *catalog.Sequence
	OID      uint32
	Schema   string
	Name     string
	Columns  []catalog.Column
	// Ordinals says which columns of the table or the view Columns are; nil: all of them, in order.
	Ordinals []int
	// Kind is pg_class.relkind: 'r' for tables, 'v' for views, 'S' for sequences, ...
	Kind byte
}

// TableFunction describes a set-returning function.
type TableFunction struct {
	Args []types.Type
	// Columns are the result columns. A single column is named by the alias of the call where there is one.
	Columns []catalog.Column
}

// Env is what binding needs to know of the session.
type Env struct {
	// Fn is the context in which literals and constants are evaluated (time zone, date style); nil is allowed.
	Fn *fn.Context
	// NoParameters says that $1 can have no value: the simple query protocol.
	NoParameters bool
}

// Stored describes a table, a view or a sequence of the catalog, nil for anything else.
func Stored(o catalog.Object) *Relation {
	switch o := o.(type) {
	case *catalog.Table:
		return &Relation{Table: o, OID: o.OID, Schema: o.Schema, Name: o.Name, Columns: o.Columns, Kind: 'r'}
	case *catalog.View:
		return &Relation{View: o, OID: o.OID, Schema: o.Schema, Name: o.Name, Columns: o.Columns, Kind: 'v'}
	case *catalog.Sequence:
		v := &pgcatalog.Sequence{Schema: o.Schema, Relname: o.Name, OID: o.OID}
		return &Relation{Virtual: v, Sequence: o, OID: o.OID, Schema: o.Schema, Name: o.Name, Columns: pgcatalog.SequenceColumns, Kind: 'S'}
	}
	return nil
}

// id returns the number of a table, a view or a sequence, 0 for what is virtual.
func (r *Relation) id() catalog.ID {
	switch {
	case r.Table != nil:
		return r.Table.ID
	case r.View != nil:
		return r.View.ID
	case r.Sequence != nil:
		return r.Sequence.ID
	}
	return 0
}

// ordinal returns which column of the table or the view the i-th of Columns is.
func (r *Relation) ordinal(i int) int {
	if r.Ordinals == nil {
		return i
	}
	return r.Ordinals[i]
}
