package jsonpath_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/jsonpath"
)

// TestPrint reads paths and prints them as PostgreSQL does; what is printed reads as the same.
func TestPrint(t *testing.T) {
	for in, want := range map[string]string{
		`$`: `$`, `$.a.b[*]`: `$."a"."b"[*]`, `strict $.**{2 to last}`: `strict $.**{2 to last}`, `lax $[0, 1 to last-1]`: `$[0,1 to last - 1]`,
		`$.a == 1 && !($.b > 2)`: `($."a" == 1 && !($."b" > 2))`, `-1 + $.x * 2`: `(-1 + $."x" * 2)`, `(1).type()`: `(1).type()`,
		`$ ? (@.a like_regex "x" flag "si")`: `$?(@."a" like_regex "x" flag "is")`, `$"v w".size()`: `$"v w".size()`, `$.datetime("HH24")`: `$.datetime("HH24")`,
		`$ /* no */ .\u0061`: `$."a"`, `exists($.*)`: `exists ($.*)`, `($.a == 1) is unknown`: `($."a" == 1) is unknown`,
	} {
		p, err := jsonpath.Parse(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := string(p.Append(nil)); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	for in, code := range map[string]errs.Code{
		``: "22P02", `$.`: "42601", `@`: "42601", `last`: "42601", `$[`: "42601", `1a`: "42601", `"x`: "42601", `$ ? ($.a)`: "42601", `"\u0000"`: "22P05",
		`$ ? (@ like_regex "x" flag "x")`: "0A000", strings.Repeat("(", 100_000): "54001", strings.Repeat("-", 100_000) + "$": "54001", `$.a == 1 == 2`: "42601",
	} {
		if _, err := jsonpath.Parse(in); !errs.Is(err, code) {
			t.Errorf("%.20s: %v, want %s", in, err, code)
		}
	}
}

// FuzzParse checks that what is printed reads back as the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`$.a[*] ? (@ > 1)`, `strict $.**{1 to 2}.b`, `-($.a + 1) % 2`, `$ ? (@ starts with "x" || exists(@.c))`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := jsonpath.Parse(s)
		if err != nil || len(s) > 500 || !utf8.ValidString(s) || strings.Contains(s, "\x00") {
			return
		}
		text := string(p.Append(nil))
		again, err := jsonpath.Parse(text)
		if err != nil || string(again.Append(nil)) != text {
			t.Errorf("%q prints as %q, which is %v", s, text, err)
		}
	})
}
