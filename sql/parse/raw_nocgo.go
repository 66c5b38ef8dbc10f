//go:build !cgo

package parse

import (
	"errors"

	"github.com/wasilibs/go-pgquery/parser"
)

// rawParse runs the grammar, compiled to WebAssembly, and returns the tree in protobuf form.
func rawParse(text string) ([]byte, error) {
	tree, err := parser.ParseToProtobuf(text)
	var e *parser.Error
	if errors.As(err, &e) {
		return nil, syntaxError(e.Message, e.Cursorpos, text)
	}
	return tree, err
}

// rawDeparse prints a tree in protobuf form as SQL.
func rawDeparse(tree []byte) (string, error) { return parser.DeparseFromProtobuf(tree) }
