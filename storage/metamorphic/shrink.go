package metamorphic

import "slices"

// Shrink leaves out of a history what it fails without, and makes its numbers smaller. failed runs one, some times if
// it depends on goroutines. tries bounds how often.
func Shrink(h *History, failed func(*History) bool, tries int) *History {
	try := func(c *History) bool {
		tries--
		if tries < 0 || !failed(c) {
			return false
		}
		h = c
		return true
	}
	for size := len(h.Ops) / 2; size > 0; {
		shorter := false
		for from := len(h.Ops) - size; from >= 0; from -= size {
			shorter = try(&History{h.Settings, slices.Delete(slices.Clone(h.Ops), from, from+size)}) || shorter
			from = min(from, len(h.Ops))
		}
		if !shorter || size > len(h.Ops) {
			size = min(size/2, len(h.Ops))
		}
	}
	for i := range h.Ops {
		for h.Ops[i].N > 1 {
			c := &History{h.Settings, slices.Clone(h.Ops)}
			c.Ops[i].N /= 2
			if !try(c) {
				break
			}
		}
	}
	for i := 0; i < len(h.Settings); {
		if !try(&History{slices.Delete(slices.Clone(h.Settings), i, i+1), h.Ops}) {
			i++
		}
	}
	return h
}
