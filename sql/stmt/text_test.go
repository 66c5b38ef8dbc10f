package stmt

import (
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/types"
)

func TestQuoteIdent(t *testing.T) {
	for name, want := range map[string]string{"a": "a", "a1_$": "a1_$", "A": `"A"`, "1a": `"1a"`, "": `""`, `a"b`: `"a""b"`, "ä": `"ä"`} {
		if got := QuoteIdent(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

// TestRowText: a long value is cut between characters, as PostgreSQL cuts it.
func TestRowText(t *testing.T) {
	b := batch.New([]types.Type{types.T(types.Int4), types.T(types.Text), types.T(types.Text)})
	b.Reset()
	b.Cols[0].AppendDatum(types.IntOf(b.Cols[0].Type, 7))
	b.Cols[1].AppendDatum(types.NullOf(b.Cols[1].Type))
	b.Cols[2].AppendDatum(types.TextOf(strings.Repeat("x", 63) + "ééé"))
	b.Len = 1
	text := func(d types.Datum) string {
		if d.S != "" {
			return d.S
		}
		return "7"
	}
	if got, want := rowText(b, 0, text), "(7, null, "+strings.Repeat("x", 63)+"...)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestOffset(t *testing.T) {
	for seconds, want := range map[int64]string{0: "+00:00", 3600: "+01:00", -3600: "-01:00", 19800: "+05:30", -34200: "-09:30"} {
		if got := offset(seconds); got != want {
			t.Errorf("%d: %s, want %s", seconds, got, want)
		}
	}
}
