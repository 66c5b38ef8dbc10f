package shelf

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/siltstone-db/siltstone/storage/index"
	"github.com/siltstone-db/siltstone/storage/manifest"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
)

// TestMeeting: files with ranges that follow, overlap and enclose each other are found by rows, while they come and go.
func TestMeeting(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	account := memtest.Pool(t, 0).Overdraft("test")
	for range 50 {
		s := &Shelf{env: &Env{Live: account, Vectors: account}}
		d := &Dir{}
		for id := range manifest.FileID(60) {
			f := d.file(manifest.Segment{File: id, Rows: 1})
			base := uint64(r.IntN(2000))
			for range 1 + r.IntN(3) {
				n := uint64(1 + r.IntN(1<<r.IntN(10)))
				f.Meta.Ranges = append(f.Meta.Ranges, manifest.Range{Base: base, Rows: n})
				base += n + uint64(r.IntN(100))
			}
			s.Settle(f, nil)
			if r.IntN(3) == 0 {
				_, old, ok := first(s, r.IntN(s.Files.Len()))
				if ok {
					s.unsettle(old).Release()
				}
			}
			rows := index.NewRowIDs()
			for range 1 + r.IntN(5) {
				rows.Add(uint64(r.IntN(3000)))
			}
			var want, got []manifest.FileID
			for _, f := range s.Files.All() {
				if f.count(rows) > 0 {
					want = append(want, f.Meta.File)
				}
			}
			for _, f := range s.meeting(rows) {
				got = append(got, f.Meta.File)
			}
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Fatalf("files %v have some of the rows, want %v", got, want)
			}
		}
		s.Files.Release()
	}
}

// first returns file n of a shelf.
func first(s *Shelf, n int) (id uint64, f Sealed, ok bool) {
	for id, f := range s.Files.All() {
		if n == 0 {
			return id, f, true
		}
		n--
	}
	return 0, f, false
}
