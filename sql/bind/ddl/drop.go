package ddl

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// dropped are the kinds of relation that Drop knows.
var dropped = map[pg.ObjectType]catalog.Kind{pg.ObjectType_OBJECT_TABLE: catalog.KindTable, pg.ObjectType_OBJECT_VIEW: catalog.KindView,
	pg.ObjectType_OBJECT_SEQUENCE: catalog.KindSequence}

// Drop binds DROP TABLE, DROP VIEW and DROP SEQUENCE.
func Drop(n *pg.DropStmt) (*DropTable, error) {
	d := &DropTable{Kind: dropped[n.RemoveType], IfExists: n.MissingOk, Cascade: n.Behavior == pg.DropBehavior_DROP_CASCADE}
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
