package catalog

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/partition"
	"github.com/siltstone-db/siltstone/storage/types"
)

// The bodies of tables, and what they are made of.
//
//	table      2 {column}*  4 next column  6 version  8 {constraint}*  10 {options}
//	column     2 id  4 name  6 {type}  8 not null  10 default  12 {value} missing, not there: NULL  3 comment
//	           5 number that pg_attribute shows, not there: the id  14 identity  16 generated  18 objects that default names
//	type       2 kind  4 element kind  6 width  8 precision  10 scale
//	value      2 I  4 Hi  6 F, fixed  8 S, as types.Datum has them
//	constraint 2 kind  4 OID  6 OID of the index  8 name  10 columns  12 expression  14 not valid  16 nulls not distinct
//	           18 referenced table  20 referenced columns  22 on update  24 on delete  26 match  28 deferrable  30 deferred
//	           32 no inherit  3 comment
//	options    2 sort key  4 seal rows  6 seal bytes  8 seal age in nanoseconds  10 on conflict
//	           12 column of PARTITION BY RANGE  14 unit of partitions  16 their width  18 retain in nanoseconds

func (t *Table) fields(f *fields) {
	records(f, 2, "column", &t.Columns, (*Column).fields)
	number(f, 4, &t.NextColumn, math.MaxUint32)
	number(f, 6, &t.Version, math.MaxUint64)
	records(f, 8, "constraint", &t.Constraints, (*Constraint).fields)
	record(f, 10, "options", &t.Options, (*Options).fields)
}

func (c *Column) fields(f *fields) {
	number(f, 2, &c.ID, math.MaxUint32)
	f.text(4, &c.Name)
	f.typ(6, &c.Type)
	f.flag(8, &c.NotNull)
	f.text(10, &c.Default)
	c.missing(f)
	f.text(3, &c.Comment)
	number(f, 5, &c.Number, math.MaxUint32)
	number(f, 14, &c.Identity, math.MaxUint8)
	f.flag(16, &c.Generated)
	numbers(f, 18, &c.Needs)
	f.rest(&c.kept)
	if f.ended() {
		c.check(f)
	}
}

// missing goes through the missing-value, which is there or not.
func (c *Column) missing(f *fields) {
	if f.w == nil {
		if f.at != 12 {
			return
		}
		c.Missing = &types.Datum{}
	}
	if c.Missing != nil {
		record(f, 12, "missing value", c.Missing, valueFields)
	}
}

// check looks at a column that was read, and completes its missing-value.
func (c *Column) check(f *fields) {
	if c.Missing != nil {
		c.Missing.Type = c.Type
		if c.Type.Physical() == types.PhysUUID && len(c.Missing.S) != 16 {
			f.r.Fail("a uuid of %d bytes", len(c.Missing.S))
		}
	}
	if c.ID == 0 {
		f.r.Fail("a column has no number")
	}
}

func valueFields(d *types.Datum, f *fields) {
	f.signed(2, &d.I)
	f.signed(4, &d.Hi)
	f.float(6, &d.F)
	f.text(8, &d.S)
}

func (k *Constraint) fields(f *fields) {
	number(f, 2, &k.Kind, math.MaxUint8)
	number(f, 4, &k.OID, math.MaxUint32)
	number(f, 6, &k.Index, math.MaxUint32)
	f.text(8, &k.Name)
	numbers(f, 10, &k.Columns)
	f.text(12, &k.Expr)
	f.flag(14, &k.NotValid)
	f.flag(16, &k.NullsNotDistinct)
	number(f, 18, &k.References, math.MaxUint64)
	numbers(f, 20, &k.ReferencedColumns)
	number(f, 22, &k.OnUpdate, math.MaxUint8)
	number(f, 24, &k.OnDelete, math.MaxUint8)
	number(f, 26, &k.Match, math.MaxUint8)
	f.flag(28, &k.Deferrable)
	f.flag(30, &k.Deferred)
	f.flag(32, &k.NoInherit)
	f.text(3, &k.Comment)
	f.rest(&k.kept)
	if f.ended() && k.Kind > ForeignKey {
		f.r.Refuse(errs.Unsupported("a constraint of kind %d in the catalog, written by a newer version,", k.Kind))
	}
}

func (o *Options) fields(f *fields) {
	numbers(f, 2, &o.SortKey)
	number(f, 4, &o.SealRows, SealRowsMax)
	number(f, 6, &o.SealBytes, math.MaxInt64)
	number(f, 8, &o.SealAge, math.MaxInt64)
	number(f, 10, &o.OnConflict, uint64(len(conflictWords)-1))
	number(f, 12, &o.PartitionBy, math.MaxUint32)
	number(f, 14, &o.Unit, uint64(partition.Width))
	number(f, 16, &o.Width, math.MaxInt64)
	number(f, 18, &o.Retain, math.MaxInt64)
	number(f, 24, &o.RetainLog, math.MaxInt64)
	f.rest(&o.kept)
}
