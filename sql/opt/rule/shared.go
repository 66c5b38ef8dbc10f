package rule

import "github.com/siltstone-db/siltstone/sql/plan"

// PruneShared drops the columns of shared subplans that none of their readers wants: those of the plan first, then
// those of the subplans from the last to the first, whose readers all stand behind them.
func PruneShared(n plan.Node) plan.Node {
	all := plan.SharedOf(n)
	if len(all) == 0 {
		return n
	}
	n = plan.PruneExact(n)
	readers := []plan.Node{n}
	plans := make([]plan.Node, len(all))
	for i := len(all) - 1; i >= 0; i-- {
		plans[i] = plan.PruneTo(all[i].Plan, wanted(all[i], readers))
		readers = append(readers, plans[i])
	}
	by := map[*plan.Shared]*plan.Shared{}
	for i, s := range all {
		by[s] = &plan.Shared{ID: s.ID, Name: s.Name, Plan: plan.Relink(plans[i], by)}
	}
	return plan.Relink(n, by)
}

// wanted returns the columns of a shared subplan that its readers hand on.
func wanted(s *plan.Shared, readers []plan.Node) plan.Set {
	need := plan.Set{}
	for _, r := range readers {
		plan.Walk(r, func(n plan.Node) bool {
			if c, ok := n.(*plan.CTEScan); ok && c.Shared == s {
				for _, id := range c.From {
					need.Add(id)
				}
			}
			return true
		})
	}
	return need
}
