package httppush

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"

	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
)

// pack compresses a text.
func pack(t *testing.T, kind, text string, o ...zstd.EOption) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch kind {
	case "":
		return text
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zstd":
		z, err := zstd.NewWriter(&b, o...)
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// noise is n bytes that hardly shrink.
func noise(n int) string {
	b := make([]byte, n)
	h := uint64(1)
	for i := range b {
		h = h*6364136223846793005 + 1442695040888963407
		b[i] = byte(h >> 56)
	}
	return string(b)
}

// TestBodyLimits: a body may be as long as it may be, before and after decompression, and no byte longer, whether its length
// is told or not; it may expand as much as it may; and what is not what it is said to be is told.
func TestBodyLimits(t *testing.T) {
	const most = 4 << 20
	zeros := func(n int) string { return strings.Repeat("\x00", n) }
	for _, c := range []struct {
		name, kind, body string
		most             int64
		want             string // "" or a word of the error
		status           int
	}{
		{"all of it", "", noise(most), most, "", 0},
		{"a byte more", "", noise(most + 1), most, "longer than 4194304 bytes", 413},
		{"nothing", "", "", most, "", 0},
		{"all of it, gzip", "gzip", pack(t, "gzip", noise(most-64<<10)+zeros(64<<10)), most, "", 0},
		{"a byte more, gzip", "gzip", pack(t, "gzip", noise(most-64<<10)+zeros(64<<10)+"x"), most, "longer than 4194304 bytes", 413},
		{"all of it, zstd", "zstd", pack(t, "zstd", noise(1000)), 1000, "request body", 413}, // as it comes it is longer
		{"room for both, zstd", "zstd", pack(t, "zstd", noise(1000)), 2000, "", 0},
		{"a byte more, zstd", "zstd", pack(t, "zstd", strings.Repeat("abcd", 500)+"x"), 2000, "2000", 413},
		{"just so long, zstd", "zstd", pack(t, "zstd", strings.Repeat("abcd", 500)), 2000, "", 0},
		{"alike, as long as it may be", "gzip", pack(t, "gzip", zeros(ratioFreeBytes)), most, "", 0},
		{"alike and longer", "gzip", pack(t, "gzip", zeros(ratioFreeBytes+64<<10)), most, "expands more than 200 times", 413},
		{"alike and longer, zstd", "zstd", pack(t, "zstd", zeros(3<<20)), 16 << 20, "expands more than 200 times", 413},
		{"alike, not compressed", "", zeros(3 << 20), most, "", 0},
		{"alike at first", "gzip", pack(t, "gzip", zeros(2<<20)+noise(1<<20)), most, "expands", 413},
		{"a tenth", "gzip", pack(t, "gzip", noise(300<<10)+zeros(2700<<10)), most, "", 0},
		{"no gzip", "gzip", "no gzip at all", most, "cannot be decompressed", 400},
		{"half of gzip", "gzip", pack(t, "gzip", noise(5000))[:3000], most, "cannot be decompressed", 400},
		{"no zstd", "zstd", "no zstd at all", most, "cannot be decompressed", 400},
		{"half of zstd", "zstd", pack(t, "zstd", noise(5000))[:3000], most, "cannot be decompressed", 400},
		{"a window that is too large", "zstd", pack(t, "zstd", noise(17<<20), zstd.WithWindowSize(16<<20)), 64 << 20, "window", 413},
		{"a window as large as it may be", "zstd", pack(t, "zstd", noise(9<<20), zstd.WithWindowSize(8<<20)), 64 << 20, "", 0},
	} {
		for _, told := range []bool{true, false} {
			r := httptest.NewRequest("POST", "/", io.NopCloser(strings.NewReader(c.body)))
			r.ContentLength = -1
			if told {
				r.ContentLength = int64(len(c.body))
			}
			r.Header.Set("Content-Encoding", strings.ToUpper(c.kind))
			b, err := OpenBody(httptest.NewRecorder(), r, c.most)
			if err == nil {
				b.sum = xxh3.New()
				_, err = b.content()
				b.Close()
			}
			var e *Error
			if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || !errors.As(err, &e) || e.Status != c.status) {
				t.Errorf("%s, length told %v: %v", c.name, told, err)
			}
			if err == nil && b.n > c.most {
				t.Errorf("%s: %d bytes", c.name, b.n)
			}
		}
	}
}

