package rule

import "github.com/siltstone-db/siltstone/sql/plan"

// BuildSide puts the smaller side of a join on the right, where the hash table is built: inner and full joins are
// swapped, left joins become right joins and back.
var BuildSide = Rule{Name: "BuildSide", Apply: func(env *Env, n plan.Node) (plan.Node, error) {
	return plan.Rewrite(n, func(n plan.Node) (plan.Node, error) {
		j, ok := n.(*plan.Join)
		if !ok {
			return n, nil
		}
		kind := j.Kind
		switch j.Kind {
		case plan.Inner, plan.Cross, plan.Full:
		case plan.Left:
			kind = plan.Right
		case plan.Right:
			kind = plan.Left
		default:
			return n, nil
		}
		l, r := env.Stats.Rows(j.Left), env.Stats.Rows(j.Right)
		// A right join must remember which build rows found partners, so it has to pay off.
		if l >= r || kind == plan.Right && (2*l >= r || len(j.Equal) == 0) {
			return n, nil
		}
		c := &plan.Join{Kind: kind, Left: j.Right, Right: j.Left, On: j.On}
		for _, p := range j.Equal {
			c.Equal = append(c.Equal, plan.EqualPair{Left: p.Right, Right: p.Left})
		}
		return c, nil
	})
}}
