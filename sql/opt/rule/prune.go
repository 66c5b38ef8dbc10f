package rule

import "github.com/siltstone-db/siltstone/sql/plan"

// PruneColumns drops columns, expressions and aggregates that nobody reads, down to what the scans read, and removes
// projections that only pass columns on.
var PruneColumns = Rule{Name: "PruneColumns", Apply: func(_ *Env, n plan.Node) (plan.Node, error) {
	return plan.PruneExact(n), nil
}}