// TestContent: the hash of a body is of all its bytes, however many were read before it is asked for.
func TestContent(t *testing.T) {
	text := noise(100_000)
	for _, kind := range []string{"", "gzip", "zstd"} {
		for _, before := range []int64{0, 1, 50_000, 100_000} {
			r := request(pack(t, kind, text), "Content-Encoding", kind)
			b, err := OpenBody(httptest.NewRecorder(), r, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			b.sum = xxh3.New()
			if _, err := io.CopyN(io.Discard, b, before); err != nil {
				t.Fatal(err)
			}
			if sum, err := b.content(); err != nil || sum != xxh3.HashString(text) {
				t.Errorf("%q, %d bytes before: %x, %v", kind, before, sum, err)
			}
			b.Close()
		}
	}
}

// TestIdempotencyKeys: one key of 1 to 255 bytes.
func TestIdempotencyKeys(t *testing.T) {
	table := newStore(t).cat.Table("public", "t")
	for name, c := range map[string]struct {
		keys []string
		good bool
	}{
		"none": {nil, true}, "empty": {[]string{""}, false}, "one": {[]string{"k"}, true}, "longest": {[]string{strings.Repeat("k", 255)}, true},
		"longer": {[]string{strings.Repeat("k", 256)}, false}, "two": {[]string{"k", "l"}, false}, "the same twice": {[]string{"k", "k"}, false},
	} {
		r := request("")
		for _, k := range c.keys {
			r.Header.Add("Idempotency-Key", k)
		}
		token, err := tokenOf(r, "ann", table)
		var e *Error
		if c.good != (err == nil) || err != nil && (!errors.As(err, &e) || e.Status != http.StatusBadRequest) {
			t.Errorf("%s: %v", name, err)
		}
		if want := c.good && len(c.keys) > 0; (token != nil) != want || want && (token.Key != c.keys[0] || token.Client != "http/ann" || token.Table != table.ID) {
			t.Errorf("%s: %+v", name, token)
		}
	}
}

// TestTermsAreAsked: SQL is asked about a table that has defaults or conditions, and about no other.
func TestTermsAreAsked(t *testing.T) {
	st := newStore(t)
	asked := 0
	h, err := New(Options{Store: st, Pool: memtest.Pool(t, 1<<20), Terms: st.terms})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(t *catalog.Table)
		want   int
	}{
		{func(*catalog.Table) {}, 1},
		{func(t *catalog.Table) { t.Columns[2].Default = "" }, 0},
		{func(t *catalog.Table) {
			t.Columns[2].Default = ""
			t.Constraints = []catalog.Constraint{{Kind: catalog.Unique, Name: "u", Columns: []uint32{1}}}
		}, 0},
		{func(t *catalog.Table) {
			t.Columns[2].Default = ""
			t.Constraints = []catalog.Constraint{{Kind: catalog.Unique, Name: "u", Columns: []uint32{1}}, {Kind: catalog.Check, Name: "c"}}
		}, 1},
	} {
		table := *st.cat.Table("public", "t")
		table.Columns = append([]catalog.Column(nil), table.Columns...)
		c.change(&table)
		terms, done, err := h.terms(request(""), "ann", &table)
		if err != nil || terms == nil {
			t.Fatal(err)
		}
		if asked = st.held; asked != c.want {
			t.Errorf("asked %d times, want %d", asked, c.want)
		}
		if done(); st.held != 0 {
			t.Error("it was not let go")
		}
	}
}

