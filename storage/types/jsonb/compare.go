package jsonb

import (
	"bytes"
	"cmp"
	"encoding/binary"

	"github.com/siltstone-db/siltstone/storage/types/decimal"
)

// Compare orders values as PostgreSQL's btree does: objects above arrays, booleans, numbers, strings and null; arrays and
// objects by their length first. An empty array that is no part of another value is below everything.
func Compare(a, b Value) int {
	if a.Kind() != b.Kind() {
		switch {
		case a.Kind() == Array && a.Len() == 0:
			return -1
		case b.Kind() == Array && b.Len() == 0:
			return 1
		}
	}
	return compare(a, b, 0)
}

func compare(a, b Value, depth int) int {
	k := a.Kind()
	if c := cmp.Compare(k, b.Kind()); c != 0 || depth > depthMax {
		return c
	}
	switch k {
	case String:
		return bytes.Compare(a.String(), b.String())
	case Number:
		return CompareNumbers(a, b)
	case Bool:
		return cmp.Compare(a.head(), b.head())
	case Array, Object:
		return compareContainers(a, b, depth)
	}
	return 0
}

func compareContainers(a, b Value, depth int) int {
	s, t := a.shape(), b.shape()
	if c := cmp.Compare(s.n, t.n); c != 0 {
		return c
	}
	object := a.Kind() == Object
	for i := range s.n {
		if object {
			if c := bytes.Compare(a.key(&s, i), b.key(&t, i)); c != 0 {
				return c
			}
		}
		if c := compare(a.value(&s, i), b.value(&t, i), depth+1); c != 0 {
			return c
		}
	}
	return 0
}

// CompareNumbers orders two numbers.
func CompareNumbers(a, b Value) int {
	x, ok := a.integer()
	y, both := b.integer()
	if ok && both {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a.bare().Cmp(b.bare()), 0)
}

// The first bytes of sort keys, in the order of Compare.
const (
	sortEmpty = iota
	sortNull
	sortString
	sortNumber
	sortFalse
	sortTrue
	sortArray
	sortObject
)

// AppendSortKey appends bytes which compare as the values do. No key is the start of another.
func AppendSortKey(dst, enc []byte) []byte {
	v := Open(enc)
	if v.Kind() == Array && v.Len() == 0 {
		return append(dst, sortEmpty)
	}
	return v.appendSortKey(dst, 0)
}

func (v Value) appendSortKey(dst []byte, depth int) []byte {
	switch v.Kind() {
	case String: // has no zero bytes, so that one ends it
		return append(append(append(dst, sortString), v.String()...), 0)
	case Number:
		return append(append(dst, sortNumber), decimal.Key(decimal.AppendEncoded(nil, v.bare()))...)
	case Bool:
		if v.Bool() {
			return append(dst, sortTrue)
		}
		return append(dst, sortFalse)
	case Array, Object:
		s := v.shape()
		object := v.Kind() == Object
		kind := byte(sortArray)
		if object {
			kind = sortObject
		}
		dst = binary.BigEndian.AppendUint32(append(dst, kind), uint32(s.n))
		if depth > depthMax {
			return dst
		}
		for i := range s.n {
			if object {
				dst = append(append(dst, v.key(&s, i)...), 0)
			}
			dst = v.value(&s, i).appendSortKey(dst, depth+1)
		}
		return dst
	}
	return append(dst, sortNull)
}
