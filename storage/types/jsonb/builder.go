package jsonb

import (
	"slices"
	"unsafe"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/jsontext"
)

// Builder makes an encoding out of events. It remembers the values as a list, sizes every container when it is closed,
// and writes all of them once: however deep values nest, no byte is moved twice. Its memory is kept for the next value.
type Builder struct {
	nodes  []node
	open   []uint32 // containers that are not closed
	order  []uint32 // children of objects, by key
	heap   []byte   // encoded scalars and keys
	zeros  bool     // some number shows zeros behind its last digit
	parser jsontext.Parser
	key    span // waits for its value
	err    error
	// Limit, when not nil, is asked before the builder holds more than so many bytes, from time to time.
	Limit func(bytes int) error
	asked int
}

// span is a part of the heap.
type span struct{ off, n uint32 }

// node is a value.
type node struct {
	key   span   // in an object
	data  span   // a scalar in the heap; the children in order: of an object
	next  uint32 // node behind this one's children
	count uint32 // children of a container
	size  uint32 // encoded
	extra uint16 // zeros of a number
	head  byte   // headArray, headObject, rawValue; anything else is a scalar
	width byte
}

// rawValue marks a node that holds a whole encoding: its data is the body, and the entries of its zeros follow in the heap.
const rawValue = 0xff

const nodeBytes = int(unsafe.Sizeof(node{}))

// Reset starts a value.
func (b *Builder) Reset() {
	b.nodes, b.open, b.order, b.heap = b.nodes[:0], b.open[:0], b.order[:0], b.heap[:0]
	b.zeros, b.key, b.err, b.asked = false, span{}, nil, 0
}

// Held returns the bytes that the builder keeps.
func (b *Builder) Held() int { return cap(b.nodes)*nodeBytes + 4*cap(b.order) + cap(b.heap) }

// Trim gives up memory beyond what most values need.
func (b *Builder) Trim(bytes int) {
	if b.Held() > bytes {
		*b = Builder{parser: b.parser, Limit: b.Limit}
	}
}

// askBytes is how much a builder takes between two questions.
const askBytes = 1 << 20

// room asks for memory before n more bytes are taken.
func (b *Builder) room(n int) bool {
	if b.err != nil {
		return false
	}
	if b.Limit == nil {
		return true
	}
	// Slices double when they grow: the old and the new one live side by side.
	need := 3 * (len(b.nodes)*nodeBytes + 4*len(b.order) + len(b.heap) + n) / 2
	if need > b.asked+askBytes {
		b.asked = need
		b.err = b.Limit(need)
	}
	return b.err == nil
}

// add appends a node of the value that comes next.
func (b *Builder) add(n node) {
	if !b.room(nodeBytes) {
		return
	}
	n.key = b.key
	n.next = uint32(len(b.nodes) + 1)
	if k := len(b.open); k > 0 {
		b.nodes[b.open[k-1]].count++
	}
	b.nodes = append(b.nodes, n)
}

// scalar adds a value that was appended to the heap from start on.
func (b *Builder) scalar(start int, extra int) {
	n := uint32(len(b.heap) - start)
	b.zeros = b.zeros || extra > 0
	b.add(node{data: span{uint32(start), n}, size: n, extra: uint16(extra)})
}

// Null adds null.
func (b *Builder) Null() { b.literal(headNull) }

// Bool adds a boolean.
func (b *Builder) Bool(v bool) {
	if v {
		b.literal(headTrue)
	} else {
		b.literal(headFalse)
	}
}

func (b *Builder) literal(head byte) {
	b.heap = append(b.heap, head)
	b.scalar(len(b.heap)-1, 0)
}

// String adds a string.
func (b *Builder) String(s []byte) {
	if !b.fits(len(s)) || !b.room(len(s)) {
		return
	}
	start := len(b.heap)
	b.heap = appendString(b.heap, s)
	b.scalar(start, 0)
}

// fits refuses strings beyond PostgreSQL's bound.
func (b *Builder) fits(n int) bool {
	if n > maxSize && b.err == nil {
		b.err = errs.New(errs.ProgramLimitExceeded, "string too long to represent as jsonb string").
			WithDetail("Due to an implementation restriction, jsonb strings cannot exceed %d bytes.", maxSize)
	}
	return b.err == nil
}

// Key gives the next value of an object its key.
func (b *Builder) Key(s []byte) {
	if b.fits(len(s)) && b.room(len(s)) {
		b.key = span{uint32(len(b.heap)), uint32(len(s))}
		b.heap = append(b.heap, s...)
	}
}

