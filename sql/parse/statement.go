package parse

import (
	"unicode/utf8"

	"github.com/pganalyze/pg_query_go/v6"
)

// Statement is one statement of a text. It is immutable: nobody may change the nodes, which the cache shares.
type Statement struct {
	// Node is the raw syntax tree; nil stands for an empty text.
	Node *pg_query.Node
	// Text is the statement without its semicolon and surrounding space.
	Text string
	// Source is the text the statement came in; locations in Node are byte offsets into it.
	Source string
}

// Position turns a byte offset as the syntax tree has it into a 1-based character position in Source, as
// ErrorResponse carries it; 0 when the offset is unknown (negative).
func (s *Statement) Position(offset int32) int {
	if offset < 0 || int(offset) > len(s.Source) {
		return 0
	}
	return utf8.RuneCountInString(s.Source[:offset]) + 1
}
