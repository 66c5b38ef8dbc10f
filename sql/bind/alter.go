package bind

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// alterTable binds ALTER TABLE.
func (b *Binder) alterTable(n *pg.AlterTableStmt) (Statement, error) {
	kind := ddl.Altered(n.Objtype)
	if kind == 0 {
		return &Utility{Node: &pg.Node{Node: &pg.Node_AlterTableStmt{AlterTableStmt: n}}, Tag: "ALTER"}, nil
	}
	rel, err := b.resolver.Relation(n.Relation.Schemaname, n.Relation.Relname)
	if err != nil && !(n.MissingOk && errs.Is(err, errs.InvalidSchemaName)) {
		return nil, err
	}
	if rel == nil {
		if n.MissingOk {
			return &ddl.AlterTable{Table: ddl.QualifiedName{Schema: n.Relation.Schemaname, Name: n.Relation.Relname},
				Kind: kind, IfExists: true}, nil
		}
		name := ddl.QualifiedName{Schema: n.Relation.Schemaname, Name: n.Relation.Relname}
		return nil, Suggest(errs.New(errs.UndefinedTable, "relation %q does not exist", name.String()), b.resolver, name.Schema, name.Name)
	}
	var columns []catalog.Column
	if rel.Table != nil {
		columns = rel.Columns
	}
	return ddl.Alter(definitions{b}, &b.stmt, n, columns)
}
