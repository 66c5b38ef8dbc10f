package session

import (
	"cmp"
	"errors"
	"runtime"

	"github.com/siltstone-db/siltstone/sql/setting"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
)

// Options are the settings of an Engine. The zero value is ready.
type Options struct {
	// Database is the name of the one database. Default siltstone.
	Database string
	// Pool is the memory that queries and transactions draw from. Default: one without a limit.
	Pool *mem.Pool
	// QueryBytes is the most memory of one query. Default: work_mem decides.
	QueryBytes int64
	// Workers is the most goroutines of one query. Default: one per core.
	Workers int
	// MaxSessions is the most sessions at once. Default 1000.
	MaxSessions int
	// Settings are defaults of parameters, by name in any case, that stand before those of the start-up packet.
	Settings map[string]string
}

// EnsureDefaults fills in what is zero.
func (o *Options) EnsureDefaults() {
	o.Database = cmp.Or(o.Database, "siltstone")
	o.Workers = cmp.Or(o.Workers, runtime.GOMAXPROCS(0))
	o.MaxSessions = cmp.Or(o.MaxSessions, 1000)
	if o.Pool == nil {
		o.Pool = mem.NewPool(0)
	}
}

// Validate returns every problem of the options, joined: 22023, and what SET would say of a setting. What EnsureDefaults
// would fill in is not one.
func (o *Options) Validate() error {
	var problems []error
	for _, n := range []struct {
		name  string
		value int64
	}{
		{"QueryBytes", o.QueryBytes}, {"Workers", int64(o.Workers)}, {"MaxSessions", int64(o.MaxSessions)},
	} {
		if n.value < 0 {
			problems = append(problems, errs.New(errs.InvalidParameterValue, "%s: %d is negative", n.name, n.value))
		}
	}
	if _, err := setting.NewDefaults(o.Settings); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}
