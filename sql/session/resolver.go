package session

import (
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/sql/tablefunc"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// resolver finds names for the binder in the catalog that the transaction sees.
type resolver struct{ s *Session }

var (
	_ bind.Resolver  = (*resolver)(nil)
	_ bind.Suggester = (*resolver)(nil)
)

// Relation finds a table, stored or virtual, or a view. pg_catalog is searched before the path, as in PostgreSQL.
func (r *resolver) Relation(schema, name string) (*bind.Relation, error) {
	tables := r.s.tx.Catalog()
	if schema != "" {
		if pgcatalog.IsSchema(schema) {
			return virtualRelation(schema, name), nil
		}
		if tables.Schema(schema) == nil {
			return nil, errs.New(errs.InvalidSchemaName, "schema %q does not exist", schema)
		}
		return storedRelation(tables, schema, name), nil
	}
	for _, p := range r.s.searchPath() {
		if pgcatalog.IsSchema(p) {
			if rel := virtualRelation(p, name); rel != nil {
				return rel, nil
			}
		} else if rel := storedRelation(tables, p, name); rel != nil {
			return rel, nil
		}
	}
	return nil, nil
}

// Near finds the table that was probably meant. System catalogs are not suggested.
func (r *resolver) Near(schema, name string) string {
	schemas := r.s.searchPath()
	if schema != "" {
		schemas = []string{schema}
	}
	return r.s.tx.Catalog().Near(name, schemas...)
}

func virtualRelation(schema, name string) *bind.Relation {
	v := pgcatalog.Lookup(schema, name)
	if v == nil {
		return nil
	}
	return &bind.Relation{Virtual: v, OID: v.OID, Schema: v.Schema, Name: v.Relname, Columns: v.Columns, Kind: v.Kind}
}

// storedRelation returns the table or the view that has a name, nil when there is none.
func storedRelation(tables *catalog.Snapshot, schema, name string) *bind.Relation {
	o := tables.Relation(schema, name)
	if o == nil || o.Common().Name != name { // the index of a key has the name
		return nil
	}
	return bind.Stored(o)
}

// ByID finds a table or a view by its number.
func (r *resolver) ByID(id catalog.ID) *bind.Relation {
	return bind.Stored(r.s.tx.Catalog().Object(id))
}

// Function finds a set-returning function that the binder does not know itself.
func (r *resolver) Function(schema, name string, args []types.Type) (*bind.TableFunction, error) {
	return tablefunc.Lookup(schema, name, args), nil
}

// Type finds a type by a name that the grammar does not know.
func (r *resolver) Type(schema, name string) (types.Type, bool) {
	if schema != "" && schema != "pg_catalog" && schema != "information_schema" {
		return types.Type{}, false
	}
	if schema == "information_schema" {
		t, ok := map[string]types.Kind{"sql_identifier": types.Name, "character_data": types.Varchar,
			"cardinal_number": types.Int4, "yes_or_no": types.Varchar, "time_stamp": types.Timestamptz}[name]
		return types.T(t), ok
	}
	return pgtype.ByName(name)
}

// SearchPath returns the schemas that are searched for names without one.
func (r *resolver) SearchPath() []string { return r.s.searchPath() }

// CreationSchema returns the schema in which a table without one is made: the first of the path that exists.
func (r *resolver) CreationSchema() (string, error) {
	for _, p := range r.s.searchPath() {
		if !pgcatalog.IsSchema(p) && r.s.tx.Catalog().Schema(p) != nil {
			return p, nil
		}
	}
	return "", errs.New(errs.InvalidSchemaName, "no schema has been selected to create in")
}

// searchPath returns the schemas of the search_path, pg_catalog first where the user did not place it.
func (s *Session) searchPath() []string {
	text := s.settings.Raw("search_path")
	if s.path != nil && text == s.pathText {
		return s.path
	}
	user := s.user
	if pgcatalog.IsSchema(user) { // a schema of system views is nobody's own
		user = ""
	}
	path := slices.DeleteFunc(parsePath(text, user), func(p string) bool { return p == "" })
	implicit := true
	for _, p := range path {
		implicit = implicit && p != "pg_catalog"
	}
	if implicit {
		path = append([]string{"pg_catalog"}, path...)
	}
	s.path, s.pathText, s.pathImplicit = path, text, implicit
	return path
}

// parsePath splits a list of identifiers, folding the case of those that are not quoted.
func parsePath(text, user string) []string {
	var path []string
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ' || c == ',' || c == '\t' || c == '\n':
			i++
		case c == '"':
			var name strings.Builder
			for i++; i < len(text); i++ {
				if text[i] == '"' {
					if i+1 < len(text) && text[i+1] == '"' {
						i++
					} else {
						break
					}
				}
				name.WriteByte(text[i])
			}
			i++
			if n := name.String(); n == "$user" {
				path = append(path, user)
			} else if n != "" {
				path = append(path, n)
			}
		default:
			end := i
			for end < len(text) && text[end] != ',' {
				end++
			}
			if n := strings.ToLower(strings.TrimSpace(text[i:end])); n == "$user" {
				path = append(path, user)
			} else {
				path = append(path, n)
			}
			i = end
		}
	}
	return path
}
