package ddl

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// Drop binds DROP TABLE and DROP VIEW.
func Drop(n *pg.DropStmt) (*DropTable, error) {
	d := &DropTable{View: n.RemoveType == pg.ObjectType_OBJECT_VIEW, IfExists: n.MissingOk, Cascade: n.Behavior == pg.DropBehavior_DROP_CASCADE}
	for _, o := range n.Objects {
		parts := parse.Names(o.GetList().GetItems())
		switch len(parts) {
		case 1:
			d.Tables = append(d.Tables, QualifiedName{Name: parts[0]})
		case 2, 3:
			d.Tables = append(d.Tables, QualifiedName{Schema: parts[len(parts)-2], Name: parts[len(parts)-1]})
		default:
			return nil, errs.New(errs.SyntaxError, "improper relation name (too many dotted names): %s", strings.Join(parts, "."))
		}
	}
	return d, nil
}
