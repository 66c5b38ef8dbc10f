package pgcatalog

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"

	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/storage/types"
)

// typesText has one type per line; its first line names the fields. The facts are those of PostgreSQL 15's pg_type.
//
//go:embed data/types.txt
var typesText string

// typeRow is a row of pg_type.
type typeRow struct {
	oid, elem, array, collation uint32
	name                        string
	len                         int
	byval, preferred            bool
	typ, category, delim        string
	in, out, recv, send         string
	align, storage              string
}

type typeSet struct {
	all    []*typeRow
	byName map[string]*typeRow
	byOID  map[uint32]*typeRow
}

var typeRows = sync.OnceValue(func() *typeSet {
	s := &typeSet{byName: map[string]*typeRow{}, byOID: map[uint32]*typeRow{}}
	oid := func(t string) uint32 { n, _ := strconv.ParseUint(t, 10, 32); return uint32(n) }
	for line := range strings.Lines(typesText) {
		f := strings.Fields(line)
		if f[0] == "#" {
			continue
		}
		n, _ := strconv.Atoi(f[2])
		t := &typeRow{oid: oid(f[0]), name: f[1], len: n, byval: f[3] == "t", typ: f[4], category: f[5],
			preferred: f[6] == "t", delim: f[7], elem: oid(f[8]), array: oid(f[9]), in: f[10], out: f[11], recv: f[12],
			send: f[13], align: f[14], storage: f[15], collation: oid(f[16])}
		s.all = append(s.all, t)
		s.byName[t.name] = t
		s.byOID[t.oid] = t
	}
	return s
})

func typeByName(name string) *typeRow { return typeRows().byName[name] }

// typeOf returns the pg_type row of a type.
func typeOf(t types.Type) *typeRow {
	if r := typeRows().byOID[pgtype.OID(t)]; r != nil {
		return r
	}
	return typeByName("unknown")
}

// FormatType prints a type as format_type(oid, typmod) does; false when the OID is unknown.
func FormatType(oid uint32, typmod int32) (string, bool) {
	r := typeRows().byOID[oid]
	if r == nil {
		return "", false
	}
	if strings.HasPrefix(r.name, "_") {
		elem, ok := FormatType(r.elem, typmod)
		return elem + "[]", ok
	}
	t, ok := pgtype.TypeByOID(oid)
	switch {
	case !ok:
		return r.name, true
	case t.Kind == types.Char && typmod == -1:
		return "bpchar", true
	}
	return pgtype.WithModifier(t, typmod).String(), true
}

func fillType(e *Env, b *builder) {
	for _, t := range typeRows().all {
		sub := "-"
		if t.category == "A" && t.len == -1 && t.elem != 0 {
			sub = "array_subscript_handler"
		}
		b.add("oid", t.oid, "typname", t.name, "typnamespace", oidPgCatalog, "typowner", oidOwner, "typlen", t.len,
			"typbyval", t.byval, "typtype", t.typ, "typcategory", t.category, "typispreferred", t.preferred,
			"typisdefined", true, "typdelim", t.delim, "typelem", t.elem, "typarray", t.array,
			"typsubscript", procOID(sub), "typinput", procOID(t.in), "typoutput", procOID(t.out),
			"typreceive", procOID(t.recv), "typsend", procOID(t.send), "typmodin", 0, "typmodout", 0, "typanalyze", 0,
			"typalign", t.align, "typstorage", t.storage, "typtypmod", -1, "typcollation", t.collation)
	}
	fillRowTypes(e, b)
}

// Procedures that pg_type names get numbers below 10,000 by their place in the list, which is stable as long as
// data/types.txt is only appended to.
const procOIDs = 5000

type procSet struct {
	names []string
	oids  map[string]uint32
}

var procs = sync.OnceValue(func() *procSet {
	p := &procSet{oids: map[string]uint32{}}
	add := func(n string) {
		if _, ok := p.oids[n]; n != "-" && !ok {
			p.oids[n] = procOIDs + uint32(len(p.names))
			p.names = append(p.names, n)
		}
	}
	for _, t := range typeRows().all {
		add(t.in)
		add(t.out)
		add(t.recv)
		add(t.send)
	}
	add("array_subscript_handler")
	for _, n := range []string{"heap_tableam_handler", "bthandler", "hashhandler", "gisthandler", "ginhandler", "spghandler", "brinhandler"} {
		add(n)
	}
	return p
})

func procOID(name string) uint32 { return procs().oids[name] }

func fillProc(e *Env, b *builder) {
	for i, n := range procs().names {
		b.add("oid", procOIDs+i, "proname", n, "pronamespace", oidPgCatalog, "proowner", oidOwner, "prolang", 12,
			"procost", 1.0, "prokind", "f", "proisstrict", true, "provolatile", "i", "proparallel", "s",
			"pronargs", 1, "prorettype", 2281, "proargtypes", []string{"2281"}, "prosrc", n)
	}
	fillFunctions(b)
}
