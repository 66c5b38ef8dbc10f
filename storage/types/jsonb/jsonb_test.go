package jsonb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
)

func encode(t testing.TB, text string) []byte {
	t.Helper()
	var b Builder
	enc, err := b.AppendParsed(nil, []byte(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return enc
}

func TestText(t *testing.T) {
	for _, c := range [][2]string{
		{`null`, ``}, {`true`, ``}, {`"a\"b\u0001\n\u00e9\ud83d\ude00"`, `"a\"b\u0001\né😀"`}, {`[1.0,1.00,1e3,-0,-0.0,1e-5]`, `[1.0, 1.00, 1000, 0, 0.0, 0.00001]`},
		{`{"b":1,"aa":2,"a":3,"b":{"x":1.50}}`, `{"a": 3, "b": {"x": 1.50}, "aa": 2}`}, {`[]`, ``}, {`{}`, ``}, {`{"":[[],{}]}`, `{"": [[], {}]}`},
		{`123456789012345678901234567890.50`, ``}, {`-9223372036854775808`, ``}, {`9223372036854775808`, ``}, {`63`, ``}, {`64`, ``}, {`-1`, ``},
		{`1e30`, `1` + strings.Repeat("0", 30)}, {` [ 1 , "x" ] `, `[1, "x"]`}, {`0.` + strings.Repeat("0", 300) + `1`, ``},
	} {
		want := c[1]
		if want == "" {
			want = c[0]
			if strings.HasPrefix(want, `{"":[[`) {
				want = strings.ReplaceAll(want, ":", ": ")
			}
		}
		if got := string(AppendText(nil, encode(t, c[0]))); got != want {
			t.Errorf("%s: got %s, want %s", c[0], got, want)
		}
	}
}

// TestForm holds the example of the package comment.
func TestForm(t *testing.T) {
	want := []byte("\x61\x01\x01\x08a\x51\x02\x01\x04\x81\x31\x01\x19\x0a\x00\x00\x00\x01\x00\x01\x00\x00\x00\x01")
	if got := encode(t, `{"a": [1, 2.50]}`); !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ text, code, detail, context string }{
		{`{"a":1`, "22P02", "The input string ended unexpectedly.", `JSON data, line 1: {"a":1`},
		{"{\"a\":\n 1,\n \"b\":nul, \"c\":1}", "22P02", `Token "nul" is invalid.`, `JSON data, line 3:  "b":nul...`},
		{`"\ud800"`, "22P02", lowSurrogateText, `JSON data, line 1: "\ud800"`}, {`"\u0000"`, "22P05", `\u0000 cannot be converted to text.`, `JSON data, line 1: "\u0000...`},
		{`{"a" 1}`, "22P02", `Expected ":", but found "1".`, `JSON data, line 1: {"a" 1...`}, {`[1 2]`, "22P02", `Expected "," or "]", but found "2".`, `JSON data, line 1: [1 2...`},
		{`{1:2}`, "22P02", `Expected string or "}", but found "1".`, `JSON data, line 1: {1...`}, {`[1,]`, "22P02", `Expected JSON value, but found "]".`, `JSON data, line 1: [1,]`},
		{`{"a":1,}`, "22P02", `Expected string, but found "}".`, `JSON data, line 1: {"a":1,}`}, {`"abc`, "22P02", `Token ""abc" is invalid.`, `JSON data, line 1: "abc`},
		{"\"ab\tc\"", "22P02", `Character with value 0x09 must be escaped.`, `JSON data, line 1: "ab...`}, {`"ab\xc"`, "22P02", `Escape sequence "\x" is invalid.`, `JSON data, line 1: "ab\x...`},
		{`"ab\u12"`, "22P02", `"\u" must be followed by four hexadecimal digits.`, `JSON data, line 1: "ab\u12"`}, {`1 2`, "22P02", `Expected end of input, but found "2".`, `JSON data, line 1: 1 2`},
		{`01`, "22P02", `Token "01" is invalid.`, `JSON data, line 1: 01`}, {`-`, "22P02", `Token "-" is invalid.`, `JSON data, line 1: -`}, {``, "22P02", "The input string ended unexpectedly.", `JSON data, line 1: `},
		{strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), "54001", "", ""}, {`1` + strings.Repeat("0", 131072), "22003", "", ""},
		{`["` + strings.Repeat("é", 40) + `" x]`, "22P02", `Token "x" is invalid.`, `JSON data, line 1: ...` + strings.Repeat("é", 23) + `" x...`},
	} {
		var b Builder
		_, err := b.AppendParsed(nil, []byte(c.text))
		e := errs.From(err)
		if err == nil || string(e.Code) != c.code || e.Detail != c.detail && c.detail != "" || e.Context != c.context && c.context != "" {
			t.Errorf("%.30q: got %v, %q, %q", c.text, err, e.Detail, e.Context)
		}
	}
}

