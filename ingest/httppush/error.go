package httppush

import "github.com/siltstone-db/siltstone/storage/errs"

// Error is why a push was refused. errors.As finds the *errs.Error in it.
type Error struct {
	// Status is the HTTP status to answer with; 0 when it follows from the SQLSTATE.
	Status int
	Err    *errs.Error
	// Rows are the rows to blame, the first RowErrorsMax of them.
	Rows []RowError
}

// Error returns the reason.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

func withStatus(status int, err *errs.Error) error { return &Error{Status: status, Err: err} }

// RowError tells what is wrong with one row of a push.
type RowError struct {
	Index    int64  `json:"index"`            // in the body, from 0
	Column   string `json:"column,omitempty"` // "" when it is not one column's fault
	Reason   string `json:"reason"`
	SQLState string `json:"sqlstate"`
}

// RowErrorsMax bounds the rows that an answer tells about.
const RowErrorsMax = 100
