package catalog

import (
	"math"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/types"
)

// The bodies of tables, and what they are made of.
//
//	table      2 {column}*  4 next column  6 version  8 {constraint}*  10 {options}
//	column     2 id  4 name  6 {type}  8 not null  10 default  12 {value} missing, not there: NULL  3 comment
//	type       2 kind  4 element kind  6 width  8 precision  10 scale
//	value      2 I  4 Hi  6 F, fixed  8 S, as types.Datum has them
//	constraint 2 kind  4 OID  6 OID of the index  8 name  10 columns  12 expression  14 not valid  16 nulls not distinct
//	           18 referenced table  20 referenced columns  22 on update  24 on delete  26 match  28 deferrable  30 deferred
//	           32 no inherit  3 comment
//	options    2 sort key  4 seal rows  6 seal bytes  8 seal age in nanoseconds  10 on conflict

func (t *Table) write(w *field.Writer) {
	for i := range t.Columns {
		t.Columns[i].write(w, 2)
	}
	w.Uint(4, uint64(t.NextColumn))
	w.Uint(6, t.Version)
	for i := range t.Constraints {
		t.Constraints[i].write(w, 8)
	}
	t.Options.write(w, 10)
}

func (t *Table) read(r *field.Reader) {
	for r.Next() {
		switch r.Number() {
		case 2:
			t.Columns = append(t.Columns, readColumn(r.Record("column")))
		case 4:
			t.NextColumn = uint32(number(r, math.MaxUint32))
		case 6:
			t.Version = r.Uint()
		case 8:
			t.Constraints = append(t.Constraints, readConstraint(r.Record("constraint")))
		case 10:
			t.Options = readOptions(r.Record("options"))
		default:
			r.Unknown()
		}
	}
}

func (c *Column) write(w *field.Writer, n field.Number) {
	m := w.Begin(n)
	w.Uint(2, uint64(c.ID))
	w.String(4, c.Name)
	writeType(w, 6, c.Type)
	w.Bool(8, c.NotNull)
	w.String(10, c.Default)
	if c.Missing != nil {
		v := w.Begin(12)
		w.Int(2, c.Missing.I)
		w.Int(4, c.Missing.Hi)
		w.Fixed(6, math.Float64bits(c.Missing.F))
		w.String(8, c.Missing.S)
		w.End(v)
	}
	w.String(3, c.Comment)
	w.Keep([]byte(c.kept))
	w.End(m)
}

func readColumn(r *field.Reader) (c Column) {
	for r.Next() {
		switch r.Number() {
		case 2:
			c.ID = uint32(number(r, math.MaxUint32))
		case 4:
			c.Name = r.String()
		case 6:
			c.Type = readType(r.Record("type"))
		case 8:
			c.NotNull = r.Bool()
		case 10:
			c.Default = r.String()
		case 12:
			c.Missing = readValue(r.Record("missing value"))
		case 3:
			c.Comment = r.String()
		default:
			r.Unknown()
		}
	}
	if c.kept = string(r.Kept()); c.Missing != nil {
		c.Missing.Type = c.Type
		if c.Type.Physical() == types.PhysUUID && len(c.Missing.S) != 16 && r.Err() == nil {
			r.Fail("a uuid of %d bytes", len(c.Missing.S))
		}
	}
	if c.ID == 0 && r.Err() == nil {
		r.Fail("a column has no number")
	}
	return c
}

func readValue(r *field.Reader) *types.Datum {
	d := &types.Datum{}
	for r.Next() {
		switch r.Number() {
		case 2:
			d.I = r.Int()
		case 4:
			d.Hi = r.Int()
		case 6:
			d.F = math.Float64frombits(r.Fixed())
		case 8:
			d.S = r.String()
		default:
			unknown(r)
		}
	}
	return d
}

func (k *Constraint) write(w *field.Writer, n field.Number) {
	m := w.Begin(n)
	w.Uint(2, uint64(k.Kind))
	w.Uint(4, uint64(k.OID))
	w.Uint(6, uint64(k.Index))
	w.String(8, k.Name)
	writeIDs(w, 10, k.Columns)
	w.String(12, k.Expr)
	w.Bool(14, k.NotValid)
	w.Bool(16, k.NullsNotDistinct)
	w.Uint(18, uint64(k.References))
	writeIDs(w, 20, k.ReferencedColumns)
	w.Uint(22, uint64(k.OnUpdate))
	w.Uint(24, uint64(k.OnDelete))
	w.Uint(26, uint64(k.Match))
	w.Bool(28, k.Deferrable)
	w.Bool(30, k.Deferred)
	w.Bool(32, k.NoInherit)
	w.String(3, k.Comment)
	w.Keep([]byte(k.kept))
	w.End(m)
}

func readConstraint(r *field.Reader) (k Constraint) {
	for r.Next() {
		switch r.Number() {
		case 2:
			k.Kind = ConstraintKind(number(r, math.MaxUint8))
			if k.Kind > ForeignKey {
				r.Refuse(errs.Unsupported("a constraint of kind %d in the catalog, written by a newer version,", k.Kind))
			}
		case 4:
			k.OID = uint32(number(r, math.MaxUint32))
		case 6:
			k.Index = uint32(number(r, math.MaxUint32))
		case 8:
			k.Name = r.String()
		case 10:
			k.Columns = readIDs[uint32](r)
		case 12:
			k.Expr = r.String()
		case 14:
			k.NotValid = r.Bool()
		case 16:
			k.NullsNotDistinct = r.Bool()
		case 18:
			k.References = ID(r.Uint())
		case 20:
			k.ReferencedColumns = readIDs[uint32](r)
		case 3:
			k.Comment = r.String()
		default:
			k.readAction(r)
		}
	}
	k.kept = string(r.Kept())
	return k
}

// readAction reads what a foreign key does, and when.
func (k *Constraint) readAction(r *field.Reader) {
	switch r.Number() {
	case 22:
		k.OnUpdate = byte(number(r, math.MaxUint8))
	case 24:
		k.OnDelete = byte(number(r, math.MaxUint8))
	case 26:
		k.Match = byte(number(r, math.MaxUint8))
	case 28:
		k.Deferrable = r.Bool()
	case 30:
		k.Deferred = r.Bool()
	case 32:
		k.NoInherit = r.Bool()
	default:
		r.Unknown()
	}
}

func (o *Options) write(w *field.Writer, n field.Number) {
	m := w.Begin(n)
	writeIDs(w, 2, o.SortKey)
	w.Uint(4, uint64(o.SealRows))
	w.Uint(6, uint64(o.SealBytes))
	w.Uint(8, uint64(o.SealAge))
	w.Uint(10, uint64(o.OnConflict))
	w.Keep([]byte(o.kept))
	w.End(m)
}

func readOptions(r *field.Reader) (o Options) {
	for r.Next() {
		switch r.Number() {
		case 2:
			o.SortKey = readIDs[uint32](r)
		case 4:
			o.SealRows = int(number(r, SealRowsMax))
		case 6:
			o.SealBytes = int64(number(r, math.MaxInt64))
		case 8:
			o.SealAge = time.Duration(number(r, math.MaxInt64))
		case 10:
			o.OnConflict = OnConflict(number(r, uint64(len(conflictWords)-1)))
		default:
			r.Unknown()
		}
	}
	o.kept = string(r.Kept())
	return o
}
