//go:build !cgo

package parse

import (
	"errors"
	"runtime/debug"
	"sync/atomic"

	"github.com/wasilibs/go-pgquery/parser"
)

// instances bounds how many statements are parsed at once. The module keeps instances in a pool that never shrinks, and
// a call that finds none idle compiles another: seconds, 230 MB of garbage, and 25 MB that stay. Two, so that a long
// statement does not hold up all others.
var instances = make(chan struct{}, 2)

// compiled counts the instances that were compiled, as far as we can tell: as many as have been in use at once.
var compiled atomic.Int32

// instance waits for a place and returns what gives it back. Behind a compilation it gives the garbage back to the
// system, which the collector would keep for minutes.
func instance() (done func()) {
	instances <- struct{}{}
	busy := int32(len(instances))
	return func() {
		<-instances
		if n := compiled.Load(); busy > n && compiled.CompareAndSwap(n, busy) {
			debug.FreeOSMemory()
		}
	}
}

// rawParse runs the grammar, compiled to WebAssembly, and returns the tree in protobuf form.
func rawParse(text string) ([]byte, error) {
	defer instance()()
	tree, err := parser.ParseToProtobuf(text)
	var e *parser.Error
	if errors.As(err, &e) {
		return nil, syntaxError(e.Message, e.Cursorpos, text)
	}
	return tree, err
}

// rawDeparse prints a tree in protobuf form as SQL.
func rawDeparse(tree []byte) (string, error) {
	defer instance()()
	return parser.DeparseFromProtobuf(tree)
}
