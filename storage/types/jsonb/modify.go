package jsonb

import (
	"math"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/ascii"
)

// Edit is what Modify does at the end of a path.
type Edit uint8

// The edits: PostgreSQL's jsonb_set with and without create_if_missing, jsonb_insert, the operator #-, and the assignment
// to a subscript, which makes what is missing on the way.
const (
	Set Edit = iota
	Replace
	InsertBefore
	InsertAfter
	Delete
	Assign
)

func (e Edit) creates() bool { return e != Replace && e != Delete }
func (e Edit) inserts() bool { return e == InsertBefore || e == InsertAfter }

// Path is a list of keys and indexes as text; nil elements are NULL.
type Path [][]byte

// index reads an element as an index.
func (p Path) index(level int) (int, bool) {
	return Index(p[level])
}

// Index reads the text of an index as C's strtol does: blanks, a sign and digits, of 32 bits.
func Index(s []byte) (int, bool) {
	for len(s) > 0 && ascii.IsSpace(s[0]) {
		s = s[1:]
	}
	neg := len(s) > 0 && s[0] == '-'
	if neg || len(s) > 0 && s[0] == '+' {
		s = s[1:]
	}
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' || n > math.MaxInt32 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	if neg {
		n = -n
	}
	return n, len(s) > 0 && n == int(int32(n))
}

// modifier writes a changed value.
type modifier struct {
	b    *Builder
	path Path
	with Value
	edit Edit
}

// Modify adds v to b, changed at a path: with is the new value.
func (b *Builder) Modify(v Value, path Path, with Value, edit Edit) error {
	m := modifier{b: b, path: path, with: with, edit: edit}
	if err := m.value(v, 0); err != nil {
		return err
	}
	return b.err
}

func (m *modifier) value(v Value, level int) error {
	if m.path[level] == nil {
		return errs.New(errs.NullValueNotAllowed, "path element at position %d is null", level+1)
	}
	switch v.Kind() {
	case Array:
		return m.array(v, level)
	case Object:
		return m.object(v, level)
	}
	if m.edit == Assign {
		return errs.New(errs.InvalidParameterValue, "cannot replace existing key").
			WithDetail("The path assumes key is a composite object, but it is a scalar value.")
	}
	m.b.Raw(v)
	return nil
}

func (m *modifier) object(v Value, level int) error {
	key, last := m.path[level], level == len(m.path)-1
	m.b.BeginObject()
	done := false
	s := v.shape()
	for i := range s.n {
		k := v.key(&s, i)
		if string(k) != string(key) {
			m.b.Key(k)
			m.b.Raw(v.value(&s, i))
			continue
		}
		done = true
		switch {
		case last && m.edit.inserts():
			return errs.New(errs.InvalidParameterValue, "cannot replace existing key").
				WithHint("Try using the function jsonb_set to replace key value.")
		case last && m.edit == Delete:
		case last:
			m.b.Key(k)
			m.b.Raw(m.with)
		default:
			m.b.Key(k)
			if err := m.value(v.value(&s, i), level+1); err != nil {
				return err
			}
		}
	}
	switch {
	case done:
	case last && m.edit.creates():
		m.b.Key(key)
		m.b.Raw(m.with)
	case m.edit == Assign:
		m.b.Key(key)
		m.missing(level + 1)
	}
	m.b.EndObject()
	return nil
}

// before is an index in front of every array.
const before = math.MinInt32

// position returns which element of an array of n the path means.
func (m *modifier) position(n, level int) (int, error) {
	i, ok := m.path.index(level)
	if !ok {
		return 0, errs.New(errs.InvalidTextRepresentation, "path element at position %d is not an integer: \"%s\"", level+1, m.path[level])
	}
	if i < 0 && -i > n {
		if m.edit == Assign {
			return 0, errs.New(errs.InvalidParameterValue, "path element at position %d is out of range: %d", level+1, i)
		}
		return before, nil
	}
	if i < 0 {
		i += n
	}
	if m.edit != Assign {
		i = min(i, n)
	}
	return i, nil
}

