package parse

import (
	"errors"
	"unicode/utf8"

	"github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/storage/errs"
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

// Fail makes an error about a place of the statement.
func (s *Statement) Fail(loc int32, code errs.Code, format string, args ...any) *errs.Error {
	return errs.New(code, format, args...).At(s.Position(loc))
}

// Unsupported makes the error for what PostgreSQL has and Siltstone has not, about a place of the statement.
func (s *Statement) Unsupported(loc int32, format string, args ...any) error {
	return errs.Unsupported(format, args...).At(s.Position(loc))
}

// At gives an error the position of a place of the statement, unless it has one.
func (s *Statement) At(err error, loc int32) error {
	var e *errs.Error
	if err == nil || !errors.As(err, &e) || e.Position != 0 {
		return err
	}
	pos := s.Position(loc)
	if pos == 0 {
		return err
	}
	c := *e
	return (&c).At(pos)
}
