package opt

import "github.com/siltstone-db/siltstone/sql/opt/rule"

// passes are run in this order. PushFilter runs before the join order is chosen, so that inputs have their estimated
// sizes, and after it, so that conditions that a rule uncovered reach the scans.
var passes = []rule.Rule{
	rule.Fold,
	rule.Unnest,
	rule.MarkToSemi,
	rule.FactorOr,
	rule.DropSort,
	rule.Imply,
	rule.PushFilter,
	rule.EqualPairs,
	rule.JoinOrder,
	rule.EqualPairs,
	rule.BuildSide,
	rule.MergeProject,
	rule.GroupFirst,
	rule.SumPlus,
	rule.GroupKeys,
	rule.PushLimit,
	rule.PruneColumns,
	rule.ShareSort,
	rule.MergeProject,
	rule.WindowTop,
	rule.TopK,
}

// Passes returns the names of the passes in the order in which they run; some run twice.
func Passes() []string {
	names := make([]string, len(passes))
	for i, p := range passes {
		names[i] = p.Name
	}
	return names
}
