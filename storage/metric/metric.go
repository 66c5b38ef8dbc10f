// Package metric has the counters of storage and prints them in the text format of Prometheus. Counters are atomic; a
// Registry is filled once, when a database is opened, and read at any time.
package metric

import (
	"fmt"
	"io"
	"sync/atomic"
)

// Counter is a number that only grows.
type Counter struct{ v atomic.Int64 }

// Add adds n.
func (c *Counter) Add(n int64) { c.v.Add(n) }

// Value returns the number.
func (c *Counter) Value() int64 { return c.v.Load() }

// Registry is a list of metrics.
type Registry struct{ metrics []metric }

type metric struct {
	name, kind, help string
	value            func() int64
}

// Counter registers a counter; name ends in _total.
func (r *Registry) Counter(name, help string, c *Counter) {
	r.metrics = append(r.metrics, metric{name, "counter", help, c.Value})
}

// Gauge registers a number that goes up and down.
func (r *Registry) Gauge(name, help string, value func() int64) {
	r.metrics = append(r.metrics, metric{name, "gauge", help, value})
}

// Write prints all metrics in the order of registration.
func (r *Registry) Write(w io.Writer) error {
	for _, m := range r.metrics {
		if _, err := fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %d\n", m.name, m.help, m.name, m.kind, m.name, m.value()); err != nil {
			return err
		}
	}
	return nil
}
