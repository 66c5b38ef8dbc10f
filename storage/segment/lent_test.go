package segment

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/scan"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestLent: requests are answered alike when their dictionaries are lent, and these are given back.
func TestLent(t *testing.T) {
	for _, rows := range []int{1, 65, 9000, 70000} {
		t.Run(fmt.Sprint(rows), func(t *testing.T) {
			r := rand.New(rand.NewPCG(uint64(rows), 7))
			d := randomData(r, rows)
			account := memtest.Pool(t, 0).Account("cache", 0)
			c := cache.New(account, 1) // which no dictionary fits into
			s := open(t, d.write(t, r, rows%2 == 1), c)
			pins := new(Pins)
			runRandom(t, r, d, s.All(pins))
			if n := pins.bytes(); n != 0 {
				t.Errorf("%d bytes are pinned", n)
			}
			s.Close()
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			if n := account.Close(); n != 0 {
				t.Errorf("%d bytes left", n)
			}
		})
	}
}

// TestDictionariesLargerThanMemory reads segments whose dictionaries are several times as large as the memory together: by
// one snapshot, several workers at once, as rows, by a filter, and counted.
func TestDictionariesLargerThanMemory(t *testing.T) {
	const segments, rows, length, memory = 15, 2000, 500, 3 << 20
	account := memtest.Pool(t, memory).Account("cache", 0)
	c := cache.New(account, memory/2)
	var parts []*Segment
	for n := range segments {
		b := batch.New([]types.Type{types.T(types.Text)})
		b.Reset()
		for i := range rows {
			b.Cols[0].AppendDatum(types.TextOf(fmt.Sprintf("%0*d", length, n*rows+i/2)))
		}
		b.Len = rows
		in := &Input{ID: uint64(n + 1), Rows: rows, Columns: []Column{{ID: 1, Name: "t", Type: types.T(types.Text)}}, Chunks: func(int) ([]*batch.Vector, error) { return b.Cols, nil }}
		parts = append(parts, open(t, writeInput(t, in), c))
	}
	if _, _, _, size := parts[0].cols[0].dict.layout(); size*segments < 2*memory {
		t.Fatalf("dictionaries of %d bytes are too small", size)
	}
	for _, req := range []scan.Request{
		{Columns: []int{0}}, {Columns: []int{0}, Terms: []scan.Term{{Column: 0, Op: scan.Entries, Filter: contains("7")}}},
		{Columns: []int{0}, Counted: true}, {Columns: []int{0}, Few: true},
	} {
		pins := new(Pins)
		seen := map[string]int64{}
		for _, s := range parts {
			ps, err := s.All(pins).Open(context.Background(), &req)
			if err != nil {
				t.Fatal(err)
			}
			readParts(t, ps, req.Counted, seen)
			ps.Close()
		}
		total := int64(0)
		for _, n := range seen {
			total += n
		}
		want := int64(segments * rows)
		if len(req.Terms) > 0 {
			want = 0
			for v := range segments * rows {
				if n := v/rows*rows + v%rows/2; contains7(n) {
					want++
				}
			}
		}
		if total != want {
			t.Errorf("%+v: %d rows, want %d", req, total, want)
		}
		pins.Release()
	}
	for _, s := range parts {
		s.Close()
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if n := account.Close(); n != 0 {
		t.Errorf("%d bytes left", n)
	}
}

func contains7(n int) bool {
	for ; n > 0; n /= 10 {
		if n%10 == 7 {
			return true
		}
	}
	return false
}

// readParts adds what three workers read to seen.
func readParts(t *testing.T, ps scan.PartScan, counted bool, seen map[string]int64) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var next int
	for range 3 {
		wg.Go(func() {
			cur, err := ps.Cursor()
			if err != nil {
				t.Error(err)
				return
			}
			defer cur.Close()
			var out batch.Batch
			for {
				mu.Lock()
				m := next
				next++
				mu.Unlock()
				if m >= ps.Morsels() {
					return
				}
				if err := cur.Seek(m); err != nil {
					t.Error(err)
					return
				}
				for {
					ok, err := cur.Next(context.Background(), &out)
					if err != nil {
						t.Error(err)
						return
					}
					if !ok {
						break
					}
					mu.Lock()
					for i := range out.Len {
						n := int64(1)
						if counted {
							n = out.Cols[len(out.Cols)-1].Datum(i).I
						}
						seen[out.Cols[0].Datum(i).S] += n
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
}
