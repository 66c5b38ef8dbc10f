package pgcatalog

import "testing"

func TestQuoteIdent(t *testing.T) {
	for name, want := range map[string]string{"a": "a", "a1_$": "a1_$", "A": `"A"`, "1a": `"1a"`, "": `""`, `a"b`: `"a""b"`, "ä": `"ä"`, "user": `"user"`} {
		if got := QuoteIdent(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}
