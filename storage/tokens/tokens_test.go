package tokens

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

// TestFilesAreBounded: files of tokens that are forgotten by now are written again with those that are known, also
// while the disk refuses it now and then.
func TestFilesAreBounded(t *testing.T) {
	efs := errorfs.New(vfs.NewMem(), errorfs.Create)
	if err := efs.MkdirAll("tokens"); err != nil {
		t.Fatal(err)
	}
	var account *mem.Account
	made := func() *Set {
		account = mem.NewPool(0).Overdraft("tokens")
		x, err := Open(Options{FS: efs, Dir: "tokens", Kept: time.Hour, Max: 100, Now: time.Now, Account: account})
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	id := func(i int) ID { return NewID(1, "c", fmt.Sprint(i), 0) }
	x := made()
	const n, each = 4 * spare, 1 << 10
	for i := range n {
		x.Commit(id(i), Write{uint64(i), 1}, time.Now().Unix())
		if i%each != each-1 {
			continue
		}
		if i%(5*each) == 0 {
			efs.Fail(1, false, syscall.ENOSPC)
		}
		if err := x.Save(); err != nil {
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
		if size > 2*spare*entryBytes {
			t.Fatalf("%d bytes of files after %d tokens", size, i+1)
		}
	}
	if err := x.Close(); err != nil {
		t.Fatal(err)
	}
	x = made()
	defer x.Close()
	for i := n - 100; i < n; i++ {
		if k := x.known[id(i).hash]; k == nil || k.Sequence != uint64(i) {
			t.Fatalf("token %d is forgotten", i)
		}
	}
	if got := account.Used(); got != 100*memory {
		t.Errorf("%d bytes are charged for 100 tokens", got)
	}
	if x.known[id(n-101).hash] != nil {
		t.Error("one more is remembered")
	}
}
