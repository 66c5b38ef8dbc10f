package parse

import (
	"fmt"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
)

func TestParseSplits(t *testing.T) {
	for _, tc := range []struct {
		text string
		want []string
	}{
		{"", nil},
		{" ; ;; -- nothing\n", nil},
		{"select 1", []string{"select 1"}},
		{"select ';'; /* ; */ select 'ä' as \"ö;\"; ", []string{"select ';'", "/* ; */ select 'ä' as \"ö;\""}},
		{"begin; insert into t values (1); commit", []string{"begin", "insert into t values (1)", "commit"}},
	} {
		got, err := Parse(tc.text)
		if err != nil {
			t.Fatalf("%q: %v", tc.text, err)
		}
		var texts []string
		for _, s := range got {
			texts = append(texts, s.Text)
			if s.Source != tc.text || s.Node == nil {
				t.Errorf("%q: statement %+v", tc.text, s)
			}
		}
		if fmt.Sprint(texts) != fmt.Sprint(tc.want) {
			t.Errorf("%q: got %q, want %q", tc.text, texts, tc.want)
		}
	}
}

func TestPositionCountsCharacters(t *testing.T) {
	s, err := Parse("select 'ä€', bad")
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(s[0].Source, "bad")
	if got := s[0].Position(int32(at)); got != 14 {
		t.Errorf("position %d, want 14", got)
	}
	if got := s[0].Position(-1); got != 0 {
		t.Errorf("position of an unknown place is %d", got)
	}
}

// The messages and positions are those of PostgreSQL 15.
func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		text string
		code errs.Code
		msg  string
		pos  int
	}{
		{"selec 1", "42601", `syntax error at or near "selec"`, 1},
		{"select 'ä' frm x y", "42601", `syntax error at or near "x"`, 16},
		{"select 1; select from where", "42601", `syntax error at or near "where"`, 23},
		{"select (1", "42601", "syntax error at end of input", 10},
		{"select 'abc", "42601", `unterminated quoted string at or near "'abc"`, 8},
		{"select \"abc", "42601", `unterminated quoted identifier at or near ""abc"`, 8},
		{"select /* abc", "42601", `unterminated /* comment at or near "/* abc"`, 8},
		{"select \"\"", "42601", `zero-length delimited identifier at or near """"`, 8},
		{"select 1\x00", "22021", `invalid byte sequence for encoding "UTF8": 0x00`, 0},
		{"select '\xff'", "22021", `invalid byte sequence for encoding "UTF8": 0xff`, 0},
		{"select '\xc3\x28'", "22021", `invalid byte sequence for encoding "UTF8": 0xc3 0x28`, 0},
	} {
		_, err := Parse(tc.text)
		e := errs.From(err)
		if e == nil || e.Code != tc.code || e.Message != tc.msg || e.Position != tc.pos {
			t.Errorf("%q: got %+v", tc.text, e)
		}
	}
}

// Each shape is repeated: few must parse, very many must give a clean error or parse, never crash.
func TestRepetition(t *testing.T) {
	shapes := []struct{ name, head, unit, tail string }{
		{"plus", "select 1", "+1", ""},
		{"spaced plus", "select 1", " + 1", ""},
		{"cast", "select 1", "::int", ""},
		{"arrow", "select a", "->b", ""},
		{"is null", "select a", " is null", ""},
		{"collate", "select a", ` collate "C"`, ""},
		{"at time zone", "select a", " at time zone 'utc'", ""},
		{"join", "select * from t", " cross join t", ""},
		{"union", "select 1", " union select 1", ""},
		{"between", "select a", " between 1 and 2 is null", ""},
		{"between plus", "select a", " between 1 and 2 and a + 1", ""},
		{"not between", "select a", " not between 1 and case when a and b then 1 end is null", ""},
		{"case plus", "select 1", " + case when a and b then 1 end", ""},
		{"fake case", "select 1", " + x.case and 1", ""},
		{"and", "select 1 where a", " and a", ""},
		{"or eq", "select 1 where a", " or a = 1", ""},
		{"in list", "select a in (1", ", 1", ")"},
		{"in chain", "select a in (1)", " and a in (1)", ""},
		{"not", "select ", "not ", "a"},
		{"minus", "select ", "- ", "1"},
		{"parens", "select ", "(", "1"},
		{"sub-select", "select ", "(select ", "1"},
		{"values", "values (1)", ",(1)", ""},
		{"comma join", "select * from t", ",t", ""},
		{"subscript", "select a", "[1]", ""},
		{"dots", "select a", ".a", ""},
		{"function", "select ", "f(", "1"},
		{"array", "select ", "array[", "1"},
		{"case", "select ", "case when ", "1"},
		{"with", "with a as (select 1)", ", b as (select 1)", " select 1"},
		{"operator", "select 1", " operator(pg_catalog.+) 1", ""},
		{"comments", "select 1", "/**/+/**/1", ""},
		{"quote trick", "select 1", "+'\\'+'\\'", ""},
		{"escape trick", "select 1", "+E'\\''+1", ""},
		{"dollar", "select 1", "+$a$'$a$", ""},
		{"statements", "select 1", ";select 1+1", ""},
	}
	counts := []int{3, 400, 64000}
	if testing.Short() {
		counts = []int{400, 20000}
	}
	for _, s := range shapes {
		for _, n := range counts {
			text := s.head + strings.Repeat(s.unit, n) + s.tail
			_, err := Parse(text)
			if err == nil {
				continue
			}
			e := errs.From(err)
			if e.Code != errs.StatementTooComplex && e.Code != errs.SyntaxError {
				t.Errorf("%s x %d: %s %s", s.name, n, e.Code, e.Message)
			}
			if n == 400 && e.Code == errs.StatementTooComplex && s.tail == "" {
				t.Errorf("%s x %d must parse: %s %s", s.name, n, e.Message, e.Detail)
			}
		}
	}
	for _, flat := range []string{" and a", " or a = 1", " and a in (1, 2)"} {
		if _, err := Parse("select 1 where a" + strings.Repeat(flat, 10000)); err != nil {
			t.Errorf("10,000 x %q: %v", flat, err)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	c := NewCache(64 << 10)
	for i := range 2000 {
		if _, err := c.Parse(fmt.Sprintf("select %d", i)); err != nil {
			t.Fatal(err)
		}
		if c.Bytes() > 64<<10 {
			t.Fatalf("%d bytes after %d texts", c.Bytes(), i+1)
		}
	}
	a, _ := c.Parse("select 1999")
	b, _ := c.Parse("select 1999")
	if a[0].Node != b[0].Node {
		t.Error("a repeated text was parsed again")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"select 1", "select 'a''b' || E'\\'' || $x$ ' $x$ -- c\n+1", "insert into t values (1, default)",
		"select case when a then b end from t join u using (x) where y in (select 1)", "/* a /* b */ c */ select U&'\\0041'",
		"copy t from stdin with (format csv)", "select a[1:2], $1::int[], \"x\"\"y\".z", "'\\", "$a$", "e'\\"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		statements, err := Parse(text)
		if err != nil {
			e := errs.From(err)
			if e.Code == errs.InternalError {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		for _, s := range statements {
			if s.Node == nil {
				t.Fatalf("%q: statement without a tree", text)
			}
		}
	})
}
