package storage

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// TestTokensAreBounded: at most TokensMax tokens are remembered, the newest ones, and they are charged.
func TestTokensAreBounded(t *testing.T) {
	o := testOptions(vfs.NewMem())
	o.Pool, o.TokensMax = mem.NewPool(0), 100
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "t")
	push := func(i int) bool {
		t.Helper()
		ack, err := db.Commit(ctx, table.Write{Rows: []table.Rows{rowsOf(tab, i, 1)}, Token: &table.Token{Client: "c", Key: fmt.Sprint(i)}})
		if err != nil {
			t.Fatal(err)
		}
		return ack.Duplicate
	}
	const n = 350
	for i := range n {
		if push(i) {
			t.Fatalf("push %d is a duplicate", i)
		}
	}
	if !push(n - 100) {
		t.Error("the oldest of the newest hundred is forgotten")
	}
	if push(n - 101) {
		t.Error("one more is remembered")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if o.Pool.Used() != 0 {
		t.Errorf("%d bytes are still charged", o.Pool.Used())
	}
}

// TestTokensKnowTheirContent: a key that comes with other rows is refused, also behind a restart, from the log and from a
// token file; one whose content nobody knows is a repeat.
func TestTokensKnowTheirContent(t *testing.T) {
	o := testOptions(vfs.NewMem())
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "t")
	push := func(content uint64) (bool, error) {
		ack, err := db.Commit(ctx, table.Write{Rows: []table.Rows{rowsOf(tab, 0, 1)}, Token: &table.Token{Client: "c", Key: "k", Content: content}})
		return ack.Duplicate, err
	}
	if repeated, err := push(1); repeated || err != nil {
		t.Fatal(repeated, err)
	}
	for round := range 3 {
		if _, err := push(2); !errs.Is(err, errs.InvalidParameterValue) {
			t.Errorf("round %d: other rows: %v", round, err)
		}
		for _, same := range []uint64{1, 0} {
			if repeated, err := push(same); !repeated || err != nil {
				t.Errorf("round %d: the same rows: %v, %v", round, repeated, err)
			}
		}
		if round == 1 {
			if err := db.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		db = mustOpen(t, o)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestTokensExpire: a token is forgotten after TokensKept.
func TestTokensExpire(t *testing.T) {
	o := testOptions(vfs.NewMem())
	var past atomic.Int64 // minutes; the sealer looks at the clock, too
	o.Now = func() time.Time { return time.Unix(1e9, 0).Add(time.Duration(past.Load()) * time.Minute) }
	o.TokensKept = time.Hour
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "t")
	push := func(key string) bool {
		t.Helper()
		ack, err := db.Commit(ctx, table.Write{Rows: []table.Rows{rowsOf(tab, 0, 1)}, Token: &table.Token{Client: "c", Key: key}})
		if err != nil {
			t.Fatal(err)
		}
		return ack.Duplicate
	}
	push("a")
	past.Add(59)
	if !push("a") {
		t.Error("forgotten too soon")
	}
	past.Add(2)
	push("b")
	if push("a") {
		t.Error("remembered too long")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// A token belongs to a table, not to its name: over a rename it is known, and a table that is made again knows none of
// those before, also after a restart.
func TestTokenBelongsToTable(t *testing.T) {
	o := testOptions(vfs.NewMem())
	db := mustOpen(t, o)
	push := func(name string) bool {
		t.Helper()
		tab := db.Catalog().Table("public", name)
		ack, err := db.Commit(ctx, table.Write{Rows: []table.Rows{rowsOf(tab, 0, 1)}, Token: &table.Token{Table: tab.ID, Client: "c", Key: "k"}})
		if err != nil {
			t.Fatal(err)
		}
		return ack.Duplicate
	}
	tab := mustCreate(t, db, "t")
	if push("t") {
		t.Fatal("a fresh token is known")
	}
	if err := db.Apply(ctx, catalog.Replace(tab, func(t *catalog.Table) (*catalog.Table, error) { t.Name = "renamed"; return t, nil })); err != nil {
		t.Fatal(err)
	}
	if !push("renamed") {
		t.Fatal("the token is lost with the name")
	}
	mustCreate(t, db, "t")
	if push("t") {
		t.Fatal("another table of the same name knows the token")
	}
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	mustClose(t, db)
	db = mustOpen(t, o)
	defer func() { mustClose(t, db) }()
	if !push("t") || !push("renamed") {
		t.Fatal("tokens are lost over a restart")
	}
}