func (m *modifier) array(v Value, level int) error {
	s := v.shape()
	at, err := m.position(s.n, level)
	if err != nil {
		return err
	}
	last := level == len(m.path)-1
	m.b.BeginArray()
	done := false
	if at == before && last && m.edit.creates() {
		m.b.Raw(m.with)
		done = true
	}
	for i := range s.n {
		e := v.value(&s, i)
		if i != at {
			m.b.Raw(e)
			continue
		}
		done = true
		if last {
			m.element(e)
		} else if err := m.value(e, level+1); err != nil {
			return err
		}
	}
	switch {
	case done:
	case last && m.edit.creates():
		m.nulls(at - s.n)
		m.b.Raw(m.with)
	case m.edit == Assign:
		m.nulls(at - s.n)
		m.missing(level + 1)
	}
	m.b.EndArray()
	return m.b.err
}

// element writes what becomes of the element that the path ends at.
func (m *modifier) element(e Value) {
	if m.edit == InsertBefore || m.edit == Set || m.edit == Assign || m.edit == Replace {
		m.b.Raw(m.with)
	}
	if m.edit.inserts() {
		m.b.Raw(e)
	}
	if m.edit == InsertAfter {
		m.b.Raw(m.with)
	}
}

// nulls fills an array up.
func (m *modifier) nulls(n int) {
	for range n {
		if m.b.Null(); m.b.err != nil {
			return
		}
	}
}

// missing makes the rest of a path: objects for keys, arrays for indexes.
func (m *modifier) missing(level int) {
	if level == len(m.path) || m.path[level] == nil {
		m.b.Raw(m.with)
		return
	}
	if i, ok := m.path.index(level); ok {
		m.b.BeginArray()
		m.nulls(i)
		m.missing(level + 1)
		m.b.EndArray()
		return
	}
	m.b.BeginObject()
	m.b.Key(m.path[level])
	m.missing(level + 1)
	m.b.EndObject()
}

// Concat adds a || b to the builder: objects are merged, all else is put into one array.
func (b *Builder) Concat(x, y Value) {
	if x.Kind() == Object && y.Kind() == Object {
		b.BeginObject()
		b.fields(x)
		b.fields(y)
		b.EndObject()
		return
	}
	b.BeginArray()
	b.elements(x)
	b.elements(y)
	b.EndArray()
}

func (b *Builder) fields(v Value) {
	s := v.shape()
	for i := range s.n {
		b.Key(v.key(&s, i))
		b.Raw(v.value(&s, i))
	}
}

// elements adds the elements of an array, or all else as one.
func (b *Builder) elements(v Value) {
	if v.Kind() != Array {
		b.Raw(v)
		return
	}
	s := v.shape()
	for i := range s.n {
		b.Raw(v.value(&s, i))
	}
}

// Without adds v without the keys, or elements that are strings, for which drop says so.
func (b *Builder) Without(v Value, drop func(key []byte) bool) {
	s := v.shape()
	if v.Kind() == Object {
		b.BeginObject()
		for i := range s.n {
			if k := v.key(&s, i); !drop(k) {
				b.Key(k)
				b.Raw(v.value(&s, i))
			}
		}
		b.EndObject()
		return
	}
	b.BeginArray()
	for i := range s.n {
		if e := v.value(&s, i); e.Kind() != String || !drop(e.String()) {
			b.Raw(e)
		}
	}
	b.EndArray()
}

// WithoutElement adds an array without element at.
func (b *Builder) WithoutElement(v Value, at int) {
	s := v.shape()
	b.BeginArray()
	for i := range s.n {
		if i != at {
			b.Raw(v.value(&s, i))
		}
	}
	b.EndArray()
}

// StripNulls adds v without the keys whose values are null, in all its objects.
func (b *Builder) StripNulls(v Value) {
	s := v.shape()
	switch v.Kind() {
	case Object:
		b.BeginObject()
		for i := range s.n {
			if e := v.value(&s, i); e.Kind() != Null {
				b.Key(v.key(&s, i))
				b.StripNulls(e)
			}
		}
		b.EndObject()
	case Array:
		b.BeginArray()
		for i := range s.n {
			b.StripNulls(v.value(&s, i))
		}
		b.EndArray()
	default:
		b.Raw(v)
	}
}

// Size returns about how many bytes Append will append.
func (b *Builder) Size() int {
	if len(b.nodes) == 0 {
		return 0
	}
	return int(b.nodes[0].size) + tailBytes
}
