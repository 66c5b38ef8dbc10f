package kernel

import "bytes"

// Search is bytes.Index for long data: it looks for the first and the last byte of text at their distance, 32 places at
// a time, and compares the rest where both stand. It reads memory about as fast as that comes. Where that stops all the
// time, as in data of few different bytes, bytes.Index goes on.
func Search(data, text []byte) int {
	gap := len(text) - 1
	at, stops := 0, 0
	for wide && gap > 0 && stops <= 16+at>>4 {
		blocks := (len(data) - at - gap) / 32
		if blocks <= 0 {
			break
		}
		i := searchPair(&data[at], blocks, gap, text[0], text[gap])
		if i < 0 {
			at += 32 * blocks
			break
		}
		at += i
		if string(data[at:at+len(text)]) == string(text) {
			return at
		}
		at++
		stops++
	}
	if i := bytes.Index(data[at:], text); i >= 0 {
		return at + i
	}
	return -1
}
