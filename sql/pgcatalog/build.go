package pgcatalog

import (
	"fmt"
	"strings"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

// builder collects the rows of one relation. A row starts with the defaults: zero in columns that are never NULL, NULL
// in all others.
type builder struct {
	t       *Table
	batches []*batch.Batch
	row     []types.Datum
}

func newBuilder(t *Table) *builder { return &builder{t: t, row: make([]types.Datum, len(t.Columns))} }

// add appends a row of alternating column names and values: bool, any integer, float64, string, []string (an array),
// a Datum, or nil for NULL. Names that the relation does not have are mistakes of this package.
func (b *builder) add(pairs ...any) {
	copy(b.row, b.t.defaults)
	for i := 0; i < len(pairs); i += 2 {
		o, ok := b.t.ordinals[pairs[i].(string)]
		if !ok {
			panic(fmt.Sprintf("pgcatalog: %s has no column %v", b.t.Name(), pairs[i]))
		}
		b.row[o] = datum(b.t.Columns[o].Type, pairs[i+1])
	}
	var last *batch.Batch
	if n := len(b.batches); n > 0 {
		last = b.batches[n-1]
	}
	if last == nil || last.Len == batch.MaxRows {
		last = batch.New(b.t.Types())
		last.Reset()
		b.batches = append(b.batches, last)
	}
	for i, d := range b.row {
		last.Cols[i].AppendDatum(d)
	}
	last.Len++
}

func (b *builder) relation() *Rows { return NewRows(b.t.Types(), b.batches) }

func datum(t types.Type, v any) types.Datum {
	switch v := v.(type) {
	case nil:
		return types.NullOf(t)
	case types.Datum:
		return v
	case bool:
		d := types.BoolOf(v)
		d.Type = t
		return d
	case int:
		return number(t, int64(v))
	case int16:
		return number(t, int64(v))
	case int32:
		return number(t, int64(v))
	case int64:
		return number(t, v)
	case uint32:
		return number(t, int64(v))
	case float64:
		return types.FloatOf(t, v)
	case string:
		return types.StringOf(t, v)
	case []string:
		return types.StringOf(t, ArrayText(v))
	}
	panic(fmt.Sprintf("pgcatalog: value of type %T", v))
}

func number(t types.Type, v int64) types.Datum {
	switch t.Physical() {
	case types.PhysFloat32, types.PhysFloat64:
		return types.FloatOf(t, float64(v))
	}
	return types.IntOf(t, v)
}

// ArrayText writes strings as PostgreSQL's text form of an array.
func ArrayText(elems []string) string {
	var s strings.Builder
	s.WriteByte('{')
	for i, e := range elems {
		if i > 0 {
			s.WriteByte(',')
		}
		if e != "" && !strings.ContainsAny(e, "{},\"\\ \t\n\r\v\f") && !strings.EqualFold(e, "null") {
			s.WriteString(e)
			continue
		}
		s.WriteByte('"')
		s.WriteString(strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(e))
		s.WriteByte('"')
	}
	s.WriteByte('}')
	return s.String()
}

// nonEmpty is nil for "".
func nonEmpty(s string) any {
	if s == "" {
		return nil
	}
	return s
}
