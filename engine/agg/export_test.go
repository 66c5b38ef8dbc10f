package agg

// StartAt makes what the group spills that of records which were divided so often before. It comes after Open.
func (g *Group) StartAt(level int) { g.spill.level = level }
