package session

import (
	"cmp"
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"

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
	for _, name := range slices.Sorted(maps.Keys(o.Settings)) {
		p := parameters[strings.ToLower(name)]
		if p == nil {
			problems = append(problems, unrecognized(name))
			continue
		}
		if _, err := p.parse(o.Settings[name]); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...)
}

// defaults returns the values of all parameters that a session begins with, canonical, by lower-case name. The options
// are valid.
func (o *Options) defaults() map[string]string {
	all := make(map[string]string, len(parameters))
	for key, p := range parameters {
		all[key] = p.boot
	}
	for name, v := range o.Settings {
		key := strings.ToLower(name)
		all[key], _ = parameters[key].parse(v)
	}
	return all
}
