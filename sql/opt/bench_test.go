package opt_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/sql/bind/bindtest"
	"github.com/siltstone-db/siltstone/sql/opt"
)

// processorTime is what the process has used so far; a busy machine does not change it.
func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// chained joins tables in a row, written so that only the last conditions tie the first of them; star joins all to the first.
func chained(n int) string { return joined(n, func(i int) int { return i - 1 }) }
func star(n int) string    { return joined(n, func(int) int { return 0 }) }

func joined(n int, to func(i int) int) string {
	var from, where []string
	for i := range n {
		from = append(from, fmt.Sprintf("orders o%d", i))
		if i > 0 {
			where = append(where, fmt.Sprintf("o%d.o_orderkey = o%d.o_custkey", i, to(i)))
		}
	}
	return "SELECT count(*) FROM " + strings.Join(from, ", ") + " WHERE " + strings.Join(where, " AND ")
}

// BenchmarkPlan parses, binds and optimizes queries: those of a corpus, and joins of many tables.
func BenchmarkPlan(b *testing.B) {
	c := bindtest.NewCorpora(b)
	queries := map[string][]string{}
	for _, corpus := range bindtest.Corpora {
		queries[corpus.Name] = corpus.Texts(b)
	}
	for _, n := range []int{17, 64} {
		queries[fmt.Sprintf("chain of %d", n)] = []string{chained(n)}
		queries[fmt.Sprintf("star of %d", n)] = []string{star(n)}
	}
	for name, texts := range queries {
		b.Run(name, func(b *testing.B) {
			start, runs := processorTime(), 0
			var most time.Duration
			for b.Loop() {
				for _, text := range texts {
					before := processorTime()
					q, err := bound(c, text)
					if err != nil {
						continue // package bind tests which do
					}
					if _, _, err := opt.Optimize(context.Background(), q.Plan, opt.Env{Stats: c}); err != nil {
						b.Fatal(err)
					}
					most = max(most, processorTime()-before)
					runs++
				}
			}
			b.ReportMetric(float64((processorTime()-start).Microseconds())/1000/float64(runs), "cpu-ms/query")
			b.ReportMetric(float64(most.Microseconds())/1000, "most-cpu-ms")
		})
	}
}
