package shelf

import "time"

// Candidate is a part that takes rows, as the policy of freezing sees it.
type Candidate struct {
	Bytes  int64
	Age    time.Duration
	AgeMax time.Duration // math.MaxInt64: it does not age
}

// PickFrozen returns which parts, by their places in the list, are to take no more rows: those whose age has come and,
// when memory is short, the largest of the others. waiting says that some are frozen already: sealing these gives room
// first.
func PickFrozen(parts []Candidate, short, waiting bool) []int {
	var picked []int
	largest, most := -1, int64(0)
	for i, p := range parts {
		switch {
		case p.Age >= p.AgeMax:
			picked = append(picked, i)
		case p.Bytes > most:
			largest, most = i, p.Bytes
		}
	}
	if short && !waiting && largest >= 0 {
		picked = append(picked, largest)
	}
	return picked
}
