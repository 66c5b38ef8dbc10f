package catalog

import (
	"encoding/binary"
	"slices"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// The binary form of a catalog and of its edits, used inside log records and the manifest (which bring length and
// checksum). Integers are unsigned LEB128 (binary.Uvarint); a string is its length and its bytes.
//
//	catalog  1 byte format (1), version, next table id, next OID, n schemas {oid, name}, n tables
//	table    id, oid, version, schema, name, n columns {id, name, type, 1 byte not-null, default},
//	         n options {key, value} by key, n primary key ordinals
//	type     kind, element kind, width, precision, scale
//	edits    1 byte format (1), n edits, each 1 byte kind and its fields:
//	         1 create table {table}   2 drop table {id}   3 set options {id, n {key, value}}
//	         4 rename table {id, name}   5 create schema {oid, name}   6 drop schema {name, 1 byte cascade}
const format = 1

const (
	kindCreateTable = iota + 1
	kindDropTable
	kindSetTableOptions
	kindRenameTable
	kindCreateSchema
	kindDropSchema
)

type encoder struct{ b []byte }

func (e *encoder) byte(v byte)   { e.b = append(e.b, v) }
func (e *encoder) uint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) string(s string) {
	e.uint(uint64(len(s)))
	e.b = append(e.b, s...)
}

func (e *encoder) bool(v bool) {
	if v {
		e.byte(1)
	} else {
		e.byte(0)
	}
}

func (e *encoder) options(m map[string]string) {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	e.uint(uint64(len(keys)))
	for _, k := range keys {
		e.string(k)
		e.string(m[k])
	}
}

func (e *encoder) table(t *Table) {
	e.uint(uint64(t.ID))
	e.uint(uint64(t.OID))
	e.uint(t.Version)
	e.string(t.Schema)
	e.string(t.Name)
	e.uint(uint64(len(t.Columns)))
	for _, c := range t.Columns {
		e.uint(uint64(c.ID))
		e.string(c.Name)
		e.byte(byte(c.Type.Kind))
		e.byte(byte(c.Type.Elem))
		e.uint(uint64(uint32(c.Type.Width)))
		e.uint(uint64(uint16(c.Type.Precision)))
		e.uint(uint64(uint16(c.Type.Scale)))
		e.bool(c.NotNull)
		e.string(c.Default)
	}
	e.options(t.Options)
	e.uint(uint64(len(t.PrimaryKey)))
	for _, k := range t.PrimaryKey {
		e.uint(uint64(k))
	}
}

func (c CreateTable) encode(e *encoder) { e.byte(kindCreateTable); e.table(c.Table) }
func (d DropTable) encode(e *encoder)   { e.byte(kindDropTable); e.uint(uint64(d.ID)) }

func (o SetTableOptions) encode(e *encoder) {
	e.byte(kindSetTableOptions)
	e.uint(uint64(o.ID))
	e.options(o.Options)
}

func (r RenameTable) encode(e *encoder) {
	e.byte(kindRenameTable)
	e.uint(uint64(r.ID))
	e.string(r.Name)
}

func (c CreateSchema) encode(e *encoder) {
	e.byte(kindCreateSchema)
	e.uint(uint64(c.OID))
	e.string(c.Name)
}

func (d DropSchema) encode(e *encoder) {
	e.byte(kindDropSchema)
	e.string(d.Name)
	e.bool(d.Cascade)
}

// AppendEdits appends the binary form of edits that Apply returned.
func AppendEdits(dst []byte, edits []Edit) []byte {
	e := &encoder{append(dst, format)}
	e.uint(uint64(len(edits)))
	for _, x := range edits {
		x.encode(e)
	}
	return e.b
}

// Append appends the binary form of the catalog.
func (s *Snapshot) Append(dst []byte) []byte {
	e := &encoder{append(dst, format)}
	e.uint(s.version)
	e.uint(uint64(s.nextID))
	e.uint(uint64(s.nextOID))
	e.uint(uint64(len(s.schemas)))
	for _, c := range s.schemas {
		e.uint(uint64(c.OID))
		e.string(c.Name)
	}
	e.uint(uint64(len(s.tables)))
	for _, t := range s.tables {
		e.table(t)
	}
	return e.b
}

