package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/siltstone-db/siltstone/server/pgtest"
)

// TestWire plays the scripts of testdata/wire, whose answers are PostgreSQL's, message by message.
//
// With SILTSTONE_POSTGRES=host:port it plays them against a PostgreSQL 15 there, as role tester, who has to be a
// superuser that needs no password; with -rewrite it takes the answers down, which is the way to write a script. It
// drops and creates the database "tester" for each.
func TestWire(t *testing.T) {
	files, err := filepath.Glob("testdata/wire/*.wire")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	address, prepare := os.Getenv("SILTSTONE_POSTGRES"), freshPostgres
	if address == "" {
		address = mustLaunch(t, t.TempDir()).pg
		prepare = func(*testing.T, string) {}
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			prepare(t, address)
			pgtest.Run(t, f, func() (net.Conn, error) { return net.Dial("tcp", address) })
		})
	}
}

// freshPostgres makes an empty database "tester".
func freshPostgres(t *testing.T, address string) {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, "postgres://tester@"+address+"/postgres?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	for _, sql := range []string{"DROP DATABASE IF EXISTS tester WITH (FORCE)", "CREATE DATABASE tester"} {
		if _, err := c.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
}
