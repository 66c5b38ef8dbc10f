package pgcatalog

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// relationsText has one relation per line: schema.name, OID, kind, then name:type of each column with "!" where it is
// never NULL. The facts are those of PostgreSQL 15's own pg_class, pg_attribute and pg_type.
//
//go:embed data/relations.txt
var relationsText string

type set struct {
	all    []*Table
	byName map[string]*Table
	byOID  map[uint32]*Table
}

// registry parses the relations when the first catalog query comes: about 1 ms, which a server without catalog
// queries never pays.
var registry = sync.OnceValue(func() *set {
	s := &set{byName: map[string]*Table{}, byOID: map[uint32]*Table{}}
	for line := range strings.Lines(relationsText + siltstoneText) {
		f := strings.Fields(line)
		schema, name, _ := strings.Cut(f[0], ".")
		oid, _ := strconv.ParseUint(f[1], 10, 32)
		t := &Table{Schema: schema, Relname: name, OID: uint32(oid), Kind: f[2][0], ordinals: map[string]int{}}
		for i, c := range f[3:] {
			t.addColumn(i, c)
		}
		t.rows = fillers[f[0]]
		s.all = append(s.all, t)
		s.byName[f[0]] = t
		s.byOID[t.OID] = t
	}
	return s
})

func (t *Table) addColumn(i int, text string) {
	name, typ, _ := strings.Cut(text, ":")
	typ, notNull := strings.CutSuffix(typ, "!")
	c := catalog.Column{ID: uint32(i + 1), Name: name, Type: columnType(typ), NotNull: notNull}
	t.Columns = append(t.Columns, c)
	t.typeNames = append(t.typeNames, typ)
	t.ordinals[name] = i
	d := types.NullOf(c.Type)
	if notNull {
		d.Null = false
	}
	t.defaults = append(t.defaults, d)
}

// columnType maps the type of a catalog column to ours. Types of which we have no values (the column is always NULL)
// become text.
func columnType(name string) types.Type {
	if elem, ok := strings.CutPrefix(name, "_"); ok {
		return types.ArrayOf(columnType(elem).Kind)
	}
	switch name {
	case "name":
		return types.T(types.Name)
	case "oid", "xid":
		return types.T(types.Oid)
	case "int8":
		return types.T(types.Int8)
	case "int4":
		return types.T(types.Int4)
	case "int2":
		return types.T(types.Int2)
	case "varchar":
		return types.T(types.Varchar)
	case "bool":
		return types.T(types.Bool)
	case "timestamptz":
		return types.T(types.Timestamptz)
	case "char":
		return types.T(types.InternalChar)
	case "regproc":
		return types.T(types.Regproc)
	case "regtype":
		return types.T(types.Regtype)
	case "float8":
		return types.T(types.Float8)
	case "float4":
		return types.T(types.Float4)
	case "interval":
		return types.T(types.Interval)
	case "numeric":
		return types.T(types.Numeric)
	case "bytea":
		return types.T(types.Bytea)
	case "int2vector":
		return types.ArrayOf(types.Int2)
	case "oidvector":
		return types.ArrayOf(types.Oid)
	}
	return types.T(types.Text)
}
