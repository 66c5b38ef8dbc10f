package window

import (
	"math/bits"
)

// slider has the state of an aggregate over rows from s up to e, which both only grow.
//
// Rows are added to back. Those at the start are taken away by State.Retract. Where there is none, and the frame is not
// so small that all of it is added anew, the rows at the start are the front: for each of its rows there is the state of
// all rows of the front from it on, so that front and back together make the frame's state with one merge. Once the
// start has left the front, a new one is made of the back's rows: each row is added twice and merged three times, however
// large frames are. So that a front of n rows takes the memory of 2*sqrt(n) states, it is divided into blocks: kept are
// the states from each block on, and from each row of the block on where the start is.
//
// A segment tree would do as well with frames in any order, and costs a logarithm of merges per row. With frames that
// only move forward it is never needed.
type slider struct {
	in     *input
	wide   int // words of a state
	few    int // frames of up to so many rows are added anew
	s, e   int
	some   bool // s and e are those of a frame
	back   []uint64
	counts uint64 // rows that count in back
	mid    int    // rows before it are in front, the others in back

	from, size int      // of the front: its first row, and rows of a block
	block      int      // the block whose rows have states
	blocks     []uint64 // states from each block on, and the number of rows that count
	rows       []uint64 // states from each row of the block on, the same
	charged    int64
}

// A frame of few rows is added anew for each row. Sums of floats depend on the order of additions: those of frames that
// people look at are added as PostgreSQL does it, to the last digit.
const (
	fewRows   = 16
	fewFloats = 256
)

func newSlider(in *input) slider {
	x := slider{in: in, few: fewRows}
	if in.state != nil {
		x.wide = in.state.Words
		if in.state.Rounds {
			x.few = fewFloats
		}
	}
	x.back = make([]uint64, x.wide)
	return x
}

func (x *slider) begin() {
	x.some = false
	x.clear(x.back)
	x.clearFront()
}

// clear makes states those of no rows.
func (x *slider) clear(states []uint64) {
	if len(states) == 0 {
		return
	}
	if st := x.in.state; st != nil && st.Stores && !st.All {
		st.Store.Drop(states)
	}
	clear(states)
}

func (x *slider) clearFront() {
	for _, list := range [][]uint64{x.blocks, x.rows} {
		for at := 0; at < len(list); at += x.wide + 1 {
			x.clear(list[at : at+x.wide])
		}
	}
	x.blocks, x.rows, x.block = x.blocks[:0], x.rows[:0], -1
}

// restart begins with no rows in front of one.
func (x *slider) restart(s int) {
	x.clear(x.back)
	x.clearFront()
	x.s, x.e, x.mid, x.counts, x.some = s, s, s, 0, true
}

// move goes to the rows from s up to e.
func (x *slider) move(s, e int) error {
	if !x.some || s >= x.e {
		x.restart(s)
	}
	if s > x.s {
		if err := x.leave(s, e); err != nil {
			return err
		}
	}
	if e > x.e {
		n, err := x.in.add(x.back, x.e, e)
		if err != nil {
			return err
		}
		x.e, x.counts = e, x.counts+uint64(n)
	}
	return nil
}

// leave takes the rows in front of s away.
func (x *slider) leave(s, e int) error {
	switch st := x.in.state; {
	case st != nil && st.Retract == nil && e-s > x.few:
		if s >= x.mid {
			if err := x.turn(s); err != nil {
				return err
			}
		}
		x.s = s
		return nil
	case st != nil && st.Retract == nil, s-x.s > e-s:
		x.restart(s)
		return nil
	}
	n, err := x.in.remove(x.back, x.s, s)
	x.s, x.mid, x.counts = s, s, x.counts-uint64(n)
	return err
}

// turn makes the rows of the back from s on the front.
func (x *slider) turn(s int) error {
	x.clear(x.back)
	x.clearFront()
	n := x.e - s
	x.from, x.mid, x.counts = s, x.e, 0
	x.size = max(16, 1<<(bits.Len(uint(n))/2))
	k, one := (n+x.size-1)/x.size, x.wide+1
	if need := int64(k+x.size) * int64(one) * 8; need > x.charged {
		if err := x.in.cs.t.Account.Reserve(need - x.charged); err != nil {
			return err
		}
		x.charged = need
	}
	x.blocks = grow(x.blocks, k*one)
	for i := k - 1; i >= 0; i-- {
		r := x.blocks[i*one:][:one]
		from := s + i*x.size
		n, err := x.in.add(r[:x.wide], from, min(from+x.size, x.e))
		if err != nil {
			return err
		}
		r[x.wide] = uint64(n)
		if i < k-1 {
			if err := x.follow(r, x.blocks[(i+1)*one:][:one]); err != nil {
				return err
			}
		}
	}
	return nil
}

func grow(s []uint64, n int) []uint64 {
	if cap(s) < n {
		return make([]uint64, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// follow adds the state of later rows to r. Behind both is how many rows count.
func (x *slider) follow(r, later []uint64) error {
	r[x.wide] += later[x.wide]
	if later[x.wide] == 0 {
		return nil
	}
	st := x.in.state
	return st.Merge(st, r[:x.wide], later[:x.wide])
}

// front returns the state of the front's rows from s on.
func (x *slider) front() ([]uint64, error) {
	one := x.wide + 1
	block := (x.s - x.from) / x.size
	first := x.from + block*x.size
	if x.s == first {
		return x.blocks[block*one:][:one], nil
	}
	if block != x.block {
		if err := x.open(block); err != nil {
			return nil, err
		}
	}
	return x.rows[(x.s-first)*one:][:one], nil
}

// open makes the states from each row of a block on, as far as the start has not passed them.
func (x *slider) open(block int) error {
	one := x.wide + 1
	for at := 0; at < len(x.rows); at += one {
		x.clear(x.rows[at : at+x.wide])
	}
	first := x.from + block*x.size
	n := min(x.size, x.mid-first)
	x.rows, x.block = grow(x.rows, n*one), block
	var next []uint64
	if (block+1)*one < len(x.blocks) {
		next = x.blocks[(block+1)*one:][:one]
	}
	for i := n - 1; i >= x.s-first; i-- {
		r := x.rows[i*one:][:one]
		k, err := x.in.add(r[:x.wide], first+i, first+i+1)
		if err != nil {
			return err
		}
		r[x.wide] = uint64(k)
		if next != nil {
			if err := x.follow(r, next); err != nil {
				return err
			}
		}
		next = r
	}
	return nil
}

// whole tells whether back alone is the state of all rows.
func (x *slider) whole() bool { return x.s >= x.mid }

// into merges the state of all rows into r, behind which stands how many of them count.
func (x *slider) into(r []uint64) error {
	if !x.whole() {
		f, err := x.front()
		if err != nil {
			return err
		}
		if err := x.follow(r, f); err != nil {
			return err
		}
	}
	r[x.wide] += x.counts
	if x.counts == 0 || x.wide == 0 {
		return nil
	}
	st := x.in.state
	return st.Merge(st, r[:x.wide], x.back)
}

func (x *slider) close() {
	x.in.cs.t.Account.Free(x.charged)
	x.charged = 0
}
