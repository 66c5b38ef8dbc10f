package bind_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/siltstone-db/siltstone/sql/bind"
	"github.com/siltstone-db/siltstone/sql/bind/bindtest"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

var postgres = flag.String("postgres", "", "take the answers from this PostgreSQL 15 (a connection string); use with -rewrite")

// TestLikePostgres compares what binding a statement tells a client (names and types of columns and parameters, or the
// error with code, position, detail and hint) with what PostgreSQL 15 tells when it prepares it. The answers in
// testdata/oracle are PostgreSQL's: go test -run LikePostgres -rewrite -postgres 'host=... dbname=...'.
func TestLikePostgres(t *testing.T) {
	c := bindtest.NewCorpora(t)
	var ask func(string) string
	if *postgres != "" {
		ask = oracle(t)
	}
	datadriven.Walk(t, "testdata/oracle", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if ask != nil {
				return ask(d.Input)
			}
			return describe(c, d.Input)
		})
	})
}

func describe(c *bindtest.Catalog, text string) string {
	st, b, err := bindOne(c, text)
	if err != nil {
		e := errs.From(err)
		return describeError(string(e.Code), e.Message, e.Detail, e.Hint, e.Position)
	}
	var out strings.Builder
	var cols []string
	switch q := st.(type) {
	case *bind.Query:
		for _, col := range q.Columns {
			cols = append(cols, col.Name+" "+typeName(col.Type))
		}
	case *bind.Insert:
		for _, col := range q.Columns {
			cols = append(cols, col.Name+" "+typeName(col.Type))
		}
	}
	fmt.Fprintf(&out, "columns: %s\n", strings.Join(cols, ", "))
	if b != nil && len(b.Parameters()) > 0 {
		var ps []string
		for _, p := range b.Parameters() {
			ps = append(ps, typeName(p))
		}
		fmt.Fprintf(&out, "parameters: %s\n", strings.Join(ps, ", "))
	}
	return out.String()
}

func typeName(t types.Type) string { return types.Type{Kind: t.Kind, Elem: t.Elem}.String() }

func describeError(code, message, detail, hint string, position int) string {
	s := fmt.Sprintf("%s at %d: %s\n", code, position, message)
	if detail != "" {
		s += "detail: " + detail + "\n"
	}
	if hint != "" {
		s += "hint: " + hint + "\n"
	}
	return s
}

// oracle returns a function that has a real PostgreSQL prepare statements.
func oracle(t *testing.T) func(string) string {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, *postgres)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(ctx) })
	if _, err := conn.Exec(ctx, "drop schema public cascade; create schema public;"+bindtest.Schema(t)); err != nil {
		t.Fatal(err)
	}
	name := func(oid uint32) string {
		var s string
		if err := conn.QueryRow(ctx, "select $1::oid::regtype::text", oid).Scan(&s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	return func(text string) string {
		d, err := conn.PgConn().Prepare(ctx, "", text, nil)
		var e *pgconn.PgError
		if errors.As(err, &e) {
			return describeError(e.Code, e.Message, e.Detail, e.Hint, int(e.Position))
		}
		if err != nil {
			t.Fatal(err)
		}
		var cols, ps []string
		for _, f := range d.Fields {
			cols = append(cols, f.Name+" "+name(f.DataTypeOID))
		}
		for _, p := range d.ParamOIDs {
			ps = append(ps, name(p))
		}
		s := fmt.Sprintf("columns: %s\n", strings.Join(cols, ", "))
		if len(ps) > 0 {
			s += fmt.Sprintf("parameters: %s\n", strings.Join(ps, ", "))
		}
		return s
	}
}
