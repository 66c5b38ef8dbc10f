// Package metric has the counters of all components and the list of them that a page of metrics shows. Counters are
// atomic; a Registry is filled while a server starts, and read at any time after that.
//
// A component has a struct Metrics, and a method Register that adds them to a Registry.
package metric

import "sync/atomic"

// Counter is a number that only grows.
type Counter struct{ v atomic.Int64 }

// Add adds n.
func (c *Counter) Add(n int64) { c.v.Add(n) }

// Value returns the number.
func (c *Counter) Value() int64 { return c.v.Load() }

// Registry is a list of metrics.
type Registry struct{ metrics []Metric }

// Metric is a number with its name on the page.
type Metric struct {
	Name, Help string
	Grows      bool // a counter; else a gauge
	Value      func() int64
}

// Counter registers a counter; name ends in _total.
func (r *Registry) Counter(name, help string, c *Counter) {
	r.metrics = append(r.metrics, Metric{name, help, true, c.Value})
}

// Gauge registers a number that goes up and down.
func (r *Registry) Gauge(name, help string, value func() int64) {
	r.metrics = append(r.metrics, Metric{name, help, false, value})
}

// All returns the metrics in the order of registration. The slice is the registry's.
func (r *Registry) All() []Metric { return r.metrics }
