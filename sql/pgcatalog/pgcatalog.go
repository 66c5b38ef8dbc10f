// Package pgcatalog has the relations of pg_catalog, information_schema and siltstone as virtual tables, which our own
// engine runs like any other: a client's catalog query is just SQL.
//
// Names, column order, column types and OIDs are those of PostgreSQL 15 and stand in data/relations.txt. A relation
// without a row function is empty because Siltstone has none of what it lists (policies, triggers, rules, ...).
//
// Table is immutable and shared. An Env is what one statement sees; its functions are called by one goroutine. The
// package refuses to invent: what is not known is NULL or absent, never a plausible number.
package pgcatalog

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// OIDs that PostgreSQL gives to every database and clients know by heart.
const (
	oidOwner             = 10 // the bootstrap superuser
	oidPgCatalog         = 11
	oidToast             = 99
	oidPublic            = 2200
	oidInformation       = 13207
	oidSiltstone         = 13208
	oidDatabase          = 5
	oidTablespace        = 1663
	oidDefaultColl       = 100
	oidClassPgClass      = 1259
	oidClassPgConstraint = 2606
	oidClassPgAttrdef    = 2604
	oidClassPgRewrite    = 2618
	oidClassPgNamespace  = 2615
	oidHeap              = 2
	encodingUTF8         = 6
)

// Env is what a statement sees of the database besides its snapshot of rows.
type Env struct {
	Database string
	User     string
	// PID is the number of the backend that asks.
	PID int32
	// Catalog returns what is stored as the transaction sees it.
	Catalog func() *catalog.Snapshot
	// SearchPath returns the schemas searched for unqualified names, in order, pg_catalog first when implicit.
	SearchPath func() []string
	// CatalogImplicit says that search_path does not name pg_catalog.
	CatalogImplicit bool
	// Rows returns the number of rows of a table, -1 when unknown. Bytes returns its size on disk.
	Rows, Bytes func(catalog.TableID) int64
	// Number returns how far the sequence with an OID has come.
	Number func(ctx context.Context, oid uint32) (counter.State, error)
	// Sessions, Settings, Segments, Prepared list what their views show.
	Sessions func() []Session
	Settings func() []Setting
	Segments func() []Segment
	// Compactions are the merges of segments of late.
	Compactions func() []Compaction
	Prepared    func() []Prepared
	// Log are the files of the log and of its archive.
	Log func() []LogFile
}

// Session is a row of pg_stat_activity.
type Session struct {
	PID                               int32
	User, Database, Application       string
	ClientAddr                        string
	ClientPort                        int32
	BackendStart, XactStart           int64 // microseconds since 1970 UTC; 0: none
	QueryStart, StateChange           int64
	State, Query, WaitType, WaitEvent string
}

// Setting is a row of pg_settings.
type Setting struct {
	Name, Value, Unit, Category, Description string
	Context, Vartype, Source                 string
	Min, Max                                 string // "" for none
	Enum                                     []string
	Boot, Reset                              string
}

// Prepared is a row of pg_prepared_statements.
type Prepared struct {
	Name, Statement string
	Prepared        int64
	Parameters      []types.Type
	FromSQL         bool
}

// Segment is a row of siltstone.segments.
type Segment struct {
	Schema, Table string
	ID            int64
	State         string // live, sealed
	Rows, Deleted int64
	Bytes         int64
	MinSequence   int64
	MaxSequence   int64
	Partition     string // "": none
}

// Compaction is a row of siltstone.compactions: a merge of segments.
type Compaction struct {
	Started                        int64 // microseconds since 1970 UTC
	Schema, Table, Reason, State   string
	Segments, NewSegments          int
	Rows, Bytes, NewRows, NewBytes int64
	Milliseconds                   int64
	Detail                         string
}

// LogFile is a row of siltstone.log.
type LogFile struct {
	State               string
	Number              int64
	First, Last         int64 // sequences
	Bytes, Plain        int64 // Plain is 0 when it is not known
	FirstTime, LastTime int64 // microseconds since 1970 UTC; 0: not known
	Tables, Holders     []string
}

