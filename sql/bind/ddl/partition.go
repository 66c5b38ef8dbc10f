package ddl

import (
	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// ownPartitions is the hint for who wants to make partitions by hand.
const ownPartitions = "A table with PARTITION BY RANGE (column) makes its partitions by itself: WITH (partition = 'day') says how large, retain when they go."

// partitionBy reads PARTITION BY RANGE (column): the column, "" when there is none.
func partitionBy(st *parse.Statement, n *pg.PartitionSpec) (string, error) {
	if n == nil {
		return "", nil
	}
	refuse := func(what string) error {
		return errs.Unsupported("PARTITION BY %s", what).WithHint("It is PARTITION BY RANGE (column).").At(st.Position(n.Location))
	}
	switch n.Strategy {
	case pg.PartitionStrategy_PARTITION_STRATEGY_LIST:
		return "", refuse("LIST")
	case pg.PartitionStrategy_PARTITION_STRATEGY_HASH:
		return "", refuse("HASH")
	}
	if len(n.PartParams) != 1 {
		return "", refuse("RANGE of several columns")
	}
	switch e := n.PartParams[0].GetPartitionElem(); {
	case e.Expr != nil:
		return "", refuse("RANGE of an expression")
	case len(e.Collation) > 0:
		return "", refuse("RANGE with COLLATE")
	case len(e.Opclass) > 0:
		return "", refuse("RANGE with an operator class")
	default:
		return e.Name, nil
	}
}
