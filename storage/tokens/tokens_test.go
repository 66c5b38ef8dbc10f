package tokens

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
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
		account = memtest.Pool(t, 0).Overdraft("tokens")
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

// set opens the tokens of a directory without an account.
func set(t *testing.T, fsys vfs.FS, most int) *Set {
	t.Helper()
	x, err := Open(Options{FS: fsys, Dir: "tokens", Kept: time.Hour, Max: most, Now: func() time.Time { return time.Unix(7200, 0) },
		Account: memtest.Pool(t, 0).Overdraft("tokens")})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func named(i int) ID { return NewID(1, "c", fmt.Sprint(i), uint64(i)) }

// TestFileOfTokens: what was saved is there again, whatever fails in between is saved by the next, and files are as they
// are told: numbered one after the other, with their lengths.
func TestFileOfTokens(t *testing.T) {
	for _, fault := range []struct {
		name string
		kind errorfs.Kind
	}{{"nothing", 0}, {"the making of the file", errorfs.Create}, {"its header", errorfs.Write}, {"its sync", errorfs.Sync}, {"that of its folder", errorfs.SyncDir}} {
		m := vfs.NewMem()
		efs := errorfs.New(m, errorfs.Create)
		if err := efs.MkdirAll("tokens"); err != nil {
			t.Fatal(err)
		}
		x := set(t, efs, 100)
		if len(x.Files()) != 0 || x.Save() != nil || len(x.Files()) != 0 {
			t.Fatalf("%s: files without tokens: %v", fault.name, x.Files())
		}
		x.Commit(named(1), Write{11, 101}, 7000)
		if fault.kind != 0 {
			efs.FailKinds(fault.kind, 1, false, nil)
			if err := x.Save(); err == nil {
				t.Fatalf("%s fails and nobody says so", fault.name)
			}
			efs.Heal()
		}
		for i := 2; i < 5; i++ {
			x.Commit(named(i), Write{uint64(10 + i), int64(100 + i)}, 7000)
			if err := x.Save(); err != nil {
				t.Fatal(err)
			}
		}
		for _, f := range x.Files() {
			info, err := m.Stat(x.name(f.Number))
			if err == nil && f.Bytes != info.Size && f.Bytes > 0 {
				t.Errorf("%s: file %d is told to have %d bytes, of %d", fault.name, f.Number, f.Bytes, info.Size)
			}
		}
		first := x.Files()[0].Number
		if err := x.Close(); err != nil {
			t.Fatal(err)
		}
		if want := uint64(1); first != want && (first != want+1 || fault.kind != errorfs.Create) || m.OpenFiles() != 0 {
			t.Errorf("%s: the first file is %d, and %d are open", fault.name, first, m.OpenFiles())
		}
		y := set(t, m.CrashClone(1, 0), 100) // what was synced
		for i := 1; i < 5; i++ {
			k, err := y.Begin(t.Context(), named(i))
			if err != nil || k == nil || *k != (Write{uint64(10 + i), int64(100 + i)}) {
				t.Errorf("%s: token %d: %+v, %v", fault.name, i, k, err)
			}
		}
		if got := y.Files(); len(got) != 1 || got[0].Number != x.number+1 {
			t.Errorf("%s: files after a start: %+v, the last was %d", fault.name, got, x.number)
		}
		if err := y.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRewriteWhen: files are written again when more than twice what is known and the spare lies in them, not before.
func TestRewriteWhen(t *testing.T) {
	m := vfs.NewMem()
	if err := m.MkdirAll("tokens"); err != nil {
		t.Fatal(err)
	}
	x := set(t, m, 3)
	defer x.Close()
	for i := range 2*3 + spare {
		x.Commit(named(i), Write{uint64(i), 1}, 7000)
	}
	if err := x.Save(); err != nil || len(x.Files()) != 1 || x.Files()[0].Number != 1 {
		t.Fatalf("exactly as many as are spared: %+v, %v", x.Files(), err)
	}
	x.Commit(named(-1), Write{1, 1}, 7000)
	if err := x.Save(); err != nil || len(x.Files()) != 1 || x.Files()[0].Number != 2 || x.Files()[0].Bytes > 1000 || x.written != 3 {
		t.Fatalf("one more: %+v, %d, %v", x.Files(), x.written, err)
	}
}

// TestForgotten: a token is known for as long as it is told, and so many are.
func TestForgotten(t *testing.T) {
	m := vfs.NewMem()
	if err := m.MkdirAll("tokens"); err != nil {
		t.Fatal(err)
	}
	x := set(t, m, 3)
	defer x.Close()
	known := func(i int) bool { return x.known[named(i).hash] != nil }
	x.Commit(named(0), Write{}, 3599)
	x.Commit(named(1), Write{}, 3600) // an hour ago
	x.Commit(named(2), Write{}, 7200)
	if known(0) || !known(1) || !known(2) {
		t.Error("a token of just an hour ago is known, one that is older is not")
	}
	x.Commit(named(3), Write{}, 7200)
	if !known(1) {
		t.Error("three are known")
	}
	x.Commit(named(4), Write{}, 7200)
	if known(1) || !known(2) || !known(4) || x.o.Account.Used() != 3*memory {
		t.Errorf("the last three are known, and %d bytes charged", x.o.Account.Used())
	}
}

// TestAbort: a claim that was given up can be made again, and giving up what is no claim changes nothing.
func TestAbort(t *testing.T) {
	m := vfs.NewMem()
	if err := m.MkdirAll("tokens"); err != nil {
		t.Fatal(err)
	}
	x := set(t, m, 10)
	defer x.Close()
	claim := func(want *Write) {
		t.Helper()
		ended, end := context.WithCancel(t.Context())
		end() // no wait
		k, err := x.Begin(ended, named(1))
		if err != nil || (k == nil) != (want == nil) || k != nil && *k != *want {
			t.Fatalf("%+v, %v, want %+v", k, err, want)
		}
	}
	x.Abort(named(1)) // nobody has claimed it
	claim(nil)
	x.Abort(named(1))
	claim(nil)
	x.Commit(named(1), Write{5, 6}, 7000)
	x.Abort(named(1)) // it is no claim any more
	claim(&Write{5, 6})
}

// TestFullAtTheStart: on a full disk the files stay that are there, and what lies in them is counted.
func TestFullAtTheStart(t *testing.T) {
	efs := errorfs.New(vfs.NewMem(), errorfs.Create)
	if err := efs.MkdirAll("tokens"); err != nil {
		t.Fatal(err)
	}
	x := set(t, efs, 10)
	for i := range 5 {
		x.Commit(named(i), Write{uint64(i), 1}, 7000)
	}
	if err := x.Save(); err != nil || x.Close() != nil {
		t.Fatal(err)
	}
	efs.Fail(1, false, syscall.ENOSPC)
	y := set(t, efs, 10)
	defer y.Close()
	if y.written != 5 || len(y.Files()) != 1 || y.Files()[0].Number != 1 {
		t.Errorf("%d entries in %+v", y.written, y.Files())
	}
}
