// Package tpch is the TPC-H workload: eight tables, 22 queries with the parameters of the standard's validation, and data of
// its own generator, which has the standard's sizes and distributions but not its texts. It is no result in the sense of the
// standard; it compares databases over the same rows.
package tpch

import (
	_ "embed"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/siltstone-db/siltstone/bench/suite"
)

//go:embed schema.sql
var schema string

//go:embed queries.sql
var queries string

// Queries returns the 22 queries.
func Queries() []suite.Query {
	var qs []suite.Query
	for line := range strings.Lines(queries) {
		line = strings.TrimSuffix(strings.TrimSpace(line), ";")
		if check, ok := strings.CutPrefix(line, "-- check: "); ok {
			qs[len(qs)-1].Check = check
		} else if line != "" && !strings.HasPrefix(line, "--") {
			qs = append(qs, suite.Query{Name: fmt.Sprintf("Q%d", len(qs)+1), SQL: line})
		}
	}
	return qs
}

// orders are the columns by which ClickHouse sorts: the primary keys of the standard.
var orders = map[string]string{"region": "r_regionkey", "nation": "n_nationkey", "part": "p_partkey", "supplier": "s_suppkey",
	"partsupp": "ps_partkey, ps_suppkey", "customer": "c_custkey", "orders": "o_orderkey", "lineitem": "l_orderkey, l_linenumber"}

// Workload returns the workload at a scale (1: six million lines), writing the data files into dir unless they are there.
func Workload(dir string, seed uint64, scale float64) (*suite.Workload, error) {
	g := newGenerator(seed, scale)
	tables := []struct {
		name string
		n    int64
		make func(int64)
	}{
		{"region", 5, g.region}, {"nation", 25, g.nation}, {"part", g.parts, g.part}, {"supplier", g.suppliers, g.supplier},
		{"partsupp", 4 * g.parts, g.partsupp}, {"customer", g.customers, g.customer}, {"orders", g.orders_, g.orders},
		{"lineitem", g.orders_, g.lineitems},
	}
	w := &suite.Workload{Name: fmt.Sprintf("TPC-H at scale %g", scale), Queries: Queries()}
	for _, t := range tables {
		path := filepath.Join(dir, fmt.Sprintf("tpch-%d-%g-%s.csv", seed, scale, t.name))
		if err := g.write(path, t.n, t.make); err != nil {
			return nil, err
		}
		w.Tables = append(w.Tables, suite.Table{Name: t.name, Schema: create(t.name), Files: []string{path}, Order: orders[t.name]})
	}
	return w, nil
}

// create returns the CREATE TABLE statement of a table.
func create(name string) string {
	from := strings.Index(schema, "CREATE TABLE "+name+"\n")
	return schema[from:][:strings.Index(schema[from:], ";")]
}