// Raw adds a value of another encoding.
func (b *Builder) Raw(v Value) {
	if !b.room(len(v.b)) {
		return
	}
	start := len(b.heap)
	if len(v.b) == 0 {
		b.Null()
		return
	}
	b.heap = append(b.heap, v.b...)
	n := uint32(len(v.b))
	if len(v.zeros) > 0 {
		b.heap = appendTail(b.heap, v.zeros, v.base, v.base+n)
		b.zeros = true
	} else {
		b.heap = append(b.heap, 0)
	}
	// The tail of the part stands behind it in the heap: count tells how long both are.
	b.add(node{head: rawValue, data: span{uint32(start), n}, size: n, count: uint32(len(b.heap)-start) - n})
}

// BeginArray opens an array.
func (b *Builder) BeginArray() { b.begin(headArray) }

// BeginObject opens an object. Each value in it follows its Key.
func (b *Builder) BeginObject() { b.begin(headObject) }

func (b *Builder) begin(head byte) {
	if len(b.open) >= jsontext.MaxDepth && b.err == nil {
		b.err = jsontext.TooDeep()
	}
	b.add(node{head: head})
	if b.err == nil {
		b.open = append(b.open, uint32(len(b.nodes)-1))
	}
}

// EndArray closes an array.
func (b *Builder) EndArray() {
	i := b.close()
	if b.err != nil {
		return
	}
	n := &b.nodes[i]
	size := 0
	for c := i + 1; c < n.next; c = b.nodes[c].next {
		size += int(b.nodes[c].size)
	}
	b.container(n, 1, 0, size)
}

// close takes the innermost container from the open ones.
func (b *Builder) close() uint32 {
	if b.err != nil || len(b.open) == 0 {
		return 0
	}
	i := b.open[len(b.open)-1]
	b.open = b.open[:len(b.open)-1]
	b.nodes[i].next = uint32(len(b.nodes))
	return i
}

// EndObject closes an object: its keys are sorted, and of equal ones the last stays.
func (b *Builder) EndObject() {
	i := b.close()
	if b.err != nil {
		return
	}
	n := &b.nodes[i]
	if !b.room(4 * int(n.count)) {
		return
	}
	start := len(b.order)
	sorted := true
	for c := i + 1; c < n.next; c = b.nodes[c].next {
		if k := len(b.order); k > start && compareKeys(b.keyOf(b.order[k-1]), b.keyOf(c)) >= 0 {
			sorted = false
		}
		b.order = append(b.order, c)
	}
	if !sorted {
		b.sortKeys(start)
	}
	keys, values := 0, 0
	for _, c := range b.order[start:] {
		keys += int(b.nodes[c].key.n)
		values += int(b.nodes[c].size)
	}
	n.data = span{uint32(start), 0}
	n.count = uint32(len(b.order) - start)
	b.container(n, 2, keys, values)
}

func (b *Builder) keyOf(c uint32) []byte {
	k := b.nodes[c].key
	return b.heap[k.off : k.off+k.n]
}

// sortKeys sorts the children of an object and drops those whose key comes again.
func (b *Builder) sortKeys(start int) {
	list := b.order[start:]
	slices.SortFunc(list, func(x, y uint32) int {
		if c := compareKeys(b.keyOf(x), b.keyOf(y)); c != 0 {
			return c
		}
		return int(x) - int(y)
	})
	kept := list[:0]
	for i, c := range list {
		if i+1 < len(list) && compareKeys(b.keyOf(c), b.keyOf(list[i+1])) == 0 {
			continue
		}
		kept = append(kept, c)
	}
	b.order = b.order[:start+len(kept)]
}

// container computes the form of an array (one table of ends) or an object (two).
func (b *Builder) container(n *node, tables, keys, values int) {
	if keys+values > maxSize {
		what := "array elements"
		if tables == 2 {
			what = "object elements"
		}
		b.err = errs.New(errs.ProgramLimitExceeded, "total size of jsonb %s exceeds the maximum of %d bytes", what, maxSize)
		return
	}
	w := 4
	switch most := max(int(n.count), keys, values); {
	case most < 1<<8:
		w = 1
	case most < 1<<16:
		w = 2
	}
	n.width = byte(w)
	n.size = uint32(1 + w + tables*w*int(n.count) + keys + values)
}

// Append appends the encoding of the value. Nothing is appended when an error came up before.
func (b *Builder) Append(dst []byte) ([]byte, error) {
	if b.err == nil && (len(b.open) > 0 || len(b.nodes) == 0) {
		b.err = errs.Internal("jsonb value is not complete")
	}
	if b.err != nil {
		return dst, b.err
	}
	w := writer{b: b, dst: slices.Grow(dst, int(b.nodes[0].size)+1), start: len(dst)}
	w.value(0)
	return w.tail(), nil
}
