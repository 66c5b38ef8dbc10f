package errs

import (
	"slices"
	"testing"
)

func TestNear(t *testing.T) {
	tables := []string{"hits", "clicks", "click_log", "Mixed", "größe", "ab"}
	for name, want := range map[string]string{"hit": "hits", "hots": "hits", "clickz": "clicks", "clicklog": "click_log", "mixed": "Mixed",
		"gröse": "größe", "users": "", "x": "", "": "", "abcd": "ab", "b": "", "a_very_long_name_that_is_nothing_of_these": ""} {
		if got := Near(name, slices.Values(tables)); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"same", "same", 0}, {"ab", "ba", 2}} {
		if got := Edits(c.a, c.b); got != c.want {
			t.Errorf("%q, %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
