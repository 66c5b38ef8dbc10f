package storage

import (
	"fmt"
	"testing"
	"time"

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
	if got := db.tokens.account.Used(); got != 100*tokenMemory {
		t.Errorf("%d bytes are charged for 100 tokens", got)
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

// TestTokensExpire: a token is forgotten after TokensKept.
func TestTokensExpire(t *testing.T) {
	o := testOptions(vfs.NewMem())
	now := time.Unix(1e9, 0)
	o.Now, o.TokensKept = func() time.Time { return now }, time.Hour
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
	now = now.Add(59 * time.Minute)
	if !push("a") {
		t.Error("forgotten too soon")
	}
	now = now.Add(2 * time.Minute)
	push("b")
	if push("a") {
		t.Error("remembered too long")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
