package pattern

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// likeRegexp is the reference of LIKE: the pattern as a regular expression.
func likeRegexp(pattern string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	rs := []rune(pattern)
	for i := 0; i < len(rs); i++ {
		switch {
		case rs[i] == '%':
			b.WriteString(`.*`)
		case rs[i] == '_':
			b.WriteString(`.`)
		case rs[i] == '\\':
			if i++; i == len(rs) {
				return nil
			}
			b.WriteString(regexp.QuoteMeta(string(rs[i])))
		default:
			b.WriteString(regexp.QuoteMeta(string(rs[i])))
		}
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

// idle is Work of nobody.
type idle struct{}

func (idle) Room(dst []byte, n int) ([]byte, error) { return slices.Grow(dst, n), nil }
func (idle) Worked(int) error                       { return nil }

func FuzzLike(f *testing.F) {
	for _, p := range []string{"%", "a%", "%a", "%a%", "a_c", "%a%b%", "_", "__%", `\%`, `a\`, "ä_%ü", "%ab%ab", "a%a", "%_b", "_%_"} {
		f.Add(p, "abcab")
		f.Add(p, "")
		f.Add(p, "äbü%")
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		pattern, s = strings.ToValidUTF8(pattern, "?"), strings.ToValidUTF8(s, "?")
		if len(pattern) > 200 {
			return
		}
		re := likeRegexp(pattern)
		p := CompileLike([]byte(pattern), false)
		if (re == nil) != (p.Dangling != nil) {
			t.Fatalf("pattern %q: dangling %q", pattern, p.Dangling)
		}
		if p.Dangling != nil {
			if exhausted, err := MatchDangling([]byte(s), p.Dangling); exhausted && err != nil {
				t.Fatalf("%q LIKE %q: %v of a string that ended", s, pattern, err)
			}
			return
		}
		if got, want := p.Match([]byte(s)), re.MatchString(s); got != want {
			t.Fatalf("%q LIKE %q: got %v", s, pattern, got)
		}
		// The same over a column of several rows, whose bytes stand one behind the other.
		rows := []string{s, "", s + s, pattern, "x" + s, strings.TrimPrefix(s, "a")}
		v := &batch.Vector{}
		v.Reset(types.T(types.Text), len(rows))
		for _, r := range rows {
			v.AppendString(r)
		}
		out := make(batch.Bitmap, 1)
		p.Column(v, len(rows), nil, out)
		for i, r := range rows {
			if out.Get(i) != re.MatchString(r) {
				t.Fatalf("column: %q LIKE %q: got %v", r, pattern, out.Get(i))
			}
		}
	})
}

var straightPatterns = []string{`^https?://(?:www\.)?([^/]+)/.*$`, `^a`, `^a$`, `^([a-c]+)x?y$`, `^(a)(b)?c.*$`, `^[^,]*,([^,]*),`,
	`^(?:ab)?(?:abc)?d$`, `^x*y`, `^([0-9]+)\.([0-9]+)$`, `^.+$`, `^(.*)$`, `^a?[^a]*$`, `^[ab][cd]e`}

func TestStraightCompiles(t *testing.T) {
	for _, p := range straightPatterns {
		x, err := CompileRegex(p, Flags{})
		if err != nil {
			t.Fatal(err)
		}
		if x.fast == nil && p != `^(a)(b)?c.*$` {
			t.Errorf("%s has no straight form", p)
		}
	}
	for _, p := range []string{`a`, `^(ab|c)`, `^a.*b`, `^[a-z]*a`, `(?i)^a`, `^a+?b`, `^ä*b?c$`, `^(a)*$`, `^é+x`} {
		if x, err := CompileRegex(p, Flags{}); err == nil && x.fast != nil && !strings.Contains(p, "ä") {
			t.Errorf("%s must not have a straight form", p)
		}
	}
}

// FuzzStraight compares the straight matcher with Go's.
func FuzzStraight(f *testing.F) {
	for i := range straightPatterns {
		for _, s := range []string{"", "http://www.example.com/path", "https://a/b", "http://www./", "abcy", "abxy", "abcd", "1.25", "ab,cd,ef", "aäb", "\n"} {
			f.Add(i, s)
		}
	}
	f.Fuzz(func(t *testing.T, i int, s string) {
		s = strings.ToValidUTF8(s, "?")
		p := straightPatterns[uint(i)%uint(len(straightPatterns))]
		x, err := CompileRegex(p, Flags{})
		if err != nil || x.fast == nil {
			return
		}
		caps := make([]int, 2*(x.groups+1))
		ok := x.fast.match([]byte(s), caps)
		want := x.re.FindStringSubmatchIndex(s)
		if ok != (want != nil) || ok && fmt.Sprint(caps) != fmt.Sprint(want) {
			t.Fatalf("%s on %q: got %v %v, want %v", p, s, ok, caps, want)
		}
	})
}

// FuzzRegexCompile holds the translator to errors with a SQLSTATE, whatever the pattern.
func FuzzRegexCompile(f *testing.F) {
	for _, p := range []string{`a{2,3}?`, `[[:alpha:]\d]`, `\u00e4`, `(?i)x`, `***=a`, `[a`, `\`, `a{`, `[]a]`, `\ä`, `(?x)`, `[^\n]`} {
		f.Add(p, "abc")
	}
	f.Fuzz(func(t *testing.T, p, s string) {
		p, s = strings.ToValidUTF8(p, "?"), strings.ToValidUTF8(s, "?")
		x, err := CompileRegex(p, Flags{})
		if err != nil {
			if c := errs.From(err).Code; c != errs.InvalidRegularExpression && c != errs.FeatureNotSupported {
				t.Fatalf("%q: %s %v", p, c, err)
			}
			return
		}
		n := 0
		_, _ = x.All([]byte(s), 0, nil, idle{}, func([]int) bool { n++; return true })
		if n > len(s)+1 {
			t.Fatalf("%q has %d matches in %d bytes", p, n, len(s))
		}
	})
}

func TestRefusedRegex(t *testing.T) {
	for p, want := range map[string]string{`(a)\1`: "back-reference", `a(?=b)`: "look-around", `\mfoo`: `\m`, `[[.a.]]`: "collating"} {
		_, err := CompileRegex(p, Flags{})
		if !errs.Is(err, errs.FeatureNotSupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", p, err)
		}
	}
}

func BenchmarkPattern(b *testing.B) {
	v := &batch.Vector{}
	v.Reset(types.T(types.Text), 2048)
	for i := range 2048 {
		v.AppendString(fmt.Sprintf("http://www.example%d.com/some/longer/path?q=%d&lang=en", i%100, i))
	}
	out := make(batch.Bitmap, 32)
	perRow := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2048, "ns/row")
	}
	for _, p := range []string{"%google%", "http://%", "%=en", "%a%b_c%"} {
		b.Run("like/"+p, func(b *testing.B) {
			lp := CompileLike([]byte(p), false)
			b.ReportAllocs()
			for b.Loop() {
				clear(out)
				lp.Column(v, 2048, nil, out)
			}
			perRow(b)
		})
	}
	x, _ := CompileRegex(straightPatterns[0], Flags{})
	tmpl := CompileReplacement([]byte(`\1`))
	for _, fast := range []bool{true, false} {
		y := *x
		if !fast {
			y.fast = nil
		}
		b.Run(fmt.Sprintf("regexp_replace/straight=%v", fast), func(b *testing.B) {
			var dst []byte
			var caps []int
			b.ReportAllocs()
			for b.Loop() {
				for i := range 2048 {
					dst, caps, _ = y.Replace(dst[:0], v.BytesAt(i), 0, 1, tmpl, caps, idle{})
				}
			}
			if !bytes.HasPrefix(dst, []byte("example")) {
				b.Fatalf("%s", dst)
			}
			perRow(b)
		})
	}
}
