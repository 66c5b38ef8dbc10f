// Package parse turns SQL text into PostgreSQL's own raw syntax tree: the grammar is PostgreSQL 17's, linked in through
// libpg_query (C, or WebAssembly where there is no cgo; both give the same tree).
//
// The grammar and what prints its tree recurse, and a hostile text can run them off the C stack, which no Go code could
// catch. Therefore Guard looks at every text first and refuses, with 54001, whatever could become too deep. What Guard
// lets through has been measured to be parsed or to be answered with an error.
//
// Trees are immutable and shared by a cache. All functions may be called by any number of goroutines.
package parse

import (
	"strings"
	"sync"

	"github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/proto"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// giantBytes is where a text counts as a giant: 64,000 ANDs (512 KB) take more than a second and some hundred MB, so
// only one giant is parsed at a time.
const giantBytes = 256 << 10

var giant sync.Mutex

var shared = NewCache(8 << 20)

// Parse splits a text into its statements, using a cache that the whole process shares. A text without statements gives
// none. The first error of the text is the error of all of it, as in PostgreSQL.
func Parse(text string) ([]Statement, error) { return shared.Parse(text) }

// parse does the work of Parse and returns what the tree weighs in memory.
func parse(text string) ([]Statement, int, error) {
	if err := Guard(text); err != nil {
		return nil, 0, err
	}
	if len(text) > giantBytes {
		giant.Lock()
		defer giant.Unlock()
	}
	raw, err := rawParse(text)
	if err != nil {
		return nil, 0, err
	}
	var tree pg_query.ParseResult
	if err := proto.Unmarshal(raw, &tree); err != nil {
		if strings.Contains(err.Error(), "recursion") {
			return nil, 0, tooComplex("the statement nests expressions too deeply")
		}
		return nil, 0, errs.Internal("syntax tree of %d bytes: %w", len(raw), err)
	}
	out := make([]Statement, 0, len(tree.Stmts))
	for _, s := range tree.Stmts {
		start := int(s.StmtLocation)
		end := start + int(s.StmtLen)
		if s.StmtLen == 0 {
			end = len(text)
		}
		if start < 0 || start > end || end > len(text) {
			return nil, 0, errs.Internal("statement at bytes %d to %d of a text of %d", start, end, len(text))
		}
		out = append(out, Statement{Node: s.Stmt, Text: strings.TrimSpace(text[start:end]), Source: text})
	}
	return out, len(text) + treeBytesFactor*len(raw), nil
}

// treeBytesFactor estimates Go's form of a tree from its protobuf form: measured 9 to 13 over the ClickBench queries.
const treeBytesFactor = 12

// syntaxError makes the error from what libpg_query reports. It reports no SQLSTATE, so that is told by the text.
func syntaxError(message string, cursor int, text string) error {
	code := errs.SyntaxError
	switch {
	case strings.Contains(message, "memory exhausted"), strings.Contains(message, "stack depth limit"),
		strings.Contains(message, "recursion"):
		return tooComplex("the statement nests expressions too deeply")
	case strings.Contains(message, "Unicode escape value"), strings.Contains(message, "Unicode surrogate pair"):
		code = errs.SyntaxError
	case strings.Contains(message, "escape sequence"), strings.Contains(message, "Unicode escape"):
		code = errs.InvalidEscapeSequence
	case strings.Contains(message, "invalid byte sequence"):
		code = errs.CharacterNotInRepertoire
	case strings.Contains(message, "is not supported"), strings.Contains(message, "not implemented"),
		strings.Contains(message, "not yet implemented"):
		code = errs.FeatureNotSupported
	case strings.HasPrefix(message, "frame start"), strings.HasPrefix(message, "frame end"):
		code = errs.WindowingError
	case strings.Contains(message, "parameter number too large"):
		code = errs.SyntaxError
	}
	return errs.New(code, "%s", message).At(cursor)
}

func tooComplex(detail string) *errs.Error {
	e := errs.New(errs.StatementTooComplex, "stack depth limit exceeded")
	e.Detail = strings.ToUpper(detail[:1]) + detail[1:] + "."
	return e.WithHint("Write long chains as lists (IN, VALUES, ANY of an array) or split the statement.")
}
