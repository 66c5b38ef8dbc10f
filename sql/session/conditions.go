package session

import (
	"context"

	"github.com/siltstone-db/siltstone/sql/stmt"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/table"
)

// Conditions compiles the CHECK constraints of a table for rows that come by another door than a statement. They see the
// session's settings, and belong to the goroutine that owns the session.
func (s *Session) Conditions(ctx context.Context, t *catalog.Table) ([]table.Condition, error) {
	return stmt.Conditions(s.context(ctx), t)
}