type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	v := d.b[0]
	d.b = d.b[1:]
	return v
}

func (d *decoder) string() string {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

// count reads the number of items that follow, each of at least min bytes: a damaged number allocates nothing.
func (d *decoder) count(min int) int {
	n := d.uint()
	if n > uint64(len(d.b)/min) {
		d.bad, d.b = true, nil
		return 0
	}
	return int(n)
}

func (d *decoder) options() map[string]string {
	n := d.count(2)
	m := make(map[string]string, n)
	for range n {
		k := d.string()
		m[k] = d.string()
	}
	return m
}

func (d *decoder) table() *Table {
	t := &Table{ID: TableID(d.uint()), OID: uint32(d.uint()), Version: d.uint(), Schema: d.string(), Name: d.string()}
	t.Columns = make([]Column, d.count(9))
	for i := range t.Columns {
		c := &t.Columns[i]
		c.ID, c.Name = uint32(d.uint()), d.string()
		c.Type = types.Type{Kind: types.Kind(d.byte()), Elem: types.Kind(d.byte())}
		c.Type.Width, c.Type.Precision, c.Type.Scale = int32(d.uint()), int16(d.uint()), int16(d.uint())
		c.NotNull, c.Default = d.byte() != 0, d.string()
	}
	t.Options = d.options()
	if n := d.count(1); n > 0 {
		t.PrimaryKey = make([]int, n)
		for i := range t.PrimaryKey {
			t.PrimaryKey[i] = int(d.uint())
		}
	}
	return t
}

func (d *decoder) edit() Edit {
	switch d.byte() {
	case kindCreateTable:
		return CreateTable{Table: d.table()}
	case kindDropTable:
		return DropTable{ID: TableID(d.uint())}
	case kindSetTableOptions:
		return SetTableOptions{ID: TableID(d.uint()), Options: d.options()}
	case kindRenameTable:
		return RenameTable{ID: TableID(d.uint()), Name: d.string()}
	case kindCreateSchema:
		return CreateSchema{OID: uint32(d.uint()), Name: d.string()}
	case kindDropSchema:
		return DropSchema{Name: d.string(), Cascade: d.byte() != 0}
	}
	d.bad = true
	return nil
}

func (d *decoder) format(what string) error {
	if f := d.byte(); f != format && !d.bad {
		return errs.Unsupported("format %d of %s (this server knows up to %d), written by a newer version,", f, what, format)
	}
	return nil
}

// DecodeEdits reads what AppendEdits wrote; all of b must be used up.
func DecodeEdits(b []byte) ([]Edit, error) {
	d := &decoder{b: b}
	if err := d.format("catalog edits"); err != nil {
		return nil, err
	}
	edits := make([]Edit, d.count(2))
	for i := range edits {
		edits[i] = d.edit()
	}
	if d.bad || len(d.b) != 0 {
		return nil, errs.Corrupt("catalog edits: malformed at byte %d of %d", len(b)-len(d.b), len(b))
	}
	return edits, nil
}

// Decode reads what Append wrote; all of b must be used up.
func Decode(b []byte) (*Snapshot, error) {
	d := &decoder{b: b}
	if err := d.format("the catalog"); err != nil {
		return nil, err
	}
	s := &Snapshot{version: d.uint(), nextID: TableID(d.uint()), nextOID: uint32(d.uint())}
	for range d.count(2) {
		s.schemas = append(s.schemas, &Schema{OID: uint32(d.uint()), Name: d.string()})
	}
	for range d.count(8) {
		s.tables = append(s.tables, d.table())
	}
	if d.bad || len(d.b) != 0 {
		return nil, errs.Corrupt("catalog: malformed at byte %d of %d", len(b)-len(d.b), len(b))
	}
	s.index()
	for _, t := range s.tables {
		if err := checkColumns(t); err != nil {
			return nil, errs.Corrupt("catalog: table %d: %w", t.ID, err)
		}
	}
	if len(s.tableByID) != len(s.tables) {
		return nil, errs.Corrupt("catalog: two tables have one id")
	}
	return s, nil
}
