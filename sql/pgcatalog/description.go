package pgcatalog

import (
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// fillDescription lists the comments of tables, columns, constraints and schemas.
func fillDescription(e *Env, b *builder) {
	add := func(oid uint32, class, sub int, text string) {
		if text != "" {
			b.add("objoid", oid, "classoid", class, "objsubid", sub, "description", text)
		}
	}
	for s := range e.sequences() {
		add(s.OID, oidClassPgClass, 0, s.Comment)
	}
	for _, t := range e.tables() {
		add(t.OID, oidClassPgClass, 0, t.Comment)
		for i := range t.Columns {
			add(t.OID, oidClassPgClass, int(t.Columns[i].Attnum()), t.Columns[i].Comment)
		}
		for i := range t.Constraints {
			add(t.Constraints[i].OID, oidClassPgConstraint, 0, t.Constraints[i].Comment)
		}
	}
	for v := range e.views() {
		add(v.OID, oidClassPgClass, 0, v.Comment)
		for i := range v.Columns {
			add(v.OID, oidClassPgClass, int(v.Columns[i].ID), v.Columns[i].Comment)
		}
	}
	for _, s := range e.Catalog().Schemas() {
		add(s.OID, oidClassPgNamespace, 0, s.Comment)
	}
}

// objDescription is obj_description(oid [, catalog]).
func objDescription(e *Env, args []types.Datum) (types.Datum, bool, error) {
	oid, in := uint32(args[0].I), ""
	if len(args) > 1 {
		in = args[1].S
	}
	is := func(class string) bool { return in == "" || in == class }
	text := ""
	switch o := e.Catalog().ByOID(oid).(type) {
	case *catalog.Table:
		if is("pg_class") {
			text = o.Comment
		}
	case *catalog.View:
		if is("pg_class") {
			text = o.Comment
		}
	case *catalog.Schema:
		if is("pg_namespace") {
			text = o.Comment
		}
	default:
		if _, k := e.Catalog().Constraint(oid); k != nil && k.OID == oid && is("pg_constraint") {
			text = k.Comment
		}
	}
	return comment(text), true, nil
}

// comment is a comment as an answer; there is none that is empty.
func comment(text string) types.Datum {
	if text == "" {
		return nullText
	}
	return types.TextOf(text)
}

// colDescription is col_description(oid, number).
func colDescription(e *Env, args []types.Datum) (types.Datum, bool, error) {
	var columns []catalog.Column
	switch o := e.Catalog().ByOID(uint32(args[0].I)).(type) {
	case *catalog.Table:
		columns = o.Columns
	case *catalog.View:
		columns = o.Columns
	}
	for i := range columns {
		if int64(columns[i].Attnum()) == args[1].I {
			return comment(columns[i].Comment), true, nil
		}
	}
	return nullText, true, nil
}
