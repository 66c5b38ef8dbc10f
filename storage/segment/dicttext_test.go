package segment

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/scan"
)

const (
	fewRegion = 4 // column of events, of which large values are rare
	fewURL    = 9 // the column with the large dictionary
)

// urls returns the strings of the rows of a scan.
func urls(s *Segment, req *scan.Request) (got []string, err error) {
	ps, err := s.All(nil).Open(background, req)
	if err != nil {
		return nil, err
	}
	defer ps.Close()
	cur, err := ps.Cursor()
	if err != nil {
		return nil, err
	}
	defer cur.Close()
	var out batch.Batch
	for m := range ps.Morsels() {
		if err := cur.Seek(m); err != nil {
			return nil, err
		}
		for {
			ok, err := cur.Next(context.Background(), &out)
			if err != nil {
				return nil, err
			}
			if !ok {
				break
			}
			for i := range out.Len {
				got = append(got, string(out.Cols[0].BytesAt(i)))
			}
		}
	}
	return got, nil
}

func urlRequest(few bool, least int64) *scan.Request {
	return &scan.Request{Columns: []int{fewURL}, Terms: []scan.Term{intTerm(fewRegion, scan.Ge, least)}, Few: few, Counters: &scan.Counters{}}
}

// TestFew reads some strings of a dictionary, then more, then all of them.
func TestFew(t *testing.T) {
	file := writeInput(t, events(t, 60000))
	whole := open(t, file, newCache(t, 0))
	s := open(t, file, newCache(t, 0))
	if n := len(s.cols[fewURL].dict.chunks); n < 5 {
		t.Fatalf("%d chunks", n)
	}
	var read []int64
	for _, least := range []int64{9000, 6000, 3000, 0} {
		a, b := urlRequest(false, least), urlRequest(true, least)
		want, err := urls(whole, a)
		if err != nil {
			t.Fatal(err)
		}
		got, err := urls(s, b)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 || !slices.Equal(got, want) {
			t.Errorf("regions from %d: %d strings, which differ from the %d wanted", least, len(got), len(want))
		}
		read = append(read, b.Counters.BytesRead.Load())
		if least == 9000 {
			if left := s.cols[fewURL].dictAt.Load().text.left.Load(); left == 0 {
				t.Errorf("%d rows brought all strings", len(got))
			}
			if a.Counters.BytesRead.Load() <= read[0] {
				t.Errorf("%d bytes were read for few rows, %d for all strings", read[0], a.Counters.BytesRead.Load())
			}
		}
	}
	if left := s.cols[fewURL].dictAt.Load().text.left.Load(); left != 0 {
		t.Errorf("%d chunks are missing after all rows", left)
	}
	if read[3] != 0 {
		t.Errorf("%d bytes were read again", read[3])
	}
}

// TestFewTogether has scans for few rows and for all strings share a dictionary that nobody has read.
func TestFewTogether(t *testing.T) {
	file := writeInput(t, events(t, 60000))
	want := map[int64][]string{}
	for _, least := range []int64{7000, 4000, 0} {
		var err error
		if want[least], err = urls(open(t, file, newCache(t, 0)), urlRequest(false, least)); err != nil {
			t.Fatal(err)
		}
	}
	for range 5 {
		s := open(t, file, newCache(t, 0))
		var wg sync.WaitGroup
		for least, rows := range want {
			for _, few := range []bool{true, false} {
				wg.Go(func() {
					got, err := urls(s, urlRequest(few, least))
					if err != nil || !slices.Equal(got, rows) {
						t.Errorf("few %v, regions from %d: %d strings, want %d: %v", few, least, len(got), len(rows), err)
					}
				})
			}
		}
		wg.Wait()
	}
}

// TestFewDamaged damages chunks of a dictionary: whoever needs one gets an error, others do not notice.
func TestFewDamaged(t *testing.T) {
	file := writeInput(t, events(t, 60000))
	s := open(t, file, newCache(t, 0))
	want, err := urls(s, urlRequest(true, 9000))
	if err != nil || len(want) == 0 {
		t.Fatalf("%d rows: %v", len(want), err)
	}
	needed := 0
	for i, r := range s.cols[fewURL].dict.chunks {
		need := s.cols[fewURL].dictAt.Load().text.chunks[i].there.Load()
		damaged := bytes.Clone(file)
		damaged[r.offset+uint64(r.stored)/2] ^= 1
		hurt := open(t, damaged, newCache(t, 0))
		got, err := urls(hurt, urlRequest(true, 9000))
		switch {
		case need && !errs.Is(err, errs.DataCorrupted):
			t.Errorf("chunk %d is needed: %v", i, err)
		case !need && (err != nil || !slices.Equal(got, want)):
			t.Errorf("chunk %d is not needed: %d rows, want %d: %v", i, len(got), len(want), err)
		}
		if _, err := urls(hurt, urlRequest(false, 9000)); !errs.Is(err, errs.DataCorrupted) {
			t.Errorf("chunk %d, all strings: %v", i, err)
		}
		if need {
			needed++
		}
	}
	if n := len(s.cols[fewURL].dict.chunks); needed == 0 || needed == n {
		t.Errorf("%d of %d chunks are needed", needed, n)
	}
}
