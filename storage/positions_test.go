package storage

import (
	"fmt"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/positions"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/vfs"
	"github.com/siltstone-db/siltstone/storage/vfs/errorfs"
)

func moved(partition, from, to string) positions.Move {
	return positions.Move{Key: positions.Key{Source: 7, Partition: partition}, From: from, To: to}
}

// TestPositionsOfDropped: where a source was read to goes with its object, in the log and in the manifest, and others stay.
func TestPositionsOfDropped(t *testing.T) {
	o := testOptions(vfs.NewMem())
	db := mustOpen(t, o)
	sub := func(name string) *catalog.Subscription { return &catalog.Subscription{Head: catalog.Head{Name: name}} }
	if err := db.Apply(ctx, catalog.Create(sub("goes")), catalog.Create(sub("stays"))); err != nil {
		t.Fatal(err)
	}
	ids := map[string]uint64{}
	for o := range db.Catalog().Objects(catalog.KindSubscription) {
		ids[o.Common().Name] = uint64(o.Common().ID)
	}
	for _, id := range ids {
		move := positions.Move{Key: positions.Key{Source: id, Partition: "p"}, To: "5"}
		if _, err := db.Commit(ctx, table.Write{Positions: []positions.Move{move}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.flush(); err != nil { // the manifest has them
		t.Fatal(err)
	}
	if err := db.Apply(ctx, catalog.Drop(nil, db.Catalog().Object(catalog.ID(ids["goes"])))); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"at once", "from the log", "from the manifest"} {
		if a, b := db.Positions(ids["goes"]), db.Positions(ids["stays"]); len(a) != 0 || b["p"] != "5" {
			t.Fatalf("%s: %v and %v", when, a, b)
		}
		mustClose(t, db)
		db = mustOpen(t, o)
		if when == "from the log" {
			if err := db.flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	mustClose(t, db)
}

// Positions move with their rows, are compared with what is stored, and come back from the log and from the manifest.
func TestPositions(t *testing.T) {
	m := vfs.NewMem()
	o := testOptions(m)
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "t")
	put := func(n int, moves ...positions.Move) error {
		w := table.Write{Positions: moves}
		if n > 0 {
			w.Rows = []table.Rows{rowsOf(tab, 0, n)}
		}
		_, err := db.Commit(ctx, w)
		return err
	}
	expect := func(what string, want map[string]string) {
		t.Helper()
		if got := db.Positions(7); !maps.Equal(got, want) {
			t.Fatalf("%s: %v, want %v", what, got, want)
		}
	}
	if err := put(3, moved("a", "", "10"), moved("b", "", "x")); err != nil {
		t.Fatal(err)
	}
	if err := put(3, moved("a", "9", "11")); !errs.Is(err, errs.SerializationFailure) {
		t.Fatalf("from another position: %v", err)
	}
	if err := put(0, moved("a", "10", "12")); err != nil { // nothing but gaps
		t.Fatal(err)
	}
	want := map[string]string{"a": "12", "b": "x"}
	expect("at first", want)
	restart := func(what string) {
		t.Helper()
		mustClose(t, db)
		db = mustOpen(t, o)
		expect(what, want)
	}
	restart("from the log")
	if err := db.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	if err := db.flush(); err != nil {
		t.Fatal(err)
	}
	restart("from the manifest")
	if err := put(0, moved("b", "x", "")); err != nil {
		t.Fatal(err)
	}
	delete(want, "b")
	restart("forgotten, from the log")
	if err := db.flush(); err != nil {
		t.Fatal(err)
	}
	restart("forgotten, from the manifest")
	s := db.Snapshot()
	if got, err := read(s, tab.ID); err == nil && got.rows != 3 {
		t.Fatalf("%d rows", got.rows)
	}
	s.Release()
	mustClose(t, db)
}

// TestPositionsCrash: in every state that a crash leaves, there are as many rows as the position says, and not less than
// were acknowledged.
func TestPositionsCrash(t *testing.T) {
	m := vfs.NewMem()
	fsys := errorfs.New(m, errorfs.Changes)
	type state struct {
		m     *vfs.Mem
		acked int64
	}
	var states []state
	var acked atomic.Int64
	var mu sync.Mutex // the log makes its files beside what it writes
	fsys.Before = func(n int, _ errorfs.Kind, _ string) {
		mu.Lock()
		defer mu.Unlock()
		for i, keep := range []float64{0, 0.5, 1} {
			states = append(states, state{m.CrashClone(uint64(3*n+i), keep), acked.Load()})
		}
	}
	o := testOptions(fsys)
	db := mustOpen(t, o)
	tab := mustCreate(t, db, "t")
	at := ""
	for i := range 12 {
		to := strconv.Itoa(i + 1)
		if _, err := db.Commit(ctx, table.Write{Rows: []table.Rows{rowsOf(tab, i, 1)}, Positions: []positions.Move{moved("p", at, to)}}); err != nil {
			t.Fatal(err)
		}
		acked.Store(int64(i + 1))
		if at = to; i%5 == 4 {
			if err := db.Checkpoint(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	mustClose(t, db)
	for i, st := range states {
		db, err := Open(ctx, "db", testOptions(st.m))
		if err != nil {
			t.Fatalf("state %d: %v", i, err)
		}
		rows := 0
		if tab := db.Catalog().Table("public", "t"); tab != nil {
			s := db.Snapshot()
			got, err := read(s, tab.ID)
			s.Release()
			if err != nil {
				t.Fatalf("state %d: %v", i, err)
			}
			rows = got.rows
		}
		position := db.Positions(7)["p"]
		if position == "" {
			position = "0"
		}
		if position != fmt.Sprint(rows) || int64(rows) < st.acked {
			t.Fatalf("state %d: position %s, %d rows, %d acknowledged", i, position, rows, st.acked)
		}
		mustClose(t, db)
	}
	t.Logf("%d crash states", len(states))
}
