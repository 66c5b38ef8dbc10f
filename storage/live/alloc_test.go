package live

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/mem/memtest"
)

// TestAppendAllocatesNothing: appending rows, one or many at a time, allocates nothing but now and then a chunk, a
// larger dictionary, a zone.
func TestAppendAllocatesNothing(t *testing.T) {
	for _, rows := range []int{1, 100} {
		account := memtest.Pool(t, 0).Overdraft("live")
		s := New(columns, account, 1, time.Now())
		b := randomRows(rand.New(rand.NewPCG(3, 4)), 0, rows)
		sequence := uint64(0)
		add := func() {
			sequence++
			if err := s.Append(b, 0, b.Len); err != nil {
				t.Fatal(err)
			}
			s.Mark(sequence)
		}
		add()
		if n := testing.AllocsPerRun(500, add); n != 0 {
			t.Errorf("%d rows: %v allocations", rows, n)
		}
		s.Release()
		if account.Used() != 0 {
			t.Errorf("%d bytes are still charged", account.Used())
		}
	}
}
