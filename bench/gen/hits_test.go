package gen

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"testing"
)

func generate(t testing.TB, h Hits) []byte {
	var out bytes.Buffer
	for p := range h.Parts() {
		if err := h.AppendPart(p, func(b []byte) error { out.Write(b); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// TestHitsShape holds the generator to its promises on a sample: the columns of the table, the order of a part, the
// skew that the queries need.
func TestHitsShape(t *testing.T) {
	const n = 100_000
	data := generate(t, Hits{Seed: 1, Rows: n})
	rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != n {
		t.Fatalf("rows: got %d, want %d", len(rows), n)
	}
	distinct := map[int]map[string]int{9: {}, 13: {}, 14: {}, 2: {}, 39: {}, 7: {}, 8: {}, 6: {}}
	counter62, bytesURL, bytesTitle := 0, 0, 0
	for _, r := range rows {
		if len(r) != 105 {
			t.Fatalf("columns: got %d, want 105", len(r))
		}
		for c, m := range distinct {
			m[r[c]]++
		}
		if r[6] == "62" {
			counter62++
		}
		bytesURL += len(r[13])
		bytesTitle += len(r[2])
	}
	between := func(what string, got, low, high float64) {
		t.Helper()
		if got < low || got > high {
			t.Errorf("%s: got %.3f, want %.3f to %.3f", what, got, low, high)
		}
	}
	between("rows of counter 62", float64(counter62)/n, 0.018, 0.024)
	between("rows with a search phrase", 1-float64(distinct[39][""])/n, 0.12, 0.14)
	between("length of URL", float64(bytesURL)/n, 60, 78)
	between("length of Title", float64(bytesTitle)/n, 75, 115)
	between("distinct UserID", float64(len(distinct[9]))/n, 0.7, 0.95)
	between("distinct URL", float64(len(distinct[13]))/n, 0.5, 0.9)
}

// TestHitsStable pins the bytes: figures of different versions are comparable only on the same data.
func TestHitsStable(t *testing.T) {
	sum := sha256.Sum256(generate(t, Hits{Seed: 1, Rows: 1000}))
	const want = "e96e6034dbbd44b4"
	if got := hex.EncodeToString(sum[:8]); got != want {
		t.Errorf("checksum of 1,000 rows: got %s, want %s", got, want)
	}
}

func BenchmarkHits(b *testing.B) {
	h := Hits{Seed: 1, Rows: 50_000}
	for b.Loop() {
		b.SetBytes(int64(len(generate(b, h))))
	}
}
