// Package jsonb owns the binary form of jsonb: Builder writes it, Value navigates it without decoding, and both compare,
// search and print it as PostgreSQL does. Values are read-only and safe for concurrent use; a Builder belongs to one
// goroutine. Damaged bytes never panic: what leads outside of a value reads as null.
//
// # The form
//
// It follows Parquet's Variant encoding (offsets before values, keys sorted), with two differences that PostgreSQL's
// values ask for: numbers have any number of digits, and the names of keys stand in the value itself, so that a value
// needs no metadata beside it and a part of a value is a slice of it.
//
//	+------+-------+
//	| body | tail  |
//	+------+-------+
//
// Equal values have equal bodies. The tail has the trailing zeros that numbers show (1.00 equals 1):
//
//	00                                    no number has any
//	(position u32, zeros u16)* n u32 01   n numbers, by the position of their head byte in the body
//
// A value of the body starts with its head byte; w is 1, 2, 4 or 8 bytes, all numbers are little-endian:
//
//	00  01  02    null, false, true
//	1w            string: length w, UTF-8
//	2w            integer: two's complement w
//	3w            decimal: scale u8 (1 to 255), coefficient w, no multiple of 10
//	4w            other numbers: length w, the bytes of decimal.AppendEncoded at the least scale
//	5w            array: count w, where each element ends w*count, elements
//	6w            object: count w, where each key ends w*count, where each value ends w*count, keys, values
//	80 to bf      the integers 0 to 63
//	c0 to ff      strings of 0 to 63 bytes
//
// Ends count from the first element, key or value. The shortest form of a value is the only one. Keys are unique and
// sorted by length, then by bytes, as PostgreSQL stores and prints them. For example {"a": [1, 2.50]} is
//
//	61 01 01 08 61   object of one key that ends at 1, whose value ends at 8: "a"
//	51 02 01 04      array of two, which end at 1 and at 4
//	81 31 01 19      1, and 25 with a scale of 1
//	0a000000 0100    the number at 10 shows one more zero
//	01000000 01      that was one number
package jsonb
