package window

import (
	"github.com/siltstone-db/siltstone/storage/types"
)

// framer finds the frames of the rows of a chunk: from start up to end, without end, in the row's partition. Neither goes
// back from a row to the next one.
type framer struct {
	cs         *calls
	o          *ordering
	frame      *Frame
	start, end []int // by row of the chunk

	startOffset, endOffset int // of ROWS and GROUPS
	head, tail             groupCursor
	ranged                 ranger
	partition, group       int // of the row before, to see where they change
	groupNumber            int
	s, e                   int // of the group before
}

// begin reads the offsets, which are the same for all rows.
func (f *framer) begin(b *bundle) error {
	f.partition, f.group = -1, -1
	if b.n == 0 {
		return nil
	}
	fr := f.frame
	if fr.Mode == Range {
		if fr.Start.offset() || fr.End.offset() {
			return f.ranged.begin(f, b)
		}
		return nil
	}
	var err error
	if fr.Start.offset() {
		if f.startOffset, err = f.count(&fr.Start, "starting"); err != nil {
			return err
		}
	}
	if fr.End.offset() {
		f.endOffset, err = f.count(&fr.End, "ending")
	}
	return err
}

// datum returns the offset of a bound.
func (f *framer) datum(x *Bound, which string) (types.Datum, error) {
	d := x.Value
	if x.Column >= 0 {
		d = f.cs.b.datum(f.cs.w.lay.column(x.Column), f.cs.b.row(0))
	}
	return d, f.frame.checkOffset(d, which)
}

// framesFar is more rows than any partition has, so that sums with it do not overflow.
const framesFar = 1 << 60

func (f *framer) count(x *Bound, which string) (int, error) {
	d, err := f.datum(x, which)
	return int(min(d.I, framesFar)), err
}

// chunk finds the frames of n rows from one on.
func (f *framer) chunk(from, n int) error {
	o := f.o
	switch f.frame.Mode {
	case Rows:
		for i := range n {
			f.rows(i, from+i)
		}
		return nil
	case Range:
		if !f.frame.Start.offset() && !f.frame.End.offset() {
			for i := range n {
				f.start[i], f.end[i] = o.ps[i], o.pe[i]
				if f.frame.Start.Kind == CurrentRow {
					f.start[i] = o.gs[i]
				}
				if f.frame.End.Kind == CurrentRow {
					f.end[i] = o.ge[i]
				}
			}
			return nil
		}
	}
	for i := range n {
		if o.gs[i] != f.group {
			if err := f.nextGroup(i); err != nil {
				return err
			}
		}
		f.start[i], f.end[i] = f.s, f.e
	}
	return nil
}

// rows finds the frame of ROWS.
func (f *framer) rows(i, at int) {
	ps, pe := f.o.ps[i], f.o.pe[i]
	s, e := ps, pe
	switch f.frame.Start.Kind {
	case Preceding:
		s = max(at-f.startOffset, ps)
	case CurrentRow:
		s = at
	case Following:
		s = min(at+f.startOffset, pe)
	}
	switch f.frame.End.Kind {
	case Preceding:
		e = max(at-f.endOffset+1, ps)
	case CurrentRow:
		e = at + 1
	case Following:
		e = min(at+f.endOffset+1, pe)
	}
	f.start[i], f.end[i] = s, max(s, e)
}

// nextGroup finds the frame of the peers that begin with row i of the chunk.
func (f *framer) nextGroup(i int) error {
	o := f.o
	ps, pe := o.ps[i], o.pe[i]
	if ps != f.partition {
		f.partition, f.groupNumber = ps, -1
		f.head, f.tail = groupCursor{at: ps}, groupCursor{at: ps}
	}
	f.group = o.gs[i]
	f.groupNumber++
	f.s, f.e = ps, pe
	switch f.frame.Start.Kind {
	case CurrentRow:
		f.s = o.gs[i]
	case Preceding, Following:
		if f.frame.Mode == Range {
			s, err := f.ranged.start(o.gs[i], pe)
			if err != nil {
				return err
			}
			f.s = s
			break
		}
		f.s = f.head.to(o, f.groupNumber+signed(f.frame.Start.Kind, f.startOffset), pe)
	}
	switch f.frame.End.Kind {
	case CurrentRow:
		f.e = o.ge[i]
	case Preceding, Following:
		if f.frame.Mode == Range {
			e, err := f.ranged.end(o.gs[i], pe)
			if err != nil {
				return err
			}
			f.e = e
			break
		}
		f.e = f.tail.to(o, f.groupNumber+signed(f.frame.End.Kind, f.endOffset)+1, pe)
	}
	f.e = max(f.s, f.e)
	return nil
}

func signed(k BoundKind, n int) int {
	if k == Preceding {
		return -n
	}
	return n
}

// groupCursor is at the first row of a group of peers, which has a number in its partition.
type groupCursor struct{ at, number int }

// to goes to a group, or to the end of the partition; groups before the first one are the first one.
func (c *groupCursor) to(o *ordering, number, end int) int {
	for c.number < number && c.at < end {
		c.at = min(nextSet(o.peers, c.at+1, o.n), end)
		c.number++
	}
	return c.at
}
