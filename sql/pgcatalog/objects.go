package pgcatalog

import "github.com/siltstone-db/siltstone/storage/catalog"

// catalogs are the system catalogs in which objects are, by kind: pg_depend.classid.
var catalogs = map[catalog.Kind]int{catalog.KindSchema: oidClassPgNamespace, catalog.KindTable: oidClassPgClass, catalog.KindView: oidClassPgClass,
	catalog.KindMaterializedView: oidClassPgClass, catalog.KindIndex: oidClassPgClass, catalog.KindSequence: oidClassPgClass,
	catalog.KindType: 1247, catalog.KindFunction: 1255, catalog.KindRole: 1260, catalog.KindPublication: 6104,
	catalog.KindSubscription: 6100, catalog.KindPolicy: 3256, catalog.KindStatistics: 3381}

// fillObjects lists everything that has a name, of any kind.
func fillObjects(e *Env, b *builder) {
	for o := range e.Catalog().All() {
		h := o.Common()
		owner := h.Owner
		if owner == "" {
			owner = e.User
		}
		var on []string
		for _, d := range catalog.Needs(o) {
			on = append(on, numbers([]uint32{e.oidOf(d.On)})...)
		}
		b.add("id", int64(h.ID), "oid", h.OID, "kind", o.Kind().String(), "schema_name", nonEmpty(h.Schema), "name", h.Name,
			"owner", owner, "comment", nonEmpty(h.Comment), "depends", on)
	}
}

func (e *Env) oidOf(id catalog.ID) uint32 {
	if o := e.Catalog().Object(id); o != nil {
		return o.Common().OID
	}
	return 0
}

// fillDepend lists what needs what: objects by what they say, objects and their schemas, constraints and their columns.
func fillDepend(e *Env, b *builder) {
	add := func(class int, oid uint32, onClass int, on, sub uint32, letter string) {
		b.add("classid", class, "objid", oid, "objsubid", 0, "refclassid", onClass, "refobjid", on, "refobjsubid", sub, "deptype", letter)
	}
	for o := range e.Catalog().All() {
		h := o.Common()
		class := catalogs[o.Kind()]
		if h.Schema != "" {
			add(class, h.OID, oidClassPgNamespace, e.schemaOID(h.Schema), 0, "n")
		}
		oid := h.OID
		if o.Kind() == catalog.KindView { // by its rule, which goes with it
			class, oid = oidClassPgRewrite, ruleOIDs+h.OID
			add(class, oid, oidClassPgClass, h.OID, 0, "i")
		}
		for _, d := range h.Depends {
			letter := "n"
			if d.Auto {
				letter = "a"
			}
			if d.Constraint != 0 {
				add(class, oid, oidClassPgConstraint, d.Constraint, 0, letter)
				continue
			}
			if on := e.Catalog().Object(d.On); on != nil {
				add(class, oid, catalogs[on.Kind()], on.Common().OID, d.Column, letter)
			}
		}
	}
	for s := range e.sequences() {
		if s.Owned == 0 {
			continue
		}
		letter := "a"
		if s.Identity {
			letter = "i"
		}
		if t := e.Catalog().TableByID(s.Owned); t != nil {
			add(oidClassPgClass, s.OID, oidClassPgClass, t.OID, t.Attnums([]uint32{s.OwnedColumn})[0], letter)
		}
	}
	for _, t := range e.tables() {
		for i := range t.Columns {
			c := &t.Columns[i]
			if c.Default == "" || c.Identity != 0 {
				continue
			}
			add(oidClassPgAttrdef, attrdefOID(t, c), oidClassPgClass, t.OID, c.Attnum(), "a")
			for _, id := range c.Needs {
				add(oidClassPgAttrdef, attrdefOID(t, c), oidClassPgClass, e.oidOf(id), 0, "n")
			}
		}
	}
	e.constraints(func(t *catalog.Table, k *catalog.Constraint) {
		for _, c := range k.Columns {
			add(oidClassPgConstraint, k.OID, oidClassPgClass, t.OID, c, "a")
		}
		if k.Indexed() {
			add(oidClassPgClass, k.Index, oidClassPgConstraint, k.OID, 0, "i")
		}
		for _, c := range k.ReferencedColumns {
			add(oidClassPgConstraint, k.OID, oidClassPgClass, e.oidOf(k.References), c, "n")
		}
	})
}
