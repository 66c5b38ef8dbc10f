package bindtest

import (
	"os"
	"strings"
	"testing"
)

// The files of the corpora, seen from a package of the SQL layer. The table and the queries of ClickBench are those that
// the benchmark runs.
const (
	clickbenchSchema = "../../bench/clickbench/schema.sql"
	tpchSchema       = "../bind/testdata/tpch_schema.sql"
)

// Corpus is a file of queries that somebody really asks.
type Corpus struct {
	Name      string
	Queries   int // in the file
	file      string
	separator string
}

// Corpora are ClickBench with the variants that check its answers, TPC-H with a parameter of each query, and what psql
// asks of the system catalogs.
var Corpora = []Corpus{
	{"clickbench", 76, "../../bench/clickbench/queries.sql", ";\n"},
	{"tpch", 22, "../bind/testdata/tpch.sql", ";\n"},
	{"psql", 103, "../bind/testdata/psql.sql", "\n;;"},
}

// Texts returns the texts of a corpus; some are only comments.
func (c Corpus) Texts(t testing.TB) []string {
	t.Helper()
	text := strings.ReplaceAll(read(t, c.file), "-- check: ", "")
	var all []string
	for _, s := range strings.Split(text, c.separator) {
		if strings.TrimSpace(s) != "" {
			all = append(all, s)
		}
	}
	return all
}

// Schema returns the CREATE TABLE statements of the tables that the corpora ask for: those of ClickBench
// (github.com/ClickHouse/ClickBench, CC BY-NC-SA 4.0) and of TPC-H (www.tpc.org).
func Schema(t testing.TB) string {
	t.Helper()
	return read(t, clickbenchSchema) + "\n" + read(t, tpchSchema)
}

// NewCorpora returns a catalog with the tables that the corpora ask for.
func NewCorpora(t testing.TB) *Catalog {
	t.Helper()
	c, err := New(Schema(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func read(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
