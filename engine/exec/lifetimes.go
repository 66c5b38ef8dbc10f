package exec

import "github.com/siltstone-db/siltstone/engine/op"

// closer is what every piece of a plan has.
type closer interface{ Close() }

// lifetimes opens each piece before its first use and closes it after its last, whether or not it was ever opened:
// the probe side of a join owns memory that its build side filled.
type lifetimes struct {
	order []closer // in order of first use
	last  map[closer]int
	state map[closer]bool // true: open was called
}

func newLifetimes(p *Plan) *lifetimes {
	l := &lifetimes{last: map[closer]int{}, state: map[closer]bool{}}
	for i, pl := range p.Pipelines {
		l.useSource(pl.Source, i)
		for _, o := range pl.Operators {
			l.use(o, i)
		}
		l.use(pl.Sink, i)
	}
	return l
}

func (l *lifetimes) useSource(s op.Source, i int) {
	l.use(s, i)
	if c, ok := s.(Composite); ok {
		sources, operators := c.Parts()
		for _, part := range sources {
			l.useSource(part, i)
		}
		for _, o := range operators {
			l.use(o, i)
		}
	}
}

func (l *lifetimes) use(c closer, i int) {
	if _, ok := l.last[c]; !ok {
		l.order = append(l.order, c)
	}
	l.last[c] = i
}

// open calls f unless the piece is open already.
func (l *lifetimes) open(c closer, f func() error) error {
	if l.state[c] {
		return nil
	}
	l.state[c] = true
	return f()
}

// openSource opens a source and the pieces that it is made of.
func (l *lifetimes) openSource(t *op.Task, s op.Source) error {
	if c, ok := s.(Composite); ok {
		sources, operators := c.Parts()
		for _, part := range sources {
			if err := l.openSource(t, part); err != nil {
				return err
			}
		}
		for _, o := range operators {
			if err := l.open(o, func() error { return o.Open(t) }); err != nil {
				return err
			}
		}
	}
	return l.open(s, func() error { return s.Open(t) })
}

// closeAfter closes the pieces that no pipeline after i uses, downstream ones first.
func (l *lifetimes) closeAfter(i int) {
	kept := l.order[:0]
	for _, c := range l.order {
		if l.last[c] > i {
			kept = append(kept, c)
		} else {
			defer c.Close()
		}
	}
	l.order = kept
}

func (l *lifetimes) closeAll() { l.closeAfter(int(^uint(0) >> 1)) }

var (
	_ closer = (op.Source)(nil)
	_ closer = (op.Operator)(nil)
	_ closer = (op.Sink)(nil)
)
