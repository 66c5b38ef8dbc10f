package joinorder

// Which joins may change places is decided before any tree is made, from pairs of joins of the tree as it is written: for
// each join, what would be wrong if it came before or after one below it is written down as rules over sets of inputs. A
// join may be done over two sets when both have the inputs that it needs and no rule is broken. That is detector CD-C of
// Moerkotte, Fender, Eich: On the Correct and Complete Enumeration of the Core Search Space (SIGMOD 2013), which allows
// all trees that follow from the laws below and no others.

// operator is a join of the tree as it is written.
type operator struct {
	kind        Kind
	left, right Set // all inputs of its sides
	conds       []Cond
	reads       Set // inputs that its conditions read
	rejects     Set // inputs for which the whole of its conditions is never true when they are NULL
	rules       []rule
}

// rule says that a join that has an input of when among its rows must have all of must.
type rule struct{ when, must Set }

// obeys tells whether all rules are kept by a join whose rows come from some inputs.
func (o *operator) obeys(over Set) bool {
	for _, r := range o.rules {
		if over.Intersects(r.when) && !over.Contains(r.must) {
			return false
		}
	}
	return true
}

// associative tells whether (r a s) b t is r a (s b t); middle are the inputs of s.
func associative(a, b *operator, middle Set) bool {
	switch a.kind {
	case Inner:
		return true
	case Left: // a row without an s finds no t either way
		return b.kind == Left && b.rejects.Intersects(middle)
	}
	return false
}

// rightSwap tells whether r b (s a t) is s a (r b t): both must keep neither side alone.
func rightSwap(a, b *operator) bool { return a.kind == Inner && b.kind == Inner }

// (r a s) b t is always (r b t) a s for these kinds: what a and b do to a row of r depends on that row alone.

// conflicts adds to a join's rules what keeps it apart from a join a below it.
func (o *operator) conflicts(a *operator, onLeft bool) {
	if onLeft {
		if !associative(a, o, a.right) {
			o.rule(a.right, a.left, a.reads)
		}
		return
	}
	if !associative(o, a, a.left) {
		o.rule(a.left, a.right, a.reads)
	}
	if !rightSwap(a, o) {
		o.rule(a.right, a.left, a.reads)
	}
}

// rule adds one; what a's conditions read of must is enough, the rest is tied to it by a itself.
func (o *operator) rule(when, must, reads Set) {
	if m := must.And(reads); !m.Empty() {
		must = m
	}
	o.rules = append(o.rules, rule{when: when, must: must})
}

// needs adds to a set of inputs what the rules ask for once these are there.
func (o *operator) needs(s Set) Set {
	for grown := true; grown; {
		grown = false
		for _, r := range o.rules {
			if s.Intersects(r.when) && !s.Contains(r.must) {
				s, grown = s.Union(r.must), true
			}
		}
	}
	return s
}
