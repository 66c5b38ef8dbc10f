package fn

import (
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Memory of results. The strings of a result stand one behind the other in the buffer of its vector. Before the buffer
// grows beyond what every batch has anyway, the statement's account is charged for it (Shared.Reserve); who knows how
// long a value becomes says so first (row.Room). What a buffer holds stays charged until the evaluator is closed, or a
// later batch starts without it.
const (
	// maxText is the longest string that a function may make, PostgreSQL's limit of 1 GB with its header.
	maxText = 1<<30 - 5
	// heapMax is the most bytes of all strings of a vector, since offsets have 32 bits.
	heapMax = 1<<32 - 1
	// heapFree is a buffer that is not charged: those of a few calls for a few workers, as fixed-width results are.
	heapFree = 256 << 10
	// heapKeep is the largest buffer that is kept for the next batch. To make a larger one anew costs little beside
	// filling it, and others may want the memory meanwhile.
	heapKeep = 16 << 20
	// heapDouble is the size up to which buffers double; larger ones grow by half.
	heapDouble = 1 << 20
	// workLook is how many bytes are read or written between two looks at the context: a millisecond, perhaps a few.
	workLook = 1 << 20
)

// tooLong is PostgreSQL's error of functions that know the length before they start.
func tooLong() error { return errs.New(errs.ProgramLimitExceeded, "requested length too large") }

// bufferFull is PostgreSQL's error of a value that grows too long.
func bufferFull(have, more int) error {
	return errs.New(errs.ProgramLimitExceeded, "out of memory").
		WithDetail("Cannot enlarge string buffer containing %d bytes by %d more bytes.", have, more)
}

// canceled looks at the context of the statement.
func (c *Context) canceled() error {
	if c == nil || c.Ctx == nil || c.Ctx.Err() == nil {
		return nil
	}
	return errs.From(c.Ctx.Err())
}

// charge makes the statement pay for a buffer of size bytes of out, which it has or is about to get.
func (c *Context) charge(out *batch.Vector, size int) error {
	if size <= heapFree {
		size = 0
	}
	var s *Shared
	if c != nil {
		s = c.Shared
	}
	more := int64(size) - out.Charged()
	switch {
	case more > 0:
		if err := s.Reserve(more); err != nil {
			return err
		}
	case more < 0:
		s.Shrink(-more)
	}
	out.SetCharged(int64(size))
	return nil
}

// Release gives up the buffer of a result and what was charged for it.
func (c *Context) Release(out *batch.Vector) {
	out.Drop()
	_ = c.charge(out, 0) // giving back cannot fail
}

// Reset prepares out for n rows (batch.Vector.Reset), without the buffer when that is large.
func (c *Context) Reset(out *batch.Vector, t types.Type, n int) {
	if out.Held() > heapKeep {
		c.Release(out)
	}
	out.Reset(t, n)
}

// room makes room for n more bytes behind dst, which is the buffer of out so far.
func (c *Context) room(out *batch.Vector, dst []byte, n int) ([]byte, error) {
	if n <= cap(dst)-len(dst) {
		return dst, nil
	}
	need := len(dst) + n
	if need > heapMax {
		return dst, errs.New(errs.OutOfMemory, "out of memory").
			WithDetail("The strings of one batch take %d bytes; the limit is %d.", need, heapMax)
	}
	if c != nil && c.Cut && need > heapKeep {
		return dst, errs.New(errs.OutOfMemory, "out of memory")
	}
	size := need
	if cap(dst) < heapDouble {
		size = max(size, 2*cap(dst))
	} else {
		size = max(size, cap(dst)+cap(dst)/2)
	}
	// The old buffer lives until it is copied.
	old := cap(dst)
	if err := c.charge(out, old+size); err != nil {
		least := max(need, old+old/8) // not less, or a long value would be moved for each of its pieces
		if size == least {
			return dst, err
		}
		size = least
		if err := c.charge(out, old+size); err != nil {
			return dst, err
		}
	}
	out.Data = dst
	out.Resize(size)
	return out.Data, c.charge(out, size)
}

// Room makes room for n more bytes of strings in out, which was reset.
func (c *Context) Room(out *batch.Vector, n int) (err error) {
	out.Data, err = c.room(out, out.Data, n)
	return err
}

// Flatten makes out the flat form of src (batch.Vector.Flatten), which may take much more than its dictionary.
func (c *Context) Flatten(out, src *batch.Vector) error {
	if src.Form == batch.Dict {
		total := 0
		for _, k := range src.Codes[:src.Len] {
			total += int(src.Dict.Offsets[k+1] - src.Dict.Offsets[k])
		}
		c.Reset(out, src.Type, src.Len)
		if err := c.Room(out, total); err != nil {
			return err
		}
	}
	out.Flatten(src)
	return nil
}

// Settle pays for what a result takes that was made by other means than the functions of this file.
func (c *Context) Settle(out *batch.Vector) error {
	if k := cap(out.Data); k > heapFree && int64(k) != out.Charged() {
		return c.charge(out, k)
	}
	return nil
}

// borrow pays for n bytes that a function needs while it computes a value; repay ends it.
func (c *Context) borrow(n int) error {
	if c == nil || n < heapFree {
		return nil
	}
	return c.Shared.Reserve(int64(n))
}

func (c *Context) repay(n int) {
	if c != nil && n >= heapFree {
		c.Shared.Shrink(int64(n))
	}
}

// Room makes room for a value of which n more bytes come behind dst.
func (r *row) Room(dst []byte, n int) ([]byte, error) {
	if have := len(dst) - r.start; have+n > maxText {
		return dst, bufferFull(have, n)
	}
	return r.c.room(r.out, dst, n)
}

// Worked counts n bytes that were read or written, and looks at the context from time to time.
func (r *row) Worked(n int) error {
	if r.work += n; r.work < workLook {
		return nil
	}
	r.work = 0
	return r.c.canceled()
}

// begin starts a result of n rows of a type whose strings are appended to out.
func (r *row) begin(result types.Type, n int) {
	r.c.Reset(r.out, result, n)
	r.strings = r.strings[:0]
	total := 0
	for a, v := range r.args {
		if v.Form > batch.Constant || len(v.Offsets) == 0 {
			continue
		}
		if v.Form == batch.Constant {
			total += n * int(v.Offsets[1]-v.Offsets[0])
		} else {
			total += int(v.Offsets[n] - v.Offsets[0])
		}
		r.strings = append(r.strings, a)
	}
	if total <= heapFree { // what most functions make of so little is little
		r.strings = r.strings[:0]
	}
}

// open starts the value of row i. There is room for as much as all its arguments have, which is enough for the value of
// most functions.
func (r *row) open(i int) ([]byte, error) {
	r.i, r.start = i, len(r.out.Data)
	need := 0
	for _, a := range r.strings {
		need += len(r.bytes(a))
	}
	r.cap = cap(r.out.Data)
	if need < 4096 { // append grows by so little as it likes
		return r.out.Data, nil
	}
	if err := r.Worked(need); err != nil {
		return nil, err
	}
	dst, err := r.c.room(r.out, r.out.Data, need)
	r.cap = cap(dst)
	return dst, err
}

// close ends a value: all behind the start of the row. It pays for what append took.
func (r *row) close(dst []byte) error {
	n := len(dst) - r.start
	if n > maxText {
		return bufferFull(maxText, n-maxText)
	}
	if len(dst) > heapMax {
		return bufferFull(heapMax-n, n)
	}
	r.out.Data = dst
	r.out.EndString()
	if cap(dst) != r.cap {
		if err := r.c.charge(r.out, cap(dst)); err != nil {
			return err
		}
	}
	return r.Worked(n + 64)
}

// append appends to the value behind dst, asking for room when there is none.
func (r *row) append(dst, s []byte) ([]byte, error) {
	if len(s) > cap(dst)-len(dst) {
		var err error
		if dst, err = r.Room(dst, len(s)); err != nil {
			return dst, err
		}
	}
	return append(dst, s...), r.Worked(len(s))
}

// element appends an element of an array (types.AppendElement).
func (r *row) element(dst, s []byte, null, first bool) ([]byte, error) {
	if n := 2*len(s) + 8; n > cap(dst)-len(dst) { // quotes, and a backslash before every byte
		var err error
		if dst, err = r.Room(dst, n); err != nil {
			return dst, err
		}
	}
	return types.AppendElement(dst, s, null, first), r.Worked(len(s) + 8)
}

// grew pays for what values that were stored in out took, and counts n bytes of work. It is for loops that do not append
// to out by themselves; each of their values is small beside a batch.
func (r *row) grew(n int) error {
	if k := cap(r.out.Data); k != r.cap {
		r.cap = k
		if err := r.c.charge(r.out, k); err != nil {
			return err
		}
	}
	return r.Worked(n)
}
