package jsonb

import (
	"encoding/binary"
	"slices"
)

// writer writes the nodes of a builder.
type writer struct {
	b     *Builder
	dst   []byte
	start int
	zeros []byte // entries of the tail
	count uint32
}

// appendSized appends a number of w bytes.
func appendSized(dst []byte, v uint64, w int) []byte {
	switch w {
	case 1:
		return append(dst, byte(v))
	case 2:
		return binary.LittleEndian.AppendUint16(dst, uint16(v))
	case 4:
		return binary.LittleEndian.AppendUint32(dst, uint32(v))
	}
	return binary.LittleEndian.AppendUint64(dst, v)
}

// value writes a node with its children. Containers nest no deeper than MaxDepth, but for raw values, which are copied.
func (w *writer) value(i uint32) {
	n := &w.b.nodes[i]
	switch n.head {
	case headArray:
		w.array(i, n)
	case headObject:
		w.object(n)
	default:
		at := uint32(len(w.dst) - w.start)
		w.dst = append(w.dst, w.b.heap[n.data.off:n.data.off+n.data.n]...)
		if n.extra > 0 {
			w.zero(at, n.extra)
		}
		if n.head == rawValue && w.b.zeros {
			w.rawZeros(at, n)
		}
	}
}

func (w *writer) zero(at uint32, extra uint16) {
	w.zeros = binary.LittleEndian.AppendUint32(w.zeros, at)
	w.zeros = binary.LittleEndian.AppendUint16(w.zeros, extra)
	w.count++
}

// rawZeros takes over the entries of a part.
func (w *writer) rawZeros(at uint32, n *node) {
	from := n.data.off
	_, zeros := split(w.b.heap[from : from+n.data.n+n.count])
	for ; len(zeros) >= zeroBytes; zeros = zeros[zeroBytes:] {
		w.zero(at+binary.LittleEndian.Uint32(zeros), binary.LittleEndian.Uint16(zeros[4:]))
	}
}

func (w *writer) array(i uint32, n *node) {
	width := int(n.width)
	w.dst = appendSized(append(w.dst, headArray|n.width), uint64(n.count), width)
	end := uint64(0)
	for c := i + 1; c < n.next; c = w.b.nodes[c].next {
		end += uint64(w.b.nodes[c].size)
		w.dst = appendSized(w.dst, end, width)
	}
	for c := i + 1; c < n.next; c = w.b.nodes[c].next {
		w.value(c)
	}
}

func (w *writer) object(n *node) {
	width := int(n.width)
	children := w.b.order[n.data.off : n.data.off+n.count]
	w.dst = appendSized(append(w.dst, headObject|n.width), uint64(n.count), width)
	end := uint64(0)
	for _, c := range children {
		end += uint64(w.b.nodes[c].key.n)
		w.dst = appendSized(w.dst, end, width)
	}
	end = 0
	for _, c := range children {
		end += uint64(w.b.nodes[c].size)
		w.dst = appendSized(w.dst, end, width)
	}
	for _, c := range children {
		w.dst = append(w.dst, w.b.keyOf(c)...)
	}
	for _, c := range children {
		w.value(c)
	}
}

// tail ends the encoding.
func (w *writer) tail() []byte {
	if w.count == 0 {
		return append(w.dst, 0)
	}
	dst := slices.Grow(w.dst, len(w.zeros)+tailBytes)
	dst = append(dst, w.zeros...)
	return append(binary.LittleEndian.AppendUint32(dst, w.count), 1)
}
