package segment

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/scan"
)

// TestWorkers runs scans whose workers share morsels, the filtering of a dictionary and a cache that is too small to
// hold the segment.
func TestWorkers(t *testing.T) {
	rows := 2*scan.BlockRows + 5000
	in := events(t, rows)
	r := rand.New(rand.NewPCG(1, 1))
	in.Order = make([]uint32, rows)
	for i, j := range r.Perm(rows) {
		in.Order[i] = uint32(j)
	}
	file := writeInput(t, in)
	s := open(t, file, newCache(t, 24<<20))
	if s.cols[9].dict.entries <= entryChunk {
		t.Fatalf("%d entries: too few to be shared", s.cols[9].dict.entries)
	}
	req := scan.Request{Columns: []int{0, 3, 9}, Terms: []scan.Term{
		{Column: 9, Op: scan.Entries, Filter: contains("page77")}, intTerm(4, scan.Lt, 2000),
	}}
	want := drainAll(t, s, &req)
	if want == 0 {
		t.Fatal("no rows")
	}
	for range 4 {
		ctr := new(scan.Counters)
		q := req
		q.Counters = ctr
		ps, err := s.All(nil).Open(context.Background(), &q)
		if err != nil {
			t.Fatal(err)
		}
		var next, got atomic.Int64
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { got.Add(work(t, ps, &next)) })
		}
		wg.Wait()
		ps.Close()
		if got.Load() != int64(want) {
			t.Errorf("%d rows, want %d", got.Load(), want)
		}
		if n := ctr.EntriesFiltered.Load(); n != int64(s.cols[9].dict.entries) {
			t.Errorf("%d entries filtered, want each of %d once", n, s.cols[9].dict.entries)
		}
	}
}

func work(t *testing.T, ps scan.PartScan, next *atomic.Int64) (rows int64) {
	cur, err := ps.Cursor()
	if err != nil {
		t.Error(err)
		return 0
	}
	defer cur.Close()
	var out batch.Batch
	for {
		m := int(next.Add(1) - 1)
		if m >= ps.Morsels() {
			return rows
		}
		if err := cur.Seek(m); err != nil {
			t.Error(err)
			return rows
		}
		for {
			ok, err := cur.Next(context.Background(), &out)
			if err != nil {
				t.Error(err)
				return rows
			}
			if !ok {
				break
			}
			rows += int64(out.Len)
			for i := range out.Len {
				if k := out.Cols[2].Codes[i]; int(k) >= out.Cols[2].Dict.Len {
					t.Errorf("code %d", k)
				}
			}
		}
	}
}

// TestCanceled stops between batches.
func TestCanceled(t *testing.T) {
	s := openEvents(t, 5000)
	ctx, cancel := context.WithCancel(context.Background())
	ps, err := s.All(nil).Open(ctx, &scan.Request{Columns: []int{0}})
	if err != nil {
		t.Fatal(err)
	}
	defer ps.Close()
	cur, err := ps.Cursor()
	if err != nil {
		t.Fatal(err)
	}
	defer cur.Close()
	if err := cur.Seek(0); err != nil {
		t.Fatal(err)
	}
	var out batch.Batch
	if ok, err := cur.Next(ctx, &out); !ok || err != nil {
		t.Fatal(ok, err)
	}
	cancel()
	if _, err := cur.Next(ctx, &out); err == nil {
		t.Error("goes on after it was canceled")
	}
}