const lowSurrogateText = "Unicode low surrogate must follow a high surrogate."

// random makes a value: few keys, so that equal ones come, and numbers in many notations.
func random(r *rand.Rand, depth int) string {
	if depth == 0 || r.IntN(3) == 0 {
		return []string{`null`, `true`, `false`, `""`, `"a"`, `"é\n\"x"`, `0`, `1`, `1.0`, `-1.50`, `1e2`, `123456789012`, `-70000`, `0.001`, `12345678901234567890123.10`,
			`"` + strings.Repeat("long ", r.IntN(80)) + `"`}[r.IntN(16)]
	}
	var s []string
	object := r.IntN(2) == 0
	n := r.IntN(5)
	if r.IntN(20) == 0 {
		n = 300
		depth = 1
	}
	for range n {
		v := random(r, depth-1)
		if object {
			v = `"` + []string{"a", "b", "bb", "ab", "é", "", "key"}[r.IntN(7)] + `":` + v
		}
		s = append(s, v)
	}
	if object {
		return "{" + strings.Join(s, ",") + "}"
	}
	return "[" + strings.Join(s, " , ") + "]"
}

// check compares navigation with what encoding/json makes of the text.
func check(t *testing.T, v Value, want any) {
	t.Helper()
	switch x := want.(type) {
	case nil:
		if v.Kind() != Null {
			t.Fatalf("got %s for null", v.AppendText(nil))
		}
	case bool:
		if v.Kind() != Bool || v.Bool() != x {
			t.Fatalf("got %s, want %v", v.AppendText(nil), x)
		}
	case string:
		if v.Kind() != String || string(v.String()) != x {
			t.Fatalf("got %s, want %q", v.AppendText(nil), x)
		}
	case json.Number:
		if f, _ := x.Float64(); v.Kind() != Number || v.Float64() != f || string(v.AppendNumber(nil)) != v.Decimal().String() {
			t.Fatalf("got %s, want %s", v.AppendText(nil), x)
		}
	case []any:
		if v.Kind() != Array || v.Len() != len(x) {
			t.Fatalf("got %s, want %v", v.AppendText(nil), x)
		}
		for i, e := range x {
			got, _ := v.At(i)
			check(t, got, e)
			back, _ := v.At(i - len(x))
			if !back.Equal(got) {
				t.Fatal("negative index")
			}
			check(t, Open(got.AppendTo(nil)), e)
			apart(t, got)
		}
	case map[string]any:
		if v.Kind() != Object || v.Len() != len(x) {
			t.Fatalf("got %s, want %v", v.AppendText(nil), x)
		}
		for k, e := range x {
			got, ok := v.Get([]byte(k))
			if !ok {
				t.Fatalf("no key %q in %s", k, v.AppendText(nil))
			}
			check(t, got, e)
			apart(t, got)
		}
		if _, ok := v.Get([]byte("none")); ok {
			t.Fatal("a key that is not there")
		}
	}
}

// apart checks that a part shows the same by itself.
func apart(t *testing.T, v Value) {
	t.Helper()
	if got, want := AppendText(nil, v.AppendTo(nil)), v.AppendText(nil); !bytes.Equal(got, want) {
		t.Fatalf("a part is %s by itself, want %s", got, want)
	}
}

