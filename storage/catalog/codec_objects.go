package catalog

import "math"

// The bodies of all kinds but tables; columns, types and constraints are as in codec_table.go.
//
//	schema            nothing
//	view              2 {column}*  4 query  6 {read}*
//	read              2 relation  4 schema  6 name  8 {read column}*
//	read column       2 id  4 name
//	materialized view 2 {column}*  4 query  6 populated
//	index             2 table  4 columns  6 expression*  8 method  10 where  12 unique
//	sequence          2 {type}  4 start  6 increment  8 least  10 most  12 cache  14 cycle  16 owning table  18 its column
//	                  20 counter  22 where it begins  24 of an identity column
//	type              2 form  4 label*  6 {base}  8 not null  10 default  12 {constraint}*  14 {column}*
//	function          2 {argument}*  4 {result}  6 set  8 language  10 source  12 volatility  14 strict
//	argument          2 name  4 {type}  6 default
//	role              2 login  4 superuser  6 create role  8 replication  10 inherit  12 verifier  14 connections
//	                  16 valid until  18 member of*
//	publication       2 all tables  4 actions
//	subscription      2 connection  4 publication*  6 slot  8 enabled
//	policy            2 table  4 command  6 restrictive  8 role*  10 using  12 check
//	statistics        2 table  4 columns  6 kind*

func (o *Schema) fields(*fields) {}

func (o *View) fields(f *fields) {
	records(f, 2, "column", &o.Columns, (*Column).fields)
	f.text(4, &o.Query)
	records(f, 6, "read", &o.Reads, (*Read).fields)
}

func (r *Read) fields(f *fields) {
	number(f, 2, &r.Relation, math.MaxUint64)
	f.text(4, &r.Schema)
	f.text(6, &r.Name)
	records(f, 8, "read column", &r.Columns, (*ReadColumn).fields)
	f.rest(&r.kept)
}

func (c *ReadColumn) fields(f *fields) {
	number(f, 2, &c.ID, math.MaxUint32)
	f.text(4, &c.Name)
	f.rest(&c.kept)
}

func (o *MaterializedView) fields(f *fields) {
	records(f, 2, "column", &o.Columns, (*Column).fields)
	f.text(4, &o.Query)
	f.flag(6, &o.Populated)
}

func (o *Index) fields(f *fields) {
	number(f, 2, &o.Table, math.MaxUint64)
	numbers(f, 4, &o.Columns)
	f.texts(6, &o.Exprs)
	f.text(8, &o.Method)
	f.text(10, &o.Where)
	f.flag(12, &o.Unique)
}

func (o *Sequence) fields(f *fields) {
	f.typ(2, &o.Type)
	f.signed(4, &o.Start)
	f.signed(6, &o.Increment)
	f.signed(8, &o.Least)
	f.signed(10, &o.Most)
	f.signed(12, &o.Cache)
	f.flag(14, &o.Cycle)
	number(f, 16, &o.Owned, math.MaxUint64)
	number(f, 18, &o.OwnedColumn, math.MaxUint32)
	number(f, 20, &o.Counter, math.MaxUint32)
	f.signed(22, &o.From)
	f.flag(24, &o.Identity)
}

func (o *Type) fields(f *fields) {
	number(f, 2, &o.Form, math.MaxUint8)
	f.texts(4, &o.Labels)
	f.typ(6, &o.Base)
	f.flag(8, &o.NotNull)
	f.text(10, &o.Default)
	records(f, 12, "constraint", &o.Checks, (*Constraint).fields)
	records(f, 14, "column", &o.Columns, (*Column).fields)
}

func (o *Function) fields(f *fields) {
	records(f, 2, "argument", &o.Arguments, (*Argument).fields)
	f.typ(4, &o.Result)
	f.flag(6, &o.Set)
	f.text(8, &o.Language)
	f.text(10, &o.Source)
	number(f, 12, &o.Volatility, math.MaxUint8)
	f.flag(14, &o.Strict)
}

func (a *Argument) fields(f *fields) {
	f.text(2, &a.Name)
	f.typ(4, &a.Type)
	f.text(6, &a.Default)
	f.rest(&a.kept)
}
