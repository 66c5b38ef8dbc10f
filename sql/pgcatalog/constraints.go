package pgcatalog

import (
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/types"
)

// constraintTypes are the letters of pg_constraint.contype, and the words of information_schema.
var constraintTypes = map[catalog.ConstraintKind]struct{ letter, word string }{
	catalog.PrimaryKey: {"p", "PRIMARY KEY"}, catalog.Unique: {"u", "UNIQUE"}, catalog.Check: {"c", "CHECK"}, catalog.ForeignKey: {"f", "FOREIGN KEY"},
}

// constraints calls f with each constraint of each table.
func (e *Env) constraints(f func(*catalog.Table, *catalog.Constraint)) {
	for _, t := range e.tables() {
		for i := range t.Constraints {
			f(t, &t.Constraints[i])
		}
	}
}

func fillIndex(e *Env, b *builder) {
	e.constraints(func(t *catalog.Table, k *catalog.Constraint) {
		if !k.Indexed() {
			return
		}
		n := len(k.Columns)
		zeros := strings.Split(strings.Repeat("0 ", n)[:2*n-1], " ")
		b.add("indexrelid", k.Index, "indrelid", t.OID, "indnatts", n, "indnkeyatts", n, "indisunique", true,
			"indnullsnotdistinct", k.NullsNotDistinct, "indisprimary", k.Kind == catalog.PrimaryKey, "indimmediate", !k.Deferrable,
			"indisvalid", true, "indisready", true, "indislive", true, "indkey", attnums(t, k.Columns), "indcollation", zeros,
			"indclass", zeros, "indoption", zeros)
	})
}

// attnums returns the numbers of columns of a table.
func attnums(t *catalog.Table, ids []uint32) []string { return numbers(t.Attnums(ids)) }

func numbers(ids []uint32) []string {
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = strconv.FormatUint(uint64(id), 10)
	}
	return list
}

func fillConstraint(e *Env, b *builder) {
	e.constraints(func(t *catalog.Table, k *catalog.Constraint) {
		row := []any{"oid", k.OID, "conname", k.Name, "connamespace", e.schemaOID(t.Schema), "contype", constraintTypes[k.Kind].letter,
			"condeferrable", k.Deferrable, "condeferred", k.Deferred, "convalidated", !k.NotValid, "conrelid", t.OID,
			"confupdtype", " ", "confdeltype", " ", "confmatchtype", " ", "conislocal", true, "connoinherit", k.Kind != catalog.Check || k.NoInherit}
		if len(k.Columns) > 0 {
			row = append(row, "conkey", attnums(t, k.Columns))
		}
		switch k.Kind {
		case catalog.PrimaryKey, catalog.Unique:
			row = append(row, "conindid", k.Index)
		case catalog.Check:
			row = append(row, "conbin", k.Expr)
		case catalog.ForeignKey:
			row = append(row, "confupdtype", string(rune(k.OnUpdate)),
				"confdeltype", string(rune(k.OnDelete)), "confmatchtype", string(rune(k.Match)))
			if other, key := e.referenced(k); other != nil {
				row = append(row, "confrelid", other.OID, "confkey", attnums(other, k.ReferencedColumns))
				if key != nil {
					row = append(row, "conindid", key.Index)
				}
			}
		}
		b.add(row...)
	})
}

// referenced returns the table of a foreign key, and the key there that has its columns.
func (e *Env) referenced(k *catalog.Constraint) (*catalog.Table, *catalog.Constraint) {
	t := e.Catalog().TableByID(k.References)
	if t == nil {
		return nil, nil
	}
	return t, t.Key(k.ReferencedColumns)
}

func fillIndexes(e *Env, b *builder) {
	e.constraints(func(t *catalog.Table, k *catalog.Constraint) {
		if k.Indexed() {
			b.add("schemaname", t.Schema, "tablename", t.Name, "indexname", k.Name, "indexdef", indexDef(t, k))
		}
	})
}

