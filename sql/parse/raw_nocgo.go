//go:build !cgo

package parse

import (
	"errors"
	"runtime/debug"
	"sync"

	"github.com/wasilibs/go-pgquery/parser"
)

// instances bounds how many statements are parsed at once. The module keeps instances in a pool that never shrinks, and
// a call that finds none idle compiles another: seconds, 230 MB of garbage, and 25 MB that stay. Two, so that a long
// statement does not hold up all others.
var instances = make(chan struct{}, 2)

// use counts the instances in use, and those that were compiled: as many as have been in use at once.
var use struct {
	sync.Mutex
	busy, compiled int
}

// instance waits for a place and returns what gives it back. Behind a compilation it gives the garbage back to the
// system, which the collector would keep for minutes.
func instance() (done func()) {
	instances <- struct{}{}
	use.Lock()
	defer use.Unlock()
	use.busy++
	compiles := use.busy > use.compiled
	use.compiled = max(use.compiled, use.busy)
	return func() {
		use.Lock()
		use.busy--
		use.Unlock()
		<-instances
		if compiles {
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
