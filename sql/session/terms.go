package session

import (
	"context"
	"time"

	"github.com/siltstone-db/siltstone/sql/stmt"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/table"
)

// Terms compiles what SQL says of the rows of a table, for rows that come by another door than a statement: CHECK
// constraints, and the defaults of all columns. They see the session's settings, in a transaction that begins with this
// call and ends with the session, and belong to the goroutine that owns it.
func (s *Session) Terms(ctx context.Context, t *catalog.Table) (*table.Terms, error) {
	s.stmtStart = time.Now().UnixMicro()
	s.begin()
	return stmt.Terms(s.context(ctx), s.TypeSettings(), t, func(int) bool { return true })
}
