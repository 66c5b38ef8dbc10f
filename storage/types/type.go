// Package types owns the logical column types: their physical (Arrow) form, and how their values compare, hash, parse
// and print. Files keep types for years, so a Kind's number and a Physical's layout never change meaning.
//
// Type is a small comparable value; Datum is one value of a type, for constants, statistics, parameters and slow
// paths. Data paths work on whole vectors (package batch) and never on Datums. Everything here is immutable or a
// plain value, and safe for concurrent use.
//
// The arithmetic and the text forms of numeric stand below, in types/decimal, those of dates, times and intervals in
// types/datetime.
package types

import (
	"fmt"

	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// Kind is a logical type without its modifiers. The numbers are part of the file formats: append only.
type Kind uint8

// The kinds. Unknown is the type of an untyped literal or parameter before it is resolved; it is never stored.
const (
	Invalid     Kind = 0
	Unknown     Kind = 1
	Bool        Kind = 2
	Int2        Kind = 3
	Int4        Kind = 4
	Int8        Kind = 5
	Float4      Kind = 6
	Float8      Kind = 7
	Numeric     Kind = 8
	Text        Kind = 9
	Varchar     Kind = 10
	Char        Kind = 11 // character(n), blank padded; "bpchar" in PostgreSQL
	Bytea       Kind = 12
	Date        Kind = 13
	Time        Kind = 14
	Timestamp   Kind = 15
	Timestamptz Kind = 16
	Interval    Kind = 17
	UUID        Kind = 18
	JSON        Kind = 19 // the text as it was written
	JSONB       Kind = 20
	JSONPath    Kind = 21

	// Kinds of the system catalogs. Not storable in user tables.
	Oid          Kind = 32
	Name         Kind = 33
	InternalChar Kind = 34 // "char", one byte
	Regclass     Kind = 35
	Regtype      Kind = 36
	Regproc      Kind = 37
	Regnamespace Kind = 38
	Array        Kind = 39 // one-dimensional; Elem tells of what
	Void         Kind = 40
)

// Type is a logical type with its modifiers. It is comparable; two columns have the same type when their Types are ==.
type Type struct {
	Kind Kind
	Elem Kind // of Array
	// Width is n of varchar(n) and char(n), in characters; 0 means no limit.
	Width int32
	// Precision and Scale are those of numeric(p,s). Precision 0 is unconstrained numeric. Expressions get the
	// tightest known precision and scale (numeric(15,2) * numeric(3,2) is numeric(18,4)), as long as it stays
	// within 38 digits.
	Precision, Scale int16
}

// Physical is the form of a type's values in memory and in files: Arrow's layout for it, little-endian.
type Physical uint8

// The physical forms.
const (
	PhysNone     Physical = 0
	PhysBool     Physical = 1 // bit-packed, LSB first
	PhysInt16    Physical = 2
	PhysInt32    Physical = 3
	PhysInt64    Physical = 4
	PhysFloat32  Physical = 5
	PhysFloat64  Physical = 6
	PhysInt128   Physical = 7  // 16 bytes: low uint64, high int64 (Arrow decimal128)
	PhysInterval Physical = 8  // 16 bytes: months int32, days int32, microseconds int64
	PhysUUID     Physical = 9  // 16 bytes, big-endian as written
	PhysBytes    Physical = 10 // uint32 offsets and a byte heap
)

// Width returns the bytes of one fixed-width value, 0 for PhysBool (one bit) and PhysBytes.
func (p Physical) Width() int {
	switch p {
	case PhysInt16:
		return 2
	case PhysInt32, PhysFloat32:
		return 4
	case PhysInt64, PhysFloat64:
		return 8
	case PhysInt128, PhysInterval, PhysUUID:
		return 16
	}
	return 0
}

// Physical returns the form that values of t have in vectors and files.
//
//   - date: int32 days since 1970-01-01; timestamp, timestamptz: int64 microseconds since 1970-01-01 00:00 (UTC);
//     math.MinInt and MaxInt of the width are -infinity and infinity.
//   - time: int64 microseconds since midnight.
//   - numeric(p<=18): int64; numeric(p<=38): int128; others: bytes in the form of decimal.AppendEncoded.
//   - oid and reg*: int64 holding the unsigned 32-bit number.
//   - json: its text; jsonb: the form of package jsonb; jsonpath: its canonical text.
//   - arrays: bytes holding PostgreSQL's text form, {a,b}.
func (t Type) Physical() Physical {
	switch t.Kind {
	case Bool:
		return PhysBool
	case Int2:
		return PhysInt16
	case Int4, Date:
		return PhysInt32
	case Int8, Time, Timestamp, Timestamptz, Oid, Regclass, Regtype, Regproc, Regnamespace:
		return PhysInt64
	case Float4:
		return PhysFloat32
	case Float8:
		return PhysFloat64
	case Numeric:
		switch {
		case t.Precision <= 0 || t.Precision > decimal.Precision128:
			return PhysBytes
		case t.Precision <= decimal.Precision64:
			return PhysInt64
		}
		return PhysInt128
	case Interval:
		return PhysInterval
	case UUID:
		return PhysUUID
	case Text, Varchar, Char, Bytea, JSON, JSONB, JSONPath, Name, InternalChar, Array, Unknown, Void:
		return PhysBytes
	}
	return PhysNone
}

// T returns the type of a kind without modifiers.
func T(k Kind) Type { return Type{Kind: k} }

// NumericOf returns numeric(precision, scale).
func NumericOf(precision, scale int) Type {
	return Type{Kind: Numeric, Precision: int16(precision), Scale: int16(scale)}
}

// ArrayOf returns the array type of an element kind.
func ArrayOf(elem Kind) Type { return Type{Kind: Array, Elem: elem} }

var kindNames = [...]string{
	Invalid: "invalid", Unknown: "unknown", Bool: "boolean", Int2: "smallint", Int4: "integer", Int8: "bigint",
	Float4: "real", Float8: "double precision", Numeric: "numeric", Text: "text", Varchar: "character varying",
	Char: "character", Bytea: "bytea", Date: "date", Time: "time without time zone",
	Timestamp: "timestamp without time zone", Timestamptz: "timestamp with time zone", Interval: "interval",
	UUID: "uuid", JSON: "json", JSONB: "jsonb", JSONPath: "jsonpath", Oid: "oid", Name: "name", InternalChar: `"char"`, Regclass: "regclass", Regtype: "regtype",
	Regproc: "regproc", Regnamespace: "regnamespace", Array: "array", Void: "void",
}

// String returns the kind's name as PostgreSQL's format_type prints it.
func (k Kind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// String returns the type as PostgreSQL's format_type prints it, e.g. numeric(15,2) or text[].
func (t Type) String() string {
	switch {
	case t.Kind == Array:
		return t.Elem.String() + "[]"
	case t.Kind == Numeric && t.Precision > 0:
		return fmt.Sprintf("numeric(%d,%d)", t.Precision, t.Scale)
	case (t.Kind == Varchar || t.Kind == Char) && t.Width > 0:
		return fmt.Sprintf("%s(%d)", t.Kind, t.Width)
	}
	return t.Kind.String()
}

// IsInteger tells int2, int4 and int8.
func (t Type) IsInteger() bool { return t.Kind == Int2 || t.Kind == Int4 || t.Kind == Int8 }

// IsNumber tells the integers, floats and numeric.
func (t Type) IsNumber() bool { return t.Kind >= Int2 && t.Kind <= Numeric }

// IsString tells the types whose values are characters.
func (t Type) IsString() bool {
	switch t.Kind {
	case Text, Varchar, Char, Name, InternalChar, Unknown:
		return true
	}
	return false
}

// Ordered tells whether values of t compare. Those of json and jsonpath do not: many texts say the same.
func (t Type) Ordered() bool {
	if t.Kind == Array {
		return T(t.Elem).Ordered()
	}
	return t.Kind != JSON && t.Kind != JSONPath
}
