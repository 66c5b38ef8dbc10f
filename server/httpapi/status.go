package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// retryAfterSeconds is what a client is told to wait when there is no memory: sealing live rows to disk, which frees
// it, takes about that long.
const retryAfterSeconds = "1"

// statusOf returns the HTTP status of a SQLSTATE.
func statusOf(code errs.Code) int {
	switch code {
	case errs.UndefinedTable, errs.InvalidSchemaName, errs.InvalidCatalogName:
		return http.StatusNotFound
	case errs.InsufficientPrivilege:
		return http.StatusForbidden
	case errs.FeatureNotSupported:
		return http.StatusNotImplemented
	case errs.DiskFull:
		return http.StatusInsufficientStorage
	case errs.OutOfMemory, errs.TooManyConnections:
		return http.StatusTooManyRequests
	case errs.ProgramLimitExceeded, errs.StatementTooComplex:
		return http.StatusRequestEntityTooLarge
	case errs.SerializationFailure, errs.UniqueViolation, errs.ObjectInUse, errs.LockNotAvailable, errs.ObjectNotInPrerequisiteState:
		return http.StatusConflict
	case errs.QueryCanceled:
		return http.StatusRequestTimeout
	case errs.AdminShutdown, errs.CannotConnectNow:
		return http.StatusServiceUnavailable
	}
	switch class := string(code[:2]); class {
	case "22", "23":
		return http.StatusUnprocessableEntity
	case "28":
		return http.StatusUnauthorized
	case "08", "0A", "21", "25", "26", "34", "3B", "3F", "42":
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// statusError gives an error a status that does not follow from its SQLSTATE.
type statusError struct {
	status int
	err    *errs.Error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

func withStatus(status int, err *errs.Error) error { return &statusError{status, err} }

// errorBody is the JSON of an error.
type errorBody struct {
	SQLState string     `json:"sqlstate"`
	Message  string     `json:"message"`
	Detail   string     `json:"detail,omitempty"`
	Hint     string     `json:"hint,omitempty"`
	Context  string     `json:"context,omitempty"`
	Position int        `json:"position,omitempty"`
	Rows     []rowError `json:"rows,omitempty"`
}

// rowError tells what is wrong with one row of a push.
type rowError struct {
	Index    int64  `json:"index"`            // in the body, from 0
	Column   string `json:"column,omitempty"` // "" when it is not one column's fault
	Reason   string `json:"reason"`
	SQLState string `json:"sqlstate"`
}

func bodyOf(e *errs.Error, rows []rowError) errorBody {
	return errorBody{string(e.Code), e.Message, e.Detail, e.Hint, e.Context, e.Position, rows}
}

// writeError answers with an error.
func writeError(w http.ResponseWriter, err error, rows []rowError) {
	e := errs.From(err)
	status := statusOf(e.Code)
	var se *statusError
	if errors.As(err, &se) {
		status = se.status
	}
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		w.Header().Set("Retry-After", retryAfterSeconds)
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="siltstone", charset="UTF-8"`)
	}
	writeJSON(w, status, struct {
		Error errorBody `json:"error"`
	}{bodyOf(e, rows)})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // of values of ours, all of which have a JSON form
		panic("httpapi: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(append(b, '\n')) // a client that is gone is seen by its next request
}
