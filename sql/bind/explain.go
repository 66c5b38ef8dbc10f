package bind

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"

	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// explain binds EXPLAIN.
func (b *Binder) explain(n *pg.ExplainStmt) (Statement, error) {
	e := &Explain{Costs: true, Format: "text"}
	timing, summary := false, false
	for _, o := range n.Options {
		d := o.GetDefElem()
		var on bool
		var err error
		if name := strings.ToLower(d.Defname); name != "format" {
			if on, err = parse.Bool(d); err != nil {
				return nil, err
			}
		}
		switch strings.ToLower(d.Defname) {
		case "analyze":
			e.Analyze = on
		case "verbose":
			e.Verbose = on
		case "costs":
			e.Costs = on
		case "buffers":
			e.Buffers = on
		case "timing":
			e.Timing, timing = on, true
		case "summary":
			e.Summary, summary = on, true
		case "settings", "wal", "generic_plan", "memory", "serialize":
		case "format":
			e.Format = strings.ToLower(parse.Text(d.Arg))
			switch e.Format {
			case "text", "json":
			case "xml", "yaml":
				return nil, b.unsupported(d.Location, "EXPLAIN format %q", e.Format)
			default:
				return nil, b.fail(d.Location, errs.InvalidParameterValue, "unrecognized value for EXPLAIN option \"format\": %q", e.Format)
			}
		default:
			return nil, b.fail(d.Location, errs.SyntaxError, "unrecognized EXPLAIN option %q", d.Defname)
		}
	}
	if !timing {
		e.Timing = e.Analyze
	} else if e.Timing && !e.Analyze {
		return nil, errs.New(errs.InvalidParameterValue, "EXPLAIN option TIMING requires ANALYZE")
	}
	if !summary {
		e.Summary = e.Analyze
	}
	var err error
	e.Statement, err = b.statement(n.Query)
	return e, err
}