// TestNearTable: a table that is not there is told with one that has nearly its name.
func TestNearTable(t *testing.T) {
	st := newStore(t)
	cat, _, err := st.cat.Apply(catalog.Create(catalog.NewTable("public", "events", st.cat.Table("public", "t").Columns...)))
	if err != nil {
		t.Fatal(err)
	}
	for path, hint := range map[string]string{"event": `Did you mean "events"?`, "public.evnts": `Did you mean "events"?`, "wholly_different": "", "other.events": ""} {
		_, err := findTable(cat, path)
		if e := errs.From(err); e.Code != errs.UndefinedTable || e.Hint != hint && !(hint == "" && !strings.Contains(e.Hint, `"events"`)) && path != "other.events" {
			t.Errorf("%s: %v, hint %q", path, err, e.Hint)
		}
	}
	for _, path := range []string{"events", "public.events"} {
		if found, err := findTable(cat, path); err != nil || found.Name != "events" {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestHowMuchIsTold: how many bad rows an answer lists and counts, and in which words, at the limits.
func TestHowMuchIsTold(t *testing.T) {
	for _, c := range []struct {
		bad, good int
		query     string
		told      int
		rejected  int64 // -1: refused
		detail    string
	}{
		{1, 0, "", 1, -1, "Nothing was stored."},
		{1, 3, "", 1, -1, "Nothing was stored."},
		{2, 3, "", 2, -1, "2 rows do not fit; nothing was stored."},
		{RowErrorsMax - 1, 3, "", RowErrorsMax - 1, -1, fmt.Sprint(RowErrorsMax-1, " rows do not fit")},
		{RowErrorsMax, 3, "", RowErrorsMax, -1, fmt.Sprint(RowErrorsMax, " rows do not fit")},
		{RowErrorsMax + 1, 3, "", RowErrorsMax, -1, fmt.Sprint(RowErrorsMax, " rows do not fit")}, // reading has ended
		{RowErrorsMax + 50, 3, "errors=partial", RowErrorsMax, int64(RowErrorsMax + 50), ""},
		{RowErrorsMax, 3, "errors=partial", RowErrorsMax, int64(RowErrorsMax), ""},
		{0, 3, "errors=partial", 0, 0, ""},
		{3, 0, "errors=partial", 3, 3, ""},
	} {
		st := newStore(t)
		r := request(strings.Repeat("{\"n\":\"x\"}\n", c.bad) + strings.Repeat("{\"n\":1}\n", c.good))
		r.URL.RawQuery = c.query
		a, err := newHandler(st, memtest.Pool(t, 16<<20)).Push(httptest.NewRecorder(), r, "u")
		what := fmt.Sprintf("%d bad rows and %d good ones, %q", c.bad, c.good, c.query)
		if c.rejected < 0 {
			var e *Error
			if !errors.As(err, &e) || len(e.Rows) != c.told || !strings.Contains(e.Err.Detail, c.detail) || c.bad == 1 && strings.Contains(e.Err.Detail, "rows do not fit") || st.commits != 0 {
				t.Errorf("%s: %v", what, err)
			}
			continue
		}
		if err != nil || a.Rejected != c.rejected || len(a.Rows) != c.told || a.Stored != int64(c.good) || st.rows != int64(c.good) {
			t.Errorf("%s: %+v, %v", what, a, err)
		}
	}
}

// objects tells whether a text is an object, or an array of objects, and how many they are.
func objects(text []byte) (n int, ok bool) {
	if !json.Valid(text) {
		return 0, false
	}
	var list []json.RawMessage
	if json.Unmarshal(text, &list) != nil {
		list = []json.RawMessage{text}
	}
	for _, x := range list {
		if x = bytes.TrimSpace(x); len(x) == 0 || x[0] != '{' {
			return 0, false
		}
	}
	return len(list), true
}

// TestEveryShortArray holds all short texts of the signs that an array has against encoding/json: whatever is not an object
// or an array of objects is an error of the array or of one of its lines, and the others have as many lines as objects.
func TestEveryShortArray(t *testing.T) {
	signs := []string{"[", "]", "{", "}", ",", "\n", `"a"`, ":", "1", `"\\"`, `"]`}
	most := 5
	if testing.Short() {
		most = 4
	}
	good, texts := 0, []string{""}
	for n := 1; n <= most; n++ {
		var longer []string
		for _, s := range texts {
			if n > 1 && (s[0] != '[' && s[0] != '{' && s[0] != '\n') { // refused at once, whatever follows
				continue
			}
			for _, x := range signs {
				longer = append(longer, s+x)
			}
		}
		for _, s := range longer {
			out, err := io.ReadAll(newArrayReader(strings.NewReader(s)))
			lines, sound := 0, err == nil
			for _, line := range bytes.Split(out, []byte("\n")) {
				if line = bytes.TrimSpace(line); len(line) > 0 {
					lines++
					sound = sound && json.Valid(line)
				}
			}
			n, ok := objects([]byte(s))
			if sound != ok || ok && lines != n {
				t.Fatalf("%q: %d lines %q, sound %v (%v), want %d objects, %v", s, lines, out, sound, err, n, ok)
			}
			if ok {
				good++
			}
		}
		texts = longer
	}
	if good < 10 {
		t.Errorf("%d texts are arrays or objects", good)
	}
}