func indexDef(t *catalog.Table, k *catalog.Constraint) string {
	def := "CREATE UNIQUE INDEX " + QuoteIdent(k.Name) + " ON " + QuoteIdent(t.Schema) + "." + QuoteIdent(t.Name) +
		" USING btree (" + columnList(t, k.Columns) + ")"
	if k.NullsNotDistinct {
		def += " NULLS NOT DISTINCT"
	}
	return def
}

func columnList(t *catalog.Table, ids []uint32) string {
	list := make([]string, len(ids))
	for i, at := range t.Ordinals(ids) {
		list[i] = QuoteIdent(t.Columns[at].Name)
	}
	return strings.Join(list, ", ")
}

// constraintDef prints a constraint as pg_get_constraintdef does.
func (e *Env) constraintDef(t *catalog.Table, k *catalog.Constraint) string {
	def := ""
	switch k.Kind {
	case catalog.PrimaryKey:
		def = "PRIMARY KEY (" + columnList(t, k.Columns) + ")"
	case catalog.Unique:
		def = "UNIQUE "
		if k.NullsNotDistinct {
			def += "NULLS NOT DISTINCT "
		}
		def += "(" + columnList(t, k.Columns) + ")"
	case catalog.Check:
		def = "CHECK ((" + k.Expr + "))"
		if k.NoInherit {
			def += " NO INHERIT"
		}
	case catalog.ForeignKey:
		def = e.foreignKeyDef(t, k)
	}
	if k.Deferrable {
		def += " DEFERRABLE"
	}
	if k.Deferred {
		def += " INITIALLY DEFERRED"
	}
	if k.NotValid {
		def += " NOT VALID"
	}
	return def
}

// actions are what a foreign key does, by pg_constraint's letters.
var actions = map[byte]string{'a': "NO ACTION", 'r': "RESTRICT", 'c': "CASCADE", 'n': "SET NULL", 'd': "SET DEFAULT"}

func (e *Env) foreignKeyDef(t *catalog.Table, k *catalog.Constraint) string {
	def := "FOREIGN KEY (" + columnList(t, k.Columns) + ") REFERENCES "
	other, _ := e.referenced(k)
	if other == nil {
		return def + "???"
	}
	name, _ := e.className(other.OID)
	def += name + "(" + columnList(other, k.ReferencedColumns) + ")"
	if k.Match == 'f' {
		def += " MATCH FULL"
	}
	if k.OnUpdate != 'a' {
		def += " ON UPDATE " + actions[k.OnUpdate]
	}
	if k.OnDelete != 'a' {
		def += " ON DELETE " + actions[k.OnDelete]
	}
	return def
}

func getIndexDef(e *Env, args []types.Datum) (types.Datum, bool, error) {
	t, k := e.findIndex(uint32(args[0].I))
	if k == nil {
		return nullText, true, nil
	}
	if len(args) > 1 && args[1].I > 0 {
		if i := int(args[1].I); i <= len(k.Columns) {
			return types.TextOf(columnList(t, k.Columns[i-1:i])), true, nil
		}
		return types.TextOf(""), true, nil
	}
	return types.TextOf(indexDef(t, k)), true, nil
}

// indexColumnProperty tells what can be done with a column of an index. All indexes are the trees of keys.
func indexColumnProperty(e *Env, args []types.Datum) (types.Datum, bool, error) {
	_, k := e.findIndex(uint32(args[0].I))
	if k != nil && args[1].I >= 1 && args[1].I <= int64(len(k.Columns)) {
		switch strings.ToLower(args[2].S) {
		case "asc", "nulls_last", "orderable", "returnable", "search_array", "search_nulls":
			return yes, true, nil
		case "desc", "nulls_first", "distance_orderable":
			return no, true, nil
		}
	}
	return types.NullOf(types.T(types.Bool)), true, nil
}

func getConstraintDef(e *Env, args []types.Datum) (types.Datum, bool, error) {
	t, k := e.Catalog().Constraint(uint32(args[0].I))
	if k == nil || k.OID != uint32(args[0].I) {
		return nullText, true, nil
	}
	return types.TextOf(e.constraintDef(t, k)), true, nil
}
