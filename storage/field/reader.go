package field

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Reader reads the fields of a record. Its user asks for each in turn:
//
//	for r.Next() {
//		switch r.Number() {
//		case 2:
//			t.Name = r.String()
//		default:
//			r.Unknown()
//		}
//	}
//	t.kept = r.Kept()
//	return r.Err()
//
// A field that is there twice counts as it is written last; one that is not there leaves what the user began with. Damage
// ends the reading with XX001, and nothing is allocated for what a damaged length claims.
type Reader struct {
	what  string
	b     []byte
	size  int // of the whole record
	num   Number
	form  protowire.Type
	value []byte // raw, from its first byte
	whole []byte // the field with its key
	kept  []byte
	up    *Reader // the record around this one, which holds the error
	err   error
}

// NewReader returns a reader of a whole record; what names it in errors, as in "catalog edit".
func NewReader(what string, b []byte) *Reader { return &Reader{what: what, b: b, size: len(b)} }

// Reset makes r a reader of another record, for those who read very many small ones.
func (r *Reader) Reset(what string, b []byte) { *r = Reader{what: what, b: b, size: len(b)} }

// Into is Record by a reader that the caller has.
func (r *Reader) Into(in *Reader, what string) *Reader {
	b := r.Bytes()
	*in = Reader{what: what, b: b, size: len(b), up: r}
	return in
}

// Next goes to the next field, and returns false at the end and after an error.
func (r *Reader) Next() bool {
	if len(r.b) == 0 || r.Err() != nil {
		return false
	}
	num, form, k := protowire.ConsumeTag(r.b)
	if k < 0 {
		r.Fail("a field's key")
		return false
	}
	n := -1
	if form == protowire.VarintType || form == protowire.Fixed64Type || form == protowire.BytesType {
		n = protowire.ConsumeFieldValue(num, form, r.b[k:])
	}
	if n < 0 {
		r.Fail("field %d", num)
		return false
	}
	r.num, r.form, r.whole, r.value = num, form, r.b[:k+n], r.b[k:k+n]
	r.b = r.b[k+n:]
	return true
}

// Number returns the number of the field.
func (r *Reader) Number() Number { return r.num }

func (r *Reader) is(form protowire.Type) bool {
	if r.form == form {
		return true
	}
	r.Fail("field %d has form %d, want %d", r.num, r.form, form)
	return false
}

// Uint returns the field as a number.
func (r *Reader) Uint() uint64 {
	if !r.is(protowire.VarintType) {
		return 0
	}
	v, _ := protowire.ConsumeVarint(r.value)
	return v
}

// Int returns the field as a signed number.
func (r *Reader) Int() int64 { return protowire.DecodeZigZag(r.Uint()) }

// Bool returns the field as a truth value.
func (r *Reader) Bool() bool { return r.Uint() != 0 }

// Fixed returns the field as 64 bits.
func (r *Reader) Fixed() uint64 {
	if !r.is(protowire.Fixed64Type) {
		return 0
	}
	v, _ := protowire.ConsumeFixed64(r.value)
	return v
}

// Bytes returns the field's bytes, a part of the record.
func (r *Reader) Bytes() []byte {
	if !r.is(protowire.BytesType) {
		return nil
	}
	v, _ := protowire.ConsumeBytes(r.value)
	return v
}

// String returns the field's bytes as text of its own.
func (r *Reader) String() string { return string(r.Bytes()) }

// Uints appends the field's numbers to dst.
func (r *Reader) Uints(dst []uint64) []uint64 {
	for b := r.Bytes(); len(b) > 0; {
		v, n := protowire.ConsumeVarint(b)
		if n < 0 {
			r.Fail("list of field %d", r.num)
			return dst
		}
		dst, b = append(dst, v), b[n:]
	}
	return dst
}

// Record returns a reader of the field as a record; its errors are those of r, too, and of what is around r.
func (r *Reader) Record(what string) *Reader {
	b := r.Bytes()
	return &Reader{what: what, b: b, size: len(b), up: r}
}

// Whole returns the field with its key, for Writer.Keep: a part of the record.
func (r *Reader) Whole() []byte { return r.whole }

// Unknown deals with a field that the user does not know: a required one ends the reading with 0A000, any other is kept.
func (r *Reader) Unknown() {
	if r.num%2 == 0 {
		r.fail(errs.Unsupported("field %d of %s, written by a newer version,", r.num, r.what))
		return
	}
	r.kept = append(r.kept, r.whole...)
}

// Kept returns the fields that were not known, for Writer.Keep; nil when there are none. They are the caller's.
func (r *Reader) Kept() []byte { return r.kept }

// Fail ends the reading: the record is damaged in a way that only its user sees.
func (r *Reader) Fail(format string, args ...any) {
	err := errs.Corrupt(format, args...)
	r.fail(errs.Corrupt("%s: malformed before byte %d of %d: %s", r.what, r.size-len(r.b), r.size, err.Message))
}

// Refuse ends the reading with an error: the record says something that its user cannot do.
func (r *Reader) Refuse(err error) { r.fail(err) }

func (r *Reader) fail(err error) {
	for r.up != nil {
		r = r.up
	}
	if r.err == nil {
		r.err = err
	}
}

// Err returns what ended the reading before the end of the record; nil: nothing did.
func (r *Reader) Err() error {
	for r.up != nil {
		r = r.up
	}
	return r.err
}
