package pgcatalog

import (
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// fillDescription lists the comments of tables and columns.
func fillDescription(e *Env, b *builder) {
	for _, t := range e.tables() {
		if text, ok := t.Options[catalog.CommentOption(0)]; ok {
			b.add("objoid", t.OID, "classoid", oidClassPgClass, "objsubid", 0, "description", text)
		}
		for i, c := range t.Columns {
			if text, ok := t.Options[catalog.CommentOption(c.ID)]; ok {
				b.add("objoid", t.OID, "classoid", oidClassPgClass, "objsubid", i+1, "description", text)
			}
		}
	}
}

// objDescription is obj_description(oid [, catalog]).
func objDescription(e *Env, args []types.Datum) (types.Datum, bool, error) {
	if len(args) > 1 && args[1].S != "pg_class" {
		return nullText, true, nil
	}
	return e.commentOn(args[0].I, 0), true, nil
}

// colDescription is col_description(oid, number).
func colDescription(e *Env, args []types.Datum) (types.Datum, bool, error) {
	if args[1].I < 1 {
		return nullText, true, nil
	}
	return e.commentOn(args[0].I, args[1].I), true, nil
}

// commentOn returns the comment of a table, or of its column by number.
func (e *Env) commentOn(oid, column int64) types.Datum {
	for _, t := range e.tables() {
		if int64(t.OID) != oid || column > int64(len(t.Columns)) {
			continue
		}
		id := uint32(0)
		if column > 0 {
			id = t.Columns[column-1].ID
		}
		if text, ok := t.Options[catalog.CommentOption(id)]; ok {
			return types.TextOf(text)
		}
	}
	return nullText
}
