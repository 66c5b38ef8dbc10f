package stmt

import (
	"context"
	"fmt"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// vacuum runs VACUUM and ANALYZE. VACUUM writes the segments anew that have deleted rows, without these; FULL also makes
// segments as large as they get. Segments carry their own statistics: ANALYZE has nothing to do but to check the names.
func vacuum(ctx context.Context, env *Env, n *pg.VacuumStmt) (string, error) {
	if n.IsVacuumcmd && env.Session.InTransaction() {
		return "", errs.New(errs.ActiveSQLTransaction, "VACUUM cannot run inside a transaction block")
	}
	var tables []*catalog.Table
	for _, r := range n.Rels {
		rel, err := relationNamed(env, r.GetVacuumRelation().GetRelation())
		if err != nil {
			return "", err
		}
		if rel.Table != nil { // a catalog of the system has nothing to be vacuumed
			tables = append(tables, rel.Table)
		}
		if rel.View != nil {
			verb := map[bool]string{true: "vacuum", false: "analyze"}[n.IsVacuumcmd]
			what := fmt.Sprintf("skipping %q --- cannot %s non-tables or special system tables", rel.Name, verb)
			if err := env.Out.Notice("WARNING", "01000", what); err != nil {
				return "", err
			}
		}
	}
	if !n.IsVacuumcmd {
		return "ANALYZE", nil
	}
	if len(n.Rels) == 0 {
		tables = env.DB.Catalog().Tables()
	}
	full := false
	for _, o := range n.Options {
		if d := o.GetDefElem(); d.GetDefname() == "full" {
			var err error
			if full, err = flag(d); err != nil {
				return "", err
			}
		}
	}
	for _, t := range tables {
		if err := env.DB.Vacuum(ctx, t.ID, full); err != nil && (len(n.Rels) > 0 || !errs.Is(err, errs.UndefinedTable)) {
			return "", err
		}
	}
	return "VACUUM", nil
}

// cluster runs CLUSTER: it sorts all rows of a table, or of all tables that have a sort key, by it.
func cluster(ctx context.Context, env *Env, n *pg.ClusterStmt) (string, error) {
	if env.Session.InTransaction() {
		return "", errs.New(errs.ActiveSQLTransaction, "CLUSTER cannot run inside a transaction block")
	}
	if n.Relation == nil {
		for _, t := range env.DB.Catalog().Tables() {
			if len(t.Options.SortKey) == 0 {
				continue
			}
			if err := env.DB.Cluster(ctx, t.ID); err != nil && !errs.Is(err, errs.UndefinedTable) {
				return "", err
			}
		}
		return "CLUSTER", nil
	}
	rel, err := relationNamed(env, n.Relation)
	if err != nil {
		return "", err
	}
	t := rel.Table
	switch {
	case rel.View != nil:
		return "", errs.New(errs.WrongObjectType, "%q is not a table or materialized view", rel.Name)
	case t == nil:
		return "", errs.New(errs.InsufficientPrivilege, "permission denied: %q is a system catalog", n.Relation.Relname)
	case n.Indexname != "":
		return "", errs.Unsupported("CLUSTER ... USING").WithHint("CLUSTER sorts by the table's option sort_key.")
	case len(t.Options.SortKey) == 0:
		return "", errs.New(errs.UndefinedObject, "there is no previously clustered index for table %q", t.Name).
			WithHint("Say what to sort by: ALTER TABLE ... SET (sort_key = '...').")
	}
	return "CLUSTER", env.DB.Cluster(ctx, t.ID)
}

// relationNamed returns a relation by its name.
func relationNamed(env *Env, v *pg.RangeVar) (*bind.Relation, error) {
	rel, err := env.Resolver.Relation(v.GetSchemaname(), v.GetRelname())
	if err == nil && rel == nil {
		err = bind.Suggest(errs.New(errs.UndefinedTable, "relation %q does not exist", v.GetRelname()), env.Resolver, v.GetSchemaname(), v.GetRelname())
	}
	return rel, err
}
