package segment

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
)

// limitedWriter fails after some bytes.
type limitedWriter struct{ left int }

var errLimit = errors.New("no more room")

func (w *limitedWriter) Write(b []byte) (int, error) {
	if len(b) > w.left {
		return 0, errLimit
	}
	w.left -= len(b)
	return len(b), nil
}

// TestWorkersWriteTheSame: any number of workers writes the same bytes, fails as one does, and gives its memory back.
func TestWorkersWriteTheSame(t *testing.T) {
	for _, rows := range []int{1, 65, 9000, 70000} {
		r := rand.New(rand.NewPCG(uint64(rows), 3))
		d := randomData(r, rows)
		chunks := make([][]*batch.Vector, len(d.cols))
		for c := range chunks {
			chunks[c] = d.chunks(r, c, nil)
		}
		account := memtest.Pool(t, 0).Overdraft("test")
		input := func(workers int) *Input {
			return &Input{ID: 7, Columns: d.cols, Rows: d.rows, Workers: workers, Account: account,
				Chunks: func(c int) ([]*batch.Vector, error) { return chunks[c], nil }}
		}
		var want bytes.Buffer
		if _, err := Write(&want, input(1)); err != nil {
			t.Fatal(err)
		}
		for _, workers := range []int{2, 3, 100} {
			var got bytes.Buffer
			info, err := Write(&got, input(workers))
			if err != nil || info.Bytes != int64(got.Len()) || !bytes.Equal(got.Bytes(), want.Bytes()) {
				t.Fatalf("%d rows, %d workers: %d bytes, want %d; %v", rows, workers, got.Len(), want.Len(), err)
			}
			if _, err := Write(&limitedWriter{want.Len() / 2}, input(workers)); !errors.Is(err, errLimit) {
				t.Fatalf("%d workers, a full disk: %v", workers, err)
			}
			for bad := 0; bad < len(d.cols); bad += 6 {
				in := input(workers)
				in.Chunks = func(c int) ([]*batch.Vector, error) {
					if c == bad {
						return nil, errLimit
					}
					return chunks[c], nil
				}
				if _, err := Write(&got, in); !errors.Is(err, errLimit) {
					t.Fatalf("%d workers, column %d fails: %v", workers, bad, err)
				}
			}
		}
		if account.Peak() == 0 || account.Used() != 0 {
			t.Errorf("%d bytes are charged, %d at most", account.Used(), account.Peak())
		}
	}
}
