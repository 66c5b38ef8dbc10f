package pgcatalog

import (
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/counter"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Sequence is a sequence as a relation of one row: how far it has come.
type Sequence struct {
	Schema, Relname string
	OID             uint32
}

// SequenceColumns are the columns of sequences.
var SequenceColumns = []catalog.Column{
	{ID: 1, Name: "last_value", Type: types.T(types.Int8), NotNull: true},
	{ID: 2, Name: "log_cnt", Type: types.T(types.Int8), NotNull: true},
	{ID: 3, Name: "is_called", Type: types.T(types.Bool), NotNull: true},
}

// Name returns the name without the schema.
func (s *Sequence) Name() string { return s.Relname }

// Types returns the column types.
func (*Sequence) Types() []types.Type {
	return []types.Type{types.T(types.Int8), types.T(types.Int8), types.T(types.Bool)}
}

// Relation returns the row. Nothing is told of log_cnt, which PostgreSQL counts down for itself.
func (s *Sequence) Relation(at counter.State) scan.Relation {
	b := batch.New(s.Types())
	b.Reset()
	b.Cols[0].AppendDatum(types.IntOf(types.T(types.Int8), at.Last))
	b.Cols[1].AppendDatum(types.IntOf(types.T(types.Int8), 0))
	b.Cols[2].AppendDatum(types.BoolOf(at.Called))
	b.Len = 1
	return NewRows(s.Types(), []*batch.Batch{b})
}

// sequences returns the sequences of users by schema and name.
func (e *Env) sequences() iter.Seq[*catalog.Sequence] {
	return func(yield func(*catalog.Sequence) bool) {
		for o := range e.Catalog().Objects(catalog.KindSequence) {
			if !yield(o.(*catalog.Sequence)) {
				return
			}
		}
	}
}

// fillSequenceClasses lists sequences in pg_class.
func fillSequenceClasses(e *Env, b *builder) {
	for s := range e.sequences() {
		b.add("oid", s.OID, "relname", s.Name, "relnamespace", e.schemaOID(s.Schema), "relowner", oidOwner, "relfilenode", s.Counter,
			"relpages", 1, "reltuples", 1, "relpersistence", "p", "relkind", "S", "relnatts", len(SequenceColumns),
			"relispopulated", true, "relreplident", "n")
	}
}

func fillSequenceAttributes(e *Env, b *builder) {
	for s := range e.sequences() {
		for i := range SequenceColumns {
			attribute(b, s.OID, i+1, &SequenceColumns[i], "")
		}
	}
}

func fillSequence(e *Env, b *builder) {
	for s := range e.sequences() {
		b.add("seqrelid", s.OID, "seqtypid", typeOf(s.Type).oid, "seqstart", s.Start, "seqincrement", s.Increment, "seqmax", s.Most,
			"seqmin", s.Least, "seqcache", s.Cache, "seqcycle", s.Cycle)
	}
}

func fillSequences(e *Env, b *builder) {
	for s := range e.sequences() {
		row := []any{"schemaname", s.Schema, "sequencename", s.Name, "sequenceowner", e.User, "data_type", typeOf(s.Type).oid,
			"start_value", s.Start, "min_value", s.Least, "max_value", s.Most, "increment_by", s.Increment, "cycle", s.Cycle,
			"cache_size", s.Cache}
		if e.Number != nil {
			if at, err := e.Number(context.Background(), s.OID); err == nil && at.Called {
				row = append(row, "last_value", at.Last)
			}
		}
		b.add(row...)
	}
}

func fillISSequences(e *Env, b *builder) {
	text := func(v int64) string { return strconv.FormatInt(v, 10) }
	for s := range e.sequences() {
		if s.Identity { // it is no object of its own
			continue
		}
		b.add("sequence_catalog", e.Database, "sequence_schema", s.Schema, "sequence_name", s.Name, "data_type", s.Type.Kind.String(),
			"numeric_precision", precision(s.Type), "numeric_precision_radix", 2, "numeric_scale", 0, "start_value", text(s.Start),
			"minimum_value", text(s.Least), "maximum_value", text(s.Most), "increment", text(s.Increment), "cycle_option", yesNo(s.Cycle))
	}
}

// identityColumns are the columns of information_schema.columns that tell of an identity, or of how a column is computed.
func identityColumns(e *Env, t *catalog.Table, c *catalog.Column) []any {
	row := []any{"is_identity", yesNo(c.Identity != 0), "identity_cycle", "NO", "is_generated", "NEVER"}
	if c.Generated {
		row = append(row, "is_generated", "ALWAYS", "generation_expression", e.expression(c.Default, false))
	}
	if c.Identity == 0 {
		return row
	}
	row = append(row, "identity_generation", map[catalog.Identity]string{catalog.Always: "ALWAYS", catalog.ByDefault: "BY DEFAULT"}[c.Identity])
	if s := e.Catalog().IdentityOf(t.ID, c.ID); s != nil {
		text := func(v int64) string { return strconv.FormatInt(v, 10) }
		row = append(row, "identity_start", text(s.Start), "identity_increment", text(s.Increment), "identity_maximum", text(s.Most),
			"identity_minimum", text(s.Least), "identity_cycle", yesNo(s.Cycle))
	}
	return row
}

// serialSequence answers pg_get_serial_sequence: the sequence that belongs to a column.
func serialSequence(e *Env, args []types.Datum) (types.Datum, bool, error) {
	parts := SplitName(args[0].S)
	schema := ""
	if len(parts) > 1 {
		schema = parts[len(parts)-2]
	}
	oid, ok := e.resolve(schema, parts[len(parts)-1])
	if !ok {
		return nullText, true, errs.New(errs.UndefinedTable, "relation %q does not exist", strings.Join(parts, "."))
	}
	t := e.Catalog().TableByOID(oid)
	at := -1
	if t != nil {
		at = t.Column(args[1].S)
	}
	if at < 0 {
		return nullText, true, errs.New(errs.UndefinedColumn, "column %q of relation %q does not exist", args[1].S, parts[len(parts)-1])
	}
	list := e.Catalog().Owned(t.ID, t.Columns[at].ID)
	if len(list) == 0 {
		return nullText, true, nil
	}
	return types.TextOf(QuoteIdent(list[0].Schema) + "." + QuoteIdent(list[0].Name)), true, nil
}

// sequenceLast answers pg_sequence_last_value.
func sequenceLast(e *Env, args []types.Datum) (types.Datum, bool, error) {
	t := types.T(types.Int8)
	if e.Number == nil {
		return types.NullOf(t), true, nil
	}
	at, err := e.Number(context.Background(), uint32(args[0].I))
	if err != nil || !at.Called {
		return types.NullOf(t), true, err
	}
	return types.IntOf(t, at.Last), true, nil
}