// TestForms pins the bytes of each form: files keep them.
func TestForms(t *testing.T) {
	for text, want := range map[string]string{
		`null`: "0000", `false`: "0100", `true`: "0200", `"ab"`: "c2616200", `63`: "bf00", `64`: "214000", `-1`: "21ff00", `300`: "222c0100",
		`70000`: "247011010000", `5000000000`: "2800f2052a0100000000", `0.5`: "31010500", `-12.345`: "3203c7cf00", `1.0`: "810000000001000100000001",
		`12345678901234567890`: "411104800404d3162f23350d811ed30000000000", `[]`: "510000", `{}`: "610000", `[null,[1]]`: "5102010500" + "51010181" + "00",
		`{"b":1,"a":2}`: "6102" + "0102" + "0102" + "6162" + "8281" + "00",
	} {
		if got := fmt.Sprintf("%x", encode(t, text)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	long := encode(t, `"`+strings.Repeat("x", 300)+`"`)
	if !bytes.HasPrefix(long, []byte{0x12, 0x2c, 0x01, 'x'}) || len(long) != 304 {
		t.Errorf("a long string begins with %x and takes %d bytes", long[:4], len(long))
	}
}

func TestRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var b, parts Builder
	var all [][]byte
	for range 3000 {
		text := random(r, 5)
		enc, err := b.AppendParsed(nil, []byte(text))
		if err != nil {
			t.Fatal(text, err)
		}
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatal(err)
		}
		check(t, Open(enc), want)
		printed := AppendText(nil, enc)
		if again := encode(t, string(printed)); !bytes.Equal(again, enc) || Compare(Open(enc), Open(again)) != 0 {
			t.Fatalf("%s prints as %s", text, printed)
		}
		// The same value made of its parts.
		parts.Reset()
		rebuild(&parts, Open(enc), r)
		if again, err := parts.Append(nil); err != nil || !bytes.Equal(again, enc) {
			t.Fatalf("%s made of parts is %x, want %x, %v", text, again, enc, err)
		}
		if !Contains(Open(enc), Open(enc)) {
			t.Fatalf("%s does not contain itself", text)
		}
		all = append(all, enc)
	}
	for range 20000 {
		x, y := all[r.IntN(len(all))], all[r.IntN(len(all))]
		c := Compare(Open(x), Open(y))
		if c != -Compare(Open(y), Open(x)) || (c == 0) != bytes.Equal(Key(x), Key(y)) {
			t.Fatalf("%s against %s: %d", AppendText(nil, x), AppendText(nil, y), c)
		}
		if k := bytes.Compare(AppendSortKey(nil, x), AppendSortKey(nil, y)); k != c {
			t.Fatalf("sort keys of %s and %s compare %d, want %d", AppendText(nil, x), AppendText(nil, y), k, c)
		}
	}
}

// rebuild adds a value by events or as a whole.
func rebuild(b *Builder, v Value, r *rand.Rand) {
	switch {
	case v.IsScalar() || r.IntN(3) == 0:
		b.Raw(v)
	case v.Kind() == Array:
		b.BeginArray()
		for i := range v.Len() {
			e, _ := v.At(i)
			rebuild(b, e, r)
		}
		b.EndArray()
	default:
		b.BeginObject()
		for _, i := range r.Perm(v.Len()) {
			k, e := v.Field(i)
			b.Key(k)
			rebuild(b, e, r)
		}
		b.EndObject()
	}
}

// TestDamage reads values whose bytes are anything.
func TestDamage(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		enc := slices.Clone(encode(t, random(r, 3)))
		for range 1 + r.IntN(4) {
			enc[r.IntN(len(enc))] = byte(r.Uint32())
		}
		touch(enc[:r.IntN(len(enc)+1)])
	}
}

// touch does all that can be done with a value.
func touch(enc []byte) {
	v := Open(enc)
	Compare(v, v)
	Contains(v, v)
	v.AppendText(nil)
	v.AppendPretty(nil)
	AppendSortKey(nil, enc)
	var b Builder
	b.BeginArray()
	b.Raw(v)
	b.EndArray()
	_, _ = b.Append(nil)
	v.Exists([]byte("a"))
	for i := range min(v.Len(), 3) {
		e, _ := v.At(i)
		_, f := v.Field(i)
		e.AppendTo(nil)
		f.Decimal()
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.50,"x"]}`, `"\ud83d\ude00"`, `[[[]]]`, `1e-7`, `{"a":1,"a":2}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		touch(text)
		var b Builder
		enc, err := b.AppendParsed(nil, text)
		if err != nil || len(text) > 1000 {
			return
		}
		printed := AppendText(nil, enc)
		again, err := b.AppendParsed(nil, printed)
		if err != nil || !bytes.Equal(again, enc) {
			t.Errorf("%q prints as %q, which is %x, %v; want %x", text, printed, again, err, enc)
		}
	})
}
