package storage

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
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

// TestTokenFilesAreBounded: files of tokens that are forgotten by now are written again with those that are known, also
// while the disk refuses it now and then.
func TestTokenFilesAreBounded(t *testing.T) {
	efs := errorfs.New(vfs.NewMem(), errorfs.Create)
	if err := efs.MkdirAll("tokens"); err != nil {
		t.Fatal(err)
	}
	made := func() *tokens {
		x := &tokens{fs: efs, dir: "tokens", keep: time.Hour, max: 100, now: time.Now, account: mem.NewPool(0).Overdraft("tokens")}
		if err := x.open(); err != nil {
			t.Fatal(err)
		}
		return x
	}
	id := func(i int) tokenID { return hashToken(&table.Token{Client: "c", Key: fmt.Sprint(i)}) }
	x := made()
	const n, each = 4 * tokensSpare, 1 << 10
	for i := range n {
		x.commit(id(i), uint64(i), 1, time.Now().Unix())
		if i%each != each-1 {
			continue
		}
		if i%(5*each) == 0 {
			efs.Fail(1, false, syscall.ENOSPC)
		}
		if err := x.save(); err != nil {
			t.Fatal(err)
		}
		efs.Heal()
		infos, err := efs.List("tokens")
		if err != nil {
			t.Fatal(err)
		}
		var size int64
		for _, i := range infos {
			size += i.Size
		}
		if size > 2*tokensSpare*tokenBytes {
			t.Fatalf("%d bytes of files after %d tokens", size, i+1)
		}
	}
	if err := x.close(); err != nil {
		t.Fatal(err)
	}
	x = made()
	defer x.close()
	for i := n - 100; i < n; i++ {
		if k := x.known[id(i).hash]; k == nil || k.sequence != uint64(i) {
			t.Fatalf("token %d is forgotten", i)
		}
	}
	if x.known[id(n-101).hash] != nil {
		t.Error("one more is remembered")
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
