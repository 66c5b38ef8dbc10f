package rebuild

import (
	"fmt"
	"strings"

	"github.com/siltstone-db/siltstone/storage/manifest"
)

// Source is where the rows were read from that a segment is held against.
type Source string

// The sources.
const (
	Segments Source = "segments" // the segment itself, its columns
	Log      Source = "log"      // the log has all records that brought the rows, and took some away
)

// Line is what is told of a segment.
type Line struct {
	Segment uint64           // number of its file
	Ranges  []manifest.Range // numbers of its rows
	Sum                      // of the segment
	Source  Source           // "": there is nothing to read
	Unread  bool             // it was set aside, or its bytes are damaged: the sum is that of no rows
	Of      Sum              // of the source
	Wrong   []string         // what the segment derived from its values and is not so, or why it cannot be read
}

// Equal tells that the segment has the rows of its source.
func (l *Line) Equal() bool { return l.Sum == l.Of }

// Problem says what is wrong, in one sentence; "" when nothing is.
func (l *Line) Problem() string {
	wrong := l.Wrong
	if l.Source != "" && !l.Unread && !l.Equal() {
		wrong = append([]string{fmt.Sprintf("its %d rows differ from the %d rows of the %s", l.Rows, l.Of.Rows, l.Source)}, wrong...)
	}
	return strings.Join(wrong, "; ")
}

// Numbers writes the numbers of the segment's rows as people read them: 0-99, 200-299.
func (l *Line) Numbers() string {
	var parts []string
	for _, r := range l.Ranges {
		parts = append(parts, fmt.Sprintf("%d-%d", r.Base, r.Base+r.Rows-1))
	}
	return strings.Join(parts, ", ")
}
