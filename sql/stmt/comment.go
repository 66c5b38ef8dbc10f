package stmt

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// comment runs COMMENT ON TABLE, VIEW, SEQUENCE and COLUMN. NULL and the empty string remove a comment.
func comment(env *Env, n *pg.CommentStmt) (string, error) {
	names := commentNames(n.Object)
	column := ""
	switch n.Objtype {
	case pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_SEQUENCE:
	case pg.ObjectType_OBJECT_COLUMN:
		if len(names) < 2 {
			return "", errs.New(errs.SyntaxError, "column name must be qualified")
		}
		names, column = names[:len(names)-1], names[len(names)-1]
	default:
		what := strings.ReplaceAll(strings.TrimPrefix(n.Objtype.String(), "OBJECT_"), "_", " ")
		return "", errs.Unsupported("COMMENT ON %s", what)
	}
	schema, name := "", names[len(names)-1]
	if len(names) > 1 {
		schema = names[len(names)-2]
	}
	rel, err := env.Resolver.Relation(schema, name)
	switch {
	case err != nil:
		return "", err
	case rel == nil:
		return "", bind.Suggest(errs.New(errs.UndefinedTable, "relation %q does not exist", strings.Join(names, ".")), env.Resolver, schema, name)
	case n.Objtype == pg.ObjectType_OBJECT_SEQUENCE && rel.Sequence == nil:
		return "", errs.New(errs.WrongObjectType, "%q is not a sequence", name)
	case n.Objtype == pg.ObjectType_OBJECT_SEQUENCE:
		return "COMMENT", env.Tx.Edit(catalog.Replace(rel.Sequence, func(s *catalog.Sequence) (*catalog.Sequence, error) {
			s.Comment = n.Comment
			return s, nil
		}))
	case rel.View != nil && n.Objtype != pg.ObjectType_OBJECT_TABLE:
		return "COMMENT", env.Tx.Edit(catalog.Replace(rel.View, func(v *catalog.View) (*catalog.View, error) {
			return commentView(v, column, n.Comment)
		}))
	case rel.Table != nil && n.Objtype == pg.ObjectType_OBJECT_VIEW:
		return "", errs.New(errs.WrongObjectType, "%q is not a view", name)
	case rel.Table == nil && rel.Kind == 'v':
		return "", errs.New(errs.WrongObjectType, "%q is not a table", name)
	case rel.Table == nil:
		return "", errs.New(errs.InsufficientPrivilege, "permission denied: %q is a system catalog", name)
	}
	return "COMMENT", env.Tx.Edit(catalog.Replace(rel.Table, func(t *catalog.Table) (*catalog.Table, error) {
		if column == "" {
			t.Comment = n.Comment
			return t, nil
		}
		at := t.Column(column)
		if at < 0 {
			return nil, errs.New(errs.UndefinedColumn, "column %q of relation %q does not exist", column, t.Name)
		}
		t.Columns[at].Comment = n.Comment
		return t, nil
	}))
}

// commentView sets the comment of a view or of one of its columns.
func commentView(v *catalog.View, column, text string) (*catalog.View, error) {
	if column == "" {
		v.Comment = text
		return v, nil
	}
	at := slices.IndexFunc(v.Columns, func(c catalog.Column) bool { return c.Name == column })
	if at < 0 {
		return nil, errs.New(errs.UndefinedColumn, "column %q of relation %q does not exist", column, v.Name)
	}
	v.Columns = slices.Clone(v.Columns)
	v.Columns[at].Comment = text
	return v, nil
}

func commentNames(n *pg.Node) []string {
	var names []string
	for _, item := range n.GetList().GetItems() {
		names = append(names, item.GetString_().GetSval())
	}
	return names
}
