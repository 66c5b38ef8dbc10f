package op

import (
	"log/slog"
	"runtime/debug"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Recover turns a panic into an error, XX000, where a goroutine that runs a part of a query defers it: the query fails
// alone, the stack goes to the log, and the process lives on.
func Recover(err *error) {
	if r := recover(); r != nil {
		slog.Error("panic while running a query", "panic", r, "stack", string(debug.Stack()))
		*err = errs.Internal("internal error while running the query: %v", r)
	}
}
