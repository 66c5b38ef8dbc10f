package bind_test

import (
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/bindtest"
	"github.com/siltstone-db/siltstone/sql/parse"
	"github.com/siltstone-db/siltstone/sql/plan"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// bindOne binds one statement of a text.
func bindOne(c *bindtest.Catalog, text string, params ...types.Type) (bind.Statement, *bind.Binder, error) {
	st, err := parse.Parse(text)
	if err != nil {
		return nil, nil, err
	}
	if len(st) == 0 {
		return &bind.Empty{}, nil, nil
	}
	b := bind.New(c, params, bind.Env{})
	bound, err := b.Statement(st[0])
	return bound, b, err
}

// Every query of the corpora must bind to a plan whose columns have types and whose expressions read columns that exist.
func TestCorporaBind(t *testing.T) {
	c := bindtest.NewCorpora(t)
	for _, corpus := range bindtest.Corpora {
		t.Run(corpus.Name, func(t *testing.T) {
			queries := 0
			for _, text := range corpus.Texts(t) {
				st, _, err := bindOne(c, text)
				if want, missing := missing(text); missing {
					queries++
					if err == nil || !strings.Contains(err.Error(), want) {
						t.Errorf("%s: got %v, want the error about %s", text, err, want)
					}
					continue
				}
				if err != nil {
					e := errs.From(err)
					t.Errorf("%s\n%s: %s at %d %s", text, e.Code, e.Message, e.Position, e.Hint)
					continue
				}
				if q, ok := st.(*bind.Query); ok {
					queries++
					checkQuery(t, text, q)
				}
			}
			if queries != corpus.Queries {
				t.Errorf("%d queries, want %d", queries, corpus.Queries)
			}
		})
	}
}

// missing tells which queries of the corpora do not bind yet, and what their error is about.
func missing(text string) (string, bool) {
	for _, m := range []string{"pg_describe_object", "pg_tablespace_size"} {
		if strings.Contains(text, m) {
			return m, true
		}
	}
	return "", false
}

func checkQuery(t *testing.T, text string, q *bind.Query) {
	t.Helper()
	cols := q.Plan.Columns()
	if len(cols) != len(q.Columns) {
		t.Errorf("%s: plan has %d columns, query %d", text, len(cols), len(q.Columns))
		return
	}
	for i, c := range q.Columns {
		if c.ID != cols[i].ID || c.Type != cols[i].Type || c.Type.Kind == types.Unknown || c.Type.Kind == types.Invalid {
			t.Errorf("%s: column %d is %+v, in the plan %+v", text, i, c, cols[i])
		}
	}
	if free := plan.FreeColumns(q.Plan); len(free) > 0 {
		t.Errorf("%s: reads %v, which nothing makes\n%s", text, free, plan.String(q.Plan))
	}
}
