// Package errs holds the one error value of Siltstone: a SQLSTATE with a message, and where they are known a detail,
// a hint, a position in the statement and a context line, as PostgreSQL's ErrorResponse carries them
// (PostgreSQL manual, "Error and Notice Message Fields").
//
// An error gets its SQLSTATE where it is known; outer layers wrap it with fmt.Errorf("...: %w") and From finds it
// again. Errors are values: they are built once, never changed after they were returned, and safe to share.
package errs

import (
	"context"
	"errors"
	"fmt"
)

// Error is an error that a client can be shown. The zero value is not an error.
type Error struct {
	Code     Code   // SQLSTATE, five characters
	Message  string // primary text, lower case, no full stop
	Detail   string // a sentence with the particulars, or ""
	Hint     string // a sentence with the next step, or ""
	Context  string // where it happened, e.g. `COPY hits, line 3, column url`, or ""
	Position int    // 1-based character position in the statement's text, 0 when unknown
	Severity string // "" means ERROR; FATAL closes the session
	// Object is what an error of class 23 is about, as far as it is known.
	Object Object

	cause error
}

// Object names the table of an error with its schema, and a column or a constraint of it, for programs that do not read
// messages. Names are "" where there are none.
type Object struct{ Schema, Table, Column, Constraint string }

// New returns an error with a SQLSTATE and a formatted message. A %w verb in format keeps its cause.
func New(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), cause: errors.Unwrap(err)}
}

// Unsupported returns 0A000 for something PostgreSQL has and Siltstone does not, which it names.
func Unsupported(format string, args ...any) *Error {
	return New(FeatureNotSupported, "%s is not supported yet", fmt.Sprintf(format, args...))
}

// Corrupt returns XX001 for bytes at rest that are not what was written: name the file, the place, got and want.
func Corrupt(format string, args ...any) *Error { return New(DataCorrupted, format, args...) }

// Internal returns XX000 for a broken assumption of our own.
func Internal(format string, args ...any) *Error { return New(InternalError, format, args...) }

// Error returns the primary message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause that New was given by %w, or nil.
func (e *Error) Unwrap() error { return e.cause }

// WithDetail sets the detail of a fresh error and returns it.
func (e *Error) WithDetail(format string, args ...any) *Error {
	e.Detail = fmt.Sprintf(format, args...)
	return e
}

// WithHint sets the hint of a fresh error and returns it.
func (e *Error) WithHint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// WithContext sets the context line of a fresh error and returns it.
func (e *Error) WithContext(format string, args ...any) *Error {
	e.Context = fmt.Sprintf(format, args...)
	return e
}

// About sets the object of a fresh error and returns it.
func (e *Error) About(o Object) *Error {
	e.Object = o
	return e
}

// At sets the 1-based character position of a fresh error, unless it has one, and returns it.
func (e *Error) At(position int) *Error {
	if e.Position == 0 {
		e.Position = position
	}
	return e
}

// From returns the *Error inside err. An error without one becomes 57014 when a context ended it, else XX000.
// From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{Code: QueryCanceled, Message: "canceling statement due to user request", cause: err}
	}
	return &Error{Code: InternalError, Message: err.Error(), cause: err}
}

// Is tells whether err carries the given SQLSTATE.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
