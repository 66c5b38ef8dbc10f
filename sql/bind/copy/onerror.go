package copy

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// OnError says what COPY FROM does with a row that it cannot store.
type OnError string

// The choices of ON_ERROR. The first two are PostgreSQL's, of version 17.
const (
	Stop   OnError = "stop"   // it fails
	Ignore OnError = "ignore" // rows with a value that does not convert are skipped, others fail
	Reject OnError = "reject" // the row goes to the reject table of the table, whatever is wrong with it
)

// onError reads ON_ERROR.
func (r *reader) onError(def *pg.DefElem) error {
	if !r.target.From {
		return r.st.Fail(def.Location, errs.InvalidParameterValue, "COPY ON_ERROR cannot be used with COPY TO")
	}
	switch o := OnError(strings.ToLower(parse.Text(def.Arg))); o {
	case Stop, Ignore, Reject:
		r.OnError = o
	default:
		return r.st.Fail(def.Location, errs.InvalidParameterValue, "COPY ON_ERROR %q not recognized", parse.Text(def.Arg)).
			WithHint("It is one of stop, ignore and reject.")
	}
	return nil
}

// rejectLimit reads REJECT_LIMIT, of PostgreSQL 18.
func (r *reader) rejectLimit(def *pg.DefElem) error {
	text := parse.Text(def.Arg)
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return errs.New(errs.InvalidTextRepresentation, "invalid input syntax for type bigint: %q", text)
	case n <= 0:
		return errs.New(errs.InvalidParameterValue, "REJECT_LIMIT (%d) must be greater than zero", n)
	}
	r.RejectLimit = n
	return nil
}

// logVerbosity reads LOG_VERBOSITY, of PostgreSQL 17.
func (r *reader) logVerbosity(def *pg.DefElem) error {
	switch text := parse.Text(def.Arg); strings.ToLower(text) {
	case "default":
	case "verbose":
		r.Verbose = true
	default:
		return r.st.Fail(def.Location, errs.InvalidParameterValue, "COPY LOG_VERBOSITY %q not recognized", text)
	}
	return nil
}

// checkOnError refuses what does not go together.
func checkOnError(o *Options) error {
	switch {
	case o.Format == Binary && o.OnError == Ignore:
		return errs.New(errs.SyntaxError, "only ON_ERROR STOP is allowed in BINARY mode").WithHint("ON_ERROR reject is allowed, too.")
	case o.RejectLimit > 0 && o.OnError == Stop:
		return errs.New(errs.InvalidParameterValue, "COPY REJECT_LIMIT requires ON_ERROR to be set to IGNORE").WithHint("Or to reject.")
	}
	return nil
}
