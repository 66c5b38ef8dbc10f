package catalog

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/field"
)

// The bodies of all kinds but tables; columns, types and constraints are as in codec_table.go.
//
//	schema            nothing
//	view              2 {column}*  4 query
//	materialized view 2 {column}*  4 query  6 populated
//	index             2 table  4 columns  6 expression*  8 method  10 where  12 unique
//	sequence          2 {type}  4 start  6 increment  8 least  10 most  12 cache  14 cycle  16 owning table  18 its column
//	type              2 form  4 label*  6 {base}  8 not null  10 default  12 {constraint}*  14 {column}*
//	function          2 {argument}*  4 {result}  6 set  8 language  10 source  12 volatility  14 strict
//	argument          2 name  4 {type}  6 default
//	role              2 login  4 superuser  6 create role  8 replication  10 inherit  12 verifier  14 connections
//	                  16 valid until  18 member of*
//	publication       2 all tables  4 actions
//	subscription      2 connection  4 publication*  6 slot  8 enabled
//	policy            2 table  4 command  6 restrictive  8 role*  10 using  12 check
//	statistics        2 table  4 columns  6 kind*

// each calls f with each field of a body; f tells whether it knows the field.
func each(r *field.Reader, f func(field.Number) bool) {
	for r.Next() {
		if !f(r.Number()) {
			r.Unknown()
		}
	}
}

func writeColumns(w *field.Writer, n field.Number, columns []Column) {
	for i := range columns {
		columns[i].write(w, n)
	}
}

func writeStrings(w *field.Writer, n field.Number, list []string) {
	for _, s := range list {
		m := w.Begin(n) // also what is empty
		w.Keep([]byte(s))
		w.End(m)
	}
}

func (o *Schema) write(*field.Writer) {}

func (o *Schema) read(r *field.Reader) { each(r, func(field.Number) bool { return false }) }

func (o *View) write(w *field.Writer) {
	writeColumns(w, 2, o.Columns)
	w.String(4, o.Query)
}

func (o *View) read(r *field.Reader) {
	each(r, func(n field.Number) bool {
		switch n {
		case 2:
			o.Columns = append(o.Columns, readColumn(r.Record("column")))
		case 4:
			o.Query = r.String()
		default:
			return false
		}
		return true
	})
}

func (o *MaterializedView) write(w *field.Writer) {
	writeColumns(w, 2, o.Columns)
	w.String(4, o.Query)
	w.Bool(6, o.Populated)
}

func (o *MaterializedView) read(r *field.Reader) {
	each(r, func(n field.Number) bool {
		switch n {
		case 2:
			o.Columns = append(o.Columns, readColumn(r.Record("column")))
		case 4:
			o.Query = r.String()
		case 6:
			o.Populated = r.Bool()
		default:
			return false
		}
		return true
	})
}

func (o *Index) write(w *field.Writer) {
	w.Uint(2, uint64(o.Table))
	writeIDs(w, 4, o.Columns)
	writeStrings(w, 6, o.Exprs)
	w.String(8, o.Method)
	w.String(10, o.Where)
	w.Bool(12, o.Unique)
}

func (o *Index) read(r *field.Reader) {
	each(r, func(n field.Number) bool {
		switch n {
		case 2:
			o.Table = ID(r.Uint())
		case 4:
			o.Columns = readIDs[uint32](r)
		case 6:
			o.Exprs = append(o.Exprs, r.String())
		case 8:
			o.Method = r.String()
		case 10:
			o.Where = r.String()
		case 12:
			o.Unique = r.Bool()
		default:
			return false
		}
		return true
	})
}

func (o *Sequence) write(w *field.Writer) {
	writeType(w, 2, o.Type)
	w.Int(4, o.Start)
	w.Int(6, o.Increment)
	w.Int(8, o.Least)
	w.Int(10, o.Most)
	w.Int(12, o.Cache)
	w.Bool(14, o.Cycle)
	w.Uint(16, uint64(o.Owned))
	w.Uint(18, uint64(o.OwnedColumn))
}

func (o *Sequence) read(r *field.Reader) {
	each(r, func(n field.Number) bool {
		switch n {
		case 2:
			o.Type = readType(r.Record("type"))
		case 4:
			o.Start = r.Int()
		case 6:
			o.Increment = r.Int()
		case 8:
			o.Least = r.Int()
		case 10:
			o.Most = r.Int()
		case 12:
			o.Cache = r.Int()
		case 14:
			o.Cycle = r.Bool()
		case 16:
			o.Owned = ID(r.Uint())
		case 18:
			o.OwnedColumn = uint32(number(r, math.MaxUint32))
		default:
			return false
		}
		return true
	})
}

func (o *Type) write(w *field.Writer) {
	w.Uint(2, uint64(o.Form))
	writeStrings(w, 4, o.Labels)
	writeType(w, 6, o.Base)
	w.Bool(8, o.NotNull)
	w.String(10, o.Default)
	for i := range o.Checks {
		o.Checks[i].write(w, 12)
	}
	writeColumns(w, 14, o.Columns)
}

func (o *Type) read(r *field.Reader) {
	each(r, func(n field.Number) bool {
		switch n {
		case 2:
			o.Form = TypeForm(number(r, math.MaxUint8))
		case 4:
			o.Labels = append(o.Labels, r.String())
		case 6:
			o.Base = readType(r.Record("type"))
		case 8:
			o.NotNull = r.Bool()
		case 10:
			o.Default = r.String()
		case 12:
			o.Checks = append(o.Checks, readConstraint(r.Record("constraint")))
		case 14:
			o.Columns = append(o.Columns, readColumn(r.Record("column")))
		default:
			return false
		}
		return true
	})
}

func (o *Function) write(w *field.Writer) {
	for _, a := range o.Arguments {
		m := w.Begin(2)
		w.String(2, a.Name)
		writeType(w, 4, a.Type)
		w.String(6, a.Default)
		w.Keep([]byte(a.kept))
		w.End(m)
	}
	writeType(w, 4, o.Result)
	w.Bool(6, o.Set)
	w.String(8, o.Language)
	w.String(10, o.Source)
	w.Uint(12, uint64(o.Volatility))
	w.Bool(14, o.Strict)
}

func (o *Function) read(r *field.Reader) {
	each(r, func(n field.Number) bool {
		switch n {
		case 2:
			o.Arguments = append(o.Arguments, readArgument(r.Record("argument")))
		case 4:
			o.Result = readType(r.Record("type"))
		case 6:
			o.Set = r.Bool()
		case 8:
			o.Language = r.String()
		case 10:
			o.Source = r.String()
		case 12:
			o.Volatility = byte(number(r, math.MaxUint8))
		case 14:
			o.Strict = r.Bool()
		default:
			return false
		}
		return true
	})
}

func readArgument(r *field.Reader) (a Argument) {
	each(r, func(n field.Number) bool {
		switch n {
		case 2:
			a.Name = r.String()
		case 4:
			a.Type = readType(r.Record("type"))
		case 6:
			a.Default = r.String()
		default:
			return false
		}
		return true
	})
	a.kept = string(r.Kept())
	return a
}
