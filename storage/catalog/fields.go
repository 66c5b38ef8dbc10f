package catalog

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/field"
	"github.com/siltstone-db/siltstone/storage/types"
)

// fields goes through the fields of a record to write or to read them: each record has one method or function that names
// its fields once, for both ways, so that what is written and what is read cannot differ. To read, the record is gone
// through once for each field that is there, and once more, with at 0, for what is known at its end only.
type fields struct {
	w     *field.Writer // nil: the fields are read
	r     *field.Reader
	at    field.Number // the field that is read
	known bool         // the record has named it
	keeps bool         // the record has room for fields that it does not know
}

// write goes through a record to write it, and changes nothing of it: objects of a catalog are shared.
func write[T any](w *field.Writer, v T, record func(T, *fields)) { record(v, &fields{w: w}) }

// read goes through a record to read it.
func read[T any](r *field.Reader, v T, record func(T, *fields)) { readInside(&fields{}, r, v, record) }

// readInside reads a record inside the one of f.
func readInside[T any](f *fields, r *field.Reader, v T, record func(T, *fields)) {
	around := *f
	*f = fields{r: r}
	for r.Next() {
		f.at, f.known = r.Number(), false
		record(v, f)
		switch {
		case f.known:
		case f.keeps:
			r.Unknown()
		default:
			r.Refuse(errs.Unsupported("field %d of an edit, a type or a value of the catalog, written by a newer version,", f.at))
		}
	}
	f.at = 0
	record(v, f)
	*f = around
}

// is tells whether field n is to be read now.
func (f *fields) is(n field.Number) bool {
	if f.at != n || f.known {
		return false
	}
	f.known = true
	return true
}

// ended tells that all fields have been read, and none was damaged.
func (f *fields) ended() bool { return f.w == nil && f.at == 0 && f.r.Err() == nil }

// rest is where a record has fields of newer versions. A record without it refuses them, even or odd.
func (f *fields) rest(kept *string) {
	f.keeps = true
	if f.w != nil {
		f.w.Keep([]byte(*kept))
	} else if f.at == 0 {
		*kept = string(f.r.Kept())
	}
}

func (f *fields) text(n field.Number, v *string) {
	if f.w != nil {
		f.w.String(n, *v)
	} else if f.is(n) {
		*v = f.r.String()
	}
}

func (f *fields) flag(n field.Number, v *bool) {
	if f.w != nil {
		f.w.Bool(n, *v)
	} else if f.is(n) {
		*v = f.r.Bool()
	}
}

func (f *fields) signed(n field.Number, v *int64) {
	if f.w != nil {
		f.w.Int(n, *v)
	} else if f.is(n) {
		*v = f.r.Int()
	}
}

func (f *fields) float(n field.Number, v *float64) {
	if f.w != nil {
		f.w.Fixed(n, math.Float64bits(*v))
	} else if f.is(n) {
		*v = math.Float64frombits(f.r.Fixed())
	}
}

// number is a field that is at least 0 and at most so large.
func number[T ~uint8 | ~uint32 | ~uint64 | ~int | ~int64](f *fields, n field.Number, v *T, most uint64) {
	if f.w != nil {
		f.w.Uint(n, uint64(*v))
		return
	}
	if !f.is(n) {
		return
	}
	u := f.r.Uint()
	if u > most {
		f.r.Fail("field %d is %d", n, u)
		return
	}
	*v = T(u)
}

func numbers[T ID | uint32](f *fields, n field.Number, v *[]T) {
	if f.w != nil {
		list := make([]uint64, len(*v))
		for i, id := range *v {
			list[i] = uint64(id)
		}
		f.w.Uints(n, list)
		return
	}
	if !f.is(n) {
		return
	}
	*v = nil
	for _, u := range f.r.Uints(nil) {
		if uint64(T(u)) != u {
			f.r.Fail("field %d has the number %d", n, u)
		}
		*v = append(*v, T(u))
	}
}

// texts is a field that is there once for each text, also for an empty one.
func (f *fields) texts(n field.Number, v *[]string) {
	if f.w == nil {
		if f.is(n) {
			*v = append(*v, f.r.String())
		}
		return
	}
	for _, s := range *v {
		m := f.w.Begin(n)
		f.w.Keep([]byte(s))
		f.w.End(m)
	}
}

// record is a field that is a record.
func record[T any](f *fields, n field.Number, what string, v *T, each func(*T, *fields)) {
	if f.w != nil {
		m := f.w.Begin(n)
		each(v, f)
		f.w.End(m)
	} else if f.is(n) {
		var zero T // of a field that is there twice the last counts
		*v = zero
		readInside(f, f.r.Record(what), v, each)
	}
}

// records is a field that is there once for each record.
func records[T any](f *fields, n field.Number, what string, v *[]T, each func(*T, *fields)) {
	if f.w != nil {
		for i := range *v {
			record(f, n, what, &(*v)[i], each)
		}
	} else if f.at == n {
		var one T
		*v = append(*v, one)
		record(f, n, what, &(*v)[len(*v)-1], each)
	}
}

func (f *fields) typ(n field.Number, t *types.Type) { record(f, n, "type", t, typeFields) }

func typeFields(t *types.Type, f *fields) {
	number(f, 2, &t.Kind, math.MaxUint8)
	number(f, 4, &t.Elem, math.MaxUint8)
	modifier(f, 6, &t.Width)
	modifier(f, 8, &t.Precision)
	modifier(f, 10, &t.Scale)
}

// modifier is a field of a type that may be below 0.
func modifier[T int16 | int32](f *fields, n field.Number, v *T) {
	if f.w != nil {
		f.w.Int(n, int64(*v))
		return
	}
	if !f.is(n) {
		return
	}
	i := f.r.Int()
	if int64(T(i)) != i {
		f.r.Fail("field %d of a type is %d", n, i)
		return
	}
	*v = T(i)
}