// Table is one virtual relation. It implements plan.Virtual.
type Table struct {
	Schema  string
	Relname string
	OID     uint32
	Kind    byte // 'r' table, 'v' view, as pg_class.relkind
	Columns []catalog.Column
	// typeNames are PostgreSQL's names of the column types where ours are wider (xid, pg_node_tree).
	typeNames []string
	defaults  []types.Datum
	ordinals  map[string]int
	rows      func(*Env, *builder)
}

// Name returns the qualified name.
func (t *Table) Name() string { return t.Schema + "." + t.Relname }

// Types returns the column types.
func (t *Table) Types() []types.Type {
	ts := make([]types.Type, len(t.Columns))
	for i := range t.Columns {
		ts[i] = t.Columns[i].Type
	}
	return ts
}

// Relation returns the rows as the statement sees them.
func (t *Table) Relation(env *Env) scan.Relation {
	b := newBuilder(t)
	if t.rows != nil {
		t.rows(env, b)
	}
	return b.relation()
}

// Lookup returns the virtual relation schema.name, or nil. An empty schema means pg_catalog.
func Lookup(schema, name string) *Table {
	if schema == "" {
		schema = "pg_catalog"
	}
	return registry().byName[schema+"."+name]
}

// All returns every virtual relation, by name. The slice is shared.
func All() []*Table { return registry().all }

// shown returns the relations that catalogs list: those of PostgreSQL. Clients leave out what is in schemas of its names and take
// all else for the user's, so views of our own are found by their names only.
var shown = sync.OnceValue(func() []*Table {
	return slices.DeleteFunc(slices.Clone(All()), func(t *Table) bool { return t.Schema == ownSchema })
})

// ownSchema has the views that PostgreSQL has not.
const ownSchema = "siltstone"

// IsSchema tells whether name is a schema of virtual relations.
func IsSchema(name string) bool {
	return name == "pg_catalog" || name == "information_schema" || name == ownSchema
}

// schemaOID returns pg_namespace.oid; 0 when there is no such schema.
func (e *Env) schemaOID(name string) uint32 {
	switch name {
	case "pg_catalog":
		return oidPgCatalog
	case "information_schema":
		return oidInformation
	case "siltstone":
		return oidSiltstone
	case "pg_toast":
		return oidToast
	}
	if s := e.Catalog().Schema(name); s != nil {
		return s.OID
	}
	return 0
}

// QuoteIdent quotes a name where SQL needs it, as quote_ident does.
func QuoteIdent(s string) string {
	plain := s != ""
	for i, c := range []byte(s) {
		if !(c == '_' || c >= 'a' && c <= 'z' || i > 0 && (c >= '0' && c <= '9' || c == '$')) {
			plain = false
		}
	}
	if plain && !reserved[s] {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// reserved are the words that PostgreSQL's quote_ident quotes: its keywords that are not unreserved.
var reserved = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`all analyse analyze and any array as asc asymmetric authorization between bigint
		binary bit boolean both case cast char character check coalesce collate collation column concurrently constraint
		create cross current_catalog current_date current_role current_schema current_time current_timestamp current_user
		dec decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign freeze
		from full grant greatest group grouping having ilike in initially inner inout int integer intersect interval into
		is isnull join lateral leading least left like limit localtime localtimestamp national natural nchar none normalize
		not notnull null nullif numeric offset on only or order out outer overlaps overlay placing position precision
		primary real references returning right row select session_user setof similar smallint some substring symmetric
		table tablesample then time timestamp to trailing treat trim true union unique user using values varchar variadic
		verbose when where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi
		xmlroot xmlserialize xmltable`) {
		m[w] = true
	}
	return m
}()

// Keywords returns the words that PostgreSQL reserves, sorted.
func Keywords() []string {
	words := make([]string, 0, len(reserved))
	for w := range reserved {
		words = append(words, w)
	}
	slices.Sort(words)
	return words
}
