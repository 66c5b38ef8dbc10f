package stmt

import (
	"context"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// utilityColumns returns the columns of statements that answer with rows.
func utilityColumns(env *Env, b *bind.Utility) []plan.Column {
	n, ok := b.Node.Node.(*pg.Node_VariableShowStmt)
	if !ok {
		return nil
	}
	text := func(name string) plan.Column { return plan.Column{Name: name, Type: types.T(types.Text)} }
	if strings.EqualFold(n.VariableShowStmt.Name, "all") {
		return []plan.Column{text("name"), text("setting"), text("description")}
	}
	name := n.VariableShowStmt.Name
	for _, s := range env.Session.ShowAll() {
		if strings.EqualFold(s.Name, name) {
			name = s.Name
		}
	}
	return []plan.Column{text(name)}
}

// utility runs every statement that is not about rows of tables and does not belong to the session alone.
func utility(ctx context.Context, env *Env, b *bind.Utility) (string, error) {
	switch n := b.Node.Node.(type) {
	case *pg.Node_VariableSetStmt:
		return setVariable(env, n.VariableSetStmt)
	case *pg.Node_VariableShowStmt:
		return showVariable(env, n.VariableShowStmt)
	case *pg.Node_DiscardStmt:
		return discard(env, n.DiscardStmt)
	case *pg.Node_CreateSchemaStmt:
		return createSchema(env, n.CreateSchemaStmt)
	case *pg.Node_DropStmt:
		return drop(env, n.DropStmt, b.Tag)
	case *pg.Node_CommentStmt:
		return comment(env, n.CommentStmt)
	case *pg.Node_CheckPointStmt:
		return "CHECKPOINT", env.DB.Checkpoint(ctx)
	case *pg.Node_VacuumStmt:
		return vacuum(ctx, env, n.VacuumStmt)
	case *pg.Node_ClusterStmt:
		return cluster(ctx, env, n.ClusterStmt)
	case *pg.Node_ReindexStmt:
		return reindex(ctx, env, n.ReindexStmt)
	case *pg.Node_TruncateStmt:
		return truncate(ctx, env, n.TruncateStmt)
	case *pg.Node_ListenStmt:
		return "", errs.Unsupported("LISTEN")
	case *pg.Node_NotifyStmt:
		return "", errs.Unsupported("NOTIFY")
	case *pg.Node_UnlistenStmt:
		return "UNLISTEN", nil // there is never anything to stop listening to
	}
	return "", errs.Unsupported("%s", b.Tag)
}

func discard(env *Env, n *pg.DiscardStmt) (string, error) {
	what := map[pg.DiscardMode]string{pg.DiscardMode_DISCARD_ALL: "ALL", pg.DiscardMode_DISCARD_PLANS: "PLANS",
		pg.DiscardMode_DISCARD_SEQUENCES: "SEQUENCES", pg.DiscardMode_DISCARD_TEMP: "TEMP"}[n.Target]
	if what == "ALL" && env.Session.InTransaction() {
		return "", errs.New(errs.ActiveSQLTransaction, "DISCARD ALL cannot run inside a transaction block")
	}
	return "DISCARD " + what, env.Session.Discard(what)
}

func showVariable(env *Env, n *pg.VariableShowStmt) (string, error) {
	if strings.EqualFold(n.Name, "all") {
		rows := batch.New([]types.Type{types.T(types.Text), types.T(types.Text), types.T(types.Text)})
		rows.Reset()
		for _, s := range env.Session.ShowAll() {
			rows.Cols[0].AppendString(s.Name)
			rows.Cols[1].AppendString(s.Value)
			rows.Cols[2].AppendString(s.Description)
			rows.Len++
		}
		return "SHOW", env.Out.Rows(rows)
	}
	v, err := env.Session.Show(n.Name)
	if err != nil {
		return "", err
	}
	return "SHOW", env.Out.Rows(textRows(v))
}

// textRows makes a batch of one text column.
func textRows(lines ...string) *batch.Batch {
	b := batch.New([]types.Type{types.T(types.Text)})
	b.Reset()
	for _, l := range lines {
		b.Cols[0].AppendString(l)
	}
	b.Len = len(lines)
	return b
}
