package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/siltstone-db/siltstone/ingest/httppush"
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
	case errs.AdminShutdown, errs.CannotConnectNow, errs.InsufficientResources:
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

// withStatus gives an error a status that does not follow from its SQLSTATE.
func withStatus(status int, err *errs.Error) error { return &httppush.Error{Status: status, Err: err} }

// statusFor returns the status to answer an error with.
func statusFor(err error) int {
	var e *httppush.Error
	if errors.As(err, &e) && e.Status != 0 {
		return e.Status
	}
	return statusOf(errs.From(err).Code)
}

// errorBody is the JSON of an error.
type errorBody struct {
	SQLState string              `json:"sqlstate"`
	Message  string              `json:"message"`
	Detail   string              `json:"detail,omitempty"`
	Hint     string              `json:"hint,omitempty"`
	Context  string              `json:"context,omitempty"`
	Position int                 `json:"position,omitempty"`
	Rows     []httppush.RowError `json:"rows,omitempty"`
}

func bodyOf(err error) errorBody {
	e := errs.From(err)
	b := errorBody{SQLState: string(e.Code), Message: e.Message, Detail: e.Detail, Hint: e.Hint, Context: e.Context, Position: e.Position}
	var p *httppush.Error
	if errors.As(err, &p) {
		b.Rows = p.Rows
	}
	return b
}

// writeError answers with an error, also when the request's body has not come or is not wanted.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	defer leaveBody(w, r)()
	status := statusFor(err)
	switch status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusInsufficientStorage:
		w.Header().Set("Retry-After", retryAfterSeconds)
	case http.StatusUnauthorized:
		scheme := `Basic realm="siltstone", charset="UTF-8"`
		if foreignOf(r) != "" { // no browser should ask its user for a password on a page of another site
			scheme = `Bearer realm="siltstone"`
		}
		w.Header().Set("WWW-Authenticate", scheme)
	}
	writeJSON(w, status, struct {
		Error errorBody `json:"error"`
	}{bodyOf(err)})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil { // of values of ours, all of which have a JSON form
		panic("httpapi: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // a client that is gone is seen by its next request
}
