package pgcatalog

import (
	"slices"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// privileges are the words that the has_*_privilege functions take, by function. The one user may do everything, but what
// does not exist is named, as in PostgreSQL.
var privileges = map[string][]string{
	"has_table_privilege":      {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "RULE"},
	"has_any_column_privilege": {"SELECT", "INSERT", "UPDATE", "REFERENCES"},
	"has_column_privilege":     {"SELECT", "INSERT", "UPDATE", "REFERENCES"},
	"has_sequence_privilege":   {"USAGE", "SELECT", "UPDATE"},
	"has_database_privilege":   {"CREATE", "TEMPORARY", "TEMP", "CONNECT"},
	"has_schema_privilege":     {"CREATE", "USAGE"},
	"has_function_privilege":   {"EXECUTE"},
	"has_type_privilege":       {"USAGE"},
	"has_tablespace_privilege": {"CREATE"},
	"pg_has_role":              {"USAGE", "MEMBER"},
}

// hasPrivilege answers one of these functions. The last argument lists privileges; before it stands the object, by name or
// number, and before that may stand a role.
func hasPrivilege(question string) answer {
	return func(e *Env, args []types.Datum) (types.Datum, bool, error) {
		object := args[:len(args)-1]
		if question == "pg_has_role" {
			for _, role := range object {
				if err := e.checkRole(role); err != nil {
					return no, true, err
				}
			}
		} else {
			if len(object) == 2 {
				if err := e.checkRole(object[0]); err != nil {
					return no, true, err
				}
				object = object[1:]
			}
			if found, err := e.checkObject(question, object[0]); err != nil || !found {
				return types.NullOf(types.T(types.Bool)), true, err
			}
		}
		return yes, true, checkPrivileges(privileges[question], args[len(args)-1].S)
	}
}

// checkRole refuses the name of a role that does not exist. public stands for everybody.
func (e *Env) checkRole(role types.Datum) error {
	if role.Type.Kind == types.Oid || role.S == e.User || role.S == "public" {
		return nil
	}
	return errs.New(errs.UndefinedObject, "role %q does not exist", role.S)
}

// checkObject refuses the name of an object that does not exist; of a number that nothing has, it returns false.
func (e *Env) checkObject(question string, object types.Datum) (bool, error) {
	switch question {
	case "has_table_privilege", "has_any_column_privilege", "has_column_privilege", "has_sequence_privilege":
		if object.Type.Kind == types.Oid || object.Type.Kind == types.Regclass {
			_, _, ok := e.relationName(uint32(object.I))
			return ok, nil
		}
		parts := SplitName(object.S)
		schema := ""
		if len(parts) > 1 {
			schema = parts[len(parts)-2]
		}
		if _, ok := e.resolve(schema, parts[len(parts)-1]); !ok {
			return false, errs.New(errs.UndefinedTable, "relation %q does not exist", object.S)
		}
	case "has_schema_privilege":
		if object.Type.Kind != types.Oid && !slices.Contains(e.schemas(), object.S) {
			return false, errs.New(errs.InvalidSchemaName, "schema %q does not exist", object.S)
		}
	case "has_database_privilege":
		if object.Type.Kind != types.Oid && object.S != e.Database {
			return false, errs.New(errs.InvalidCatalogName, "database %q does not exist", object.S)
		}
	}
	return true, nil
}

// checkPrivileges refuses words that name no privilege of the kind of object.
func checkPrivileges(known []string, list string) error {
	for _, word := range strings.Split(list, ",") {
		word = strings.TrimSpace(word)
		plain := strings.ToUpper(word)
		for _, option := range []string{" WITH GRANT OPTION", " WITH ADMIN OPTION"} {
			plain = strings.TrimSuffix(plain, option)
		}
		if !slices.Contains(known, plain) {
			return errs.New(errs.InvalidParameterValue, "unrecognized privilege type: %q", word)
		}
	}
	return nil
}
