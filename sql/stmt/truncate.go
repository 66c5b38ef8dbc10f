package stmt

import (
	"context"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/ddl"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// truncate runs TRUNCATE, of one or more tables. RESTART IDENTITY starts the sequences anew that belong to
// their columns.
func truncate(ctx context.Context, env *Env, n *pg.TruncateStmt) (string, error) {
	var ids []catalog.TableID
	for _, node := range n.Relations {
		v := node.GetRangeVar()
		rel, err := env.Resolver.Relation(v.Schemaname, v.Relname)
		switch {
		case err != nil:
			return "", err
		case rel == nil:
			name := v.Relname
			if v.Schemaname != "" {
				name = v.Schemaname + "." + name
			}
			return "", bind.Suggest(errs.New(errs.UndefinedTable, "relation %q does not exist", name), env.Resolver, v.Schemaname, v.Relname)
		case rel.Virtual != nil && rel.Schema == "pg_catalog":
			return "", errs.New(errs.InsufficientPrivilege, "permission denied: %q is a system catalog", v.Relname)
		case rel.Table == nil:
			return "", errs.New(errs.WrongObjectType, "%q is not a table", v.Relname)
		}
		ids = append(ids, rel.Table.ID)
	}
	for _, id := range ids {
		if err := env.Tx.Truncate(ctx, id); err != nil {
			return "", err
		}
		if !n.RestartSeqs {
			continue
		}
		for _, s := range env.Tx.Catalog().Owned(id, 0) {
			if err := changeSequence(ctx, env, s, &ddl.SequenceOptions{Restart: true}); err != nil {
				return "", err
			}
		}
	}
	return "TRUNCATE TABLE", nil
}
