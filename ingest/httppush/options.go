package httppush

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/format"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/table"
)

// Options configure a Handler. Store, Defaults and Conditions are needed; of the rest zero is ready.
type Options struct {
	Store Store
	// Defaults sets the Default of each column of a table that has one, for the rows of one push. It is called only
	// for tables with defaults.
	Defaults func(r *http.Request, user string, t *catalog.Table, cols []format.Column) error
	// Conditions compiles the CHECK constraints of a table for the rows of one push, which calls done at its end. It is
	// called only for tables that have some.
	Conditions func(r *http.Request, user string, t *catalog.Table) (list []table.Condition, done func(), err error)
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
	if o.Defaults == nil {
		bad("Defaults: nothing evaluates defaults of columns")
	}
	if o.Conditions == nil {
		bad("Conditions: nothing evaluates CHECK constraints")
	}
	if o.BodyMaxBytes < 0 {
		bad("BodyMaxBytes: %d is negative", o.BodyMaxBytes)
	}
	return errors.Join(problems...)
}
