package httppush

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/table"
)

// Options configure a Handler. Store and Terms are needed; of the rest zero is ready.
type Options struct {
	Store table.Store
	// Terms compiles what SQL says of the rows of a table, for one push, which calls done at its end. It is called only for
	// tables with defaults or CHECK constraints.
	Terms func(r *http.Request, user string, t *catalog.Table) (terms *table.Terms, done func(), err error)
	// Pool is charged for the rows of pushes that are on their way. Default: one without a limit.
	Pool *mem.Pool
	// BodyMaxBytes bounds a body, before and after decompression. Default 256 MiB.
	BodyMaxBytes int64
}

// EnsureDefaults fills in what is zero.
func (o *Options) EnsureDefaults() {
	o.BodyMaxBytes = cmp.Or(o.BodyMaxBytes, 256<<20)
	if o.Pool == nil {
		o.Pool = mem.NewPool(0)
	}
}

// Validate returns every problem of the options, joined, each with 22023. What EnsureDefaults would fill in is not one.
func (o *Options) Validate() error {
	var problems []error
	bad := func(format string, args ...any) {
		problems = append(problems, errs.New(errs.InvalidParameterValue, format, args...))
	}
	if o.Store == nil {
		bad("Store: nothing takes rows")
	}
	if o.Terms == nil {
		bad("Terms: nothing computes defaults of columns and CHECK constraints")
	}
	if o.BodyMaxBytes < 0 {
		bad("BodyMaxBytes: %d is negative", o.BodyMaxBytes)
	}
	return errors.Join(problems...)
}
