package httppush

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// store counts and adds up what is committed into t (n integer NOT NULL, s text, d bigint DEFAULT 7).
type store struct {
	cat       *catalog.Snapshot
	commits   int
	tables    int   // of the last commit
	rows, sum int64 // sum of n and d
	text      int   // bytes of s
	held      int   // conditions that nobody has let go of
}

func newStore(t testing.TB) *store {
	t.Helper()
	cat, _, err := catalog.Empty().Apply(catalog.Create(catalog.NewTable("public", "t",
		catalog.Column{Name: "n", Type: types.T(types.Int4), NotNull: true}, catalog.Column{Name: "s", Type: types.T(types.Text)},
		catalog.Column{Name: "d", Type: types.T(types.Int8), Default: "7"})))
	if err != nil {
		t.Fatal(err)
	}
	return &store{cat: cat}
}

// batchRows is how many rows an appender reads at a time.
const batchRows = 8192

func (s *store) Catalog() *catalog.Snapshot { return s.cat }

func (s *store) Duplicates(context.Context, catalog.TableID, []*batch.Batch) ([]table.Duplicate, error) {
	return nil, nil
}

func (s *store) Numbered(edits ...catalog.Edit) []catalog.Edit { return edits }

func (s *store) Commit(_ context.Context, w table.Write) (table.Ack, error) {
	s.commits++
	s.tables = len(w.Rows)
	var rows int64
	for _, b := range w.Rows[0].Batches {
		rows += int64(b.Len)
		for i := range b.Len {
			s.sum += int64(batch.Values[int32](b.Cols[0])[i]) + batch.Values[int64](b.Cols[2])[i]
		}
		s.text += len(b.Cols[1].Data)
	}
	s.rows += rows
	return table.Ack{Sequence: uint64(s.commits), Rows: rows}, nil
}

func newHandler(st *store, pool *mem.Pool) *Handler {
	h, err := New(Options{Store: st, Pool: pool, Terms: st.terms})
	if err != nil {
		panic(err) // the options are right
	}
	return h
}

// terms are the default 7 of d, and CHECK (n % 10 <> 7) where the table has a constraint.
func (s *store) terms(_ *http.Request, _ string, t *catalog.Table) (*table.Terms, func(), error) {
	s.held++
	d := types.IntOf(t.Columns[2].Type, 7)
	terms := &table.Terms{Defaults: []table.Default{2: {Value: &d}}}
	if len(t.Constraints) > 0 {
		terms.Conditions = []table.Condition{{Name: "no_seven", Fails: func(b *batch.Batch, bits batch.Bitmap) error {
			for i := range b.Len {
				if b.Cols[0].Datum(i).I%10 == 7 {
					bits.Set(i)
				}
			}
			return nil
		}}}
	}
	return terms, func() { s.held-- }, nil
}

func request(body string, headers ...string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.SetPathValue("table", "t")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// TestMoreRowsThanABatch: rows of several batches arrive whole, in each format, and a second push finds nothing of the
// first in the batches that it uses again.
func TestMoreRowsThanABatch(t *testing.T) {
	const n = 2*batchRows + 5
	sum := int64(n) * (n - 1) / 2
	var lines, array, csv, short strings.Builder
	csv.WriteString("s,n,d\n")
	short.WriteString("n\n")
	array.WriteString("[")
	text := 0
	for i := range n {
		fmt.Fprintf(&lines, "{\"n\":%d,\"s\":\"%d\"}\n", i, i)
		if i > 0 {
			array.WriteString(",")
		}
		fmt.Fprintf(&array, "{\"n\":%d,\"s\":\"%d\",\"d\":1}", i, i)
		fmt.Fprintf(&csv, "%d,%d,2\n", i, i)
		fmt.Fprintf(&short, "%d\n", i)
		text += len(fmt.Sprint(i))
	}
	array.WriteString("]")
	for _, tc := range []struct {
		media, body string
		d           int64
		text        int
	}{
		{"application/x-ndjson", lines.String(), 7, text},
		{"application/json", array.String(), 1, text},
		{"text/csv", csv.String(), 2, text},
		{"text/csv", short.String(), 7, 0},
	} {
		for range 2 {
			st, pool := newStore(t), memtest.Pool(t, 64<<20)
			a, err := newHandler(st, pool).Push(httptest.NewRecorder(), request(tc.body, "Content-Type", tc.media), "u")
			if err != nil || a.Stored != n || st.rows != n || st.commits != 1 {
				t.Fatalf("%s: %+v, %v, %d rows in %d commits", tc.media, a, err, st.rows, st.commits)
			}
			if want := sum + n*tc.d; st.sum != want || st.text != tc.text {
				t.Errorf("%s: sum %d, want %d; %d bytes of text, want %d", tc.media, st.sum, want, st.text, tc.text)
			}
			if pool.Used() != 0 || pool.Peak() < n*12 {
				t.Errorf("%s: %d bytes are charged, %d at most", tc.media, pool.Used(), pool.Peak())
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct {
		name, body string
		headers    []string
		status     int
		code       errs.Code
		rows       int
	}{
		{"bad rows", "{\"n\":1}\n{\"n\":\"x\"}\n{}\n", nil, 0, errs.InvalidTextRepresentation, 2},
		{"very many bad rows", strings.Repeat("x\n", 1000), nil, 0, errs.InvalidTextRepresentation, RowErrorsMax},
		{"media type", "x", []string{"Content-Type", "text/html"}, http.StatusUnsupportedMediaType, errs.FeatureNotSupported, 0},
		{"encoding", "x", []string{"Content-Encoding", "br"}, http.StatusUnsupportedMediaType, errs.FeatureNotSupported, 0},
		{"key", "{\"n\":1}", []string{"Idempotency-Key", ""}, http.StatusBadRequest, errs.InvalidParameterValue, 0},
		{"pool", strings.Repeat("{\"n\":1}\n", 100_000), nil, 0, errs.OutOfMemory, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			st, pool := newStore(t), memtest.Pool(t, 256<<10)
			_, err := newHandler(st, pool).Push(httptest.NewRecorder(), request(tc.body, tc.headers...), "u")
			if errs.From(err).Code != tc.code {
				t.Fatalf("got %v, want %s", err, tc.code)
			}
			var e *Error
			if errors.As(err, &e) && (e.Status != tc.status || len(e.Rows) != tc.rows) || e == nil && tc.status != 0 {
				t.Errorf("got %+v, want status %d, %d rows", e, tc.status, tc.rows)
			}
			if st.commits != 0 || pool.Used() != 0 {
				t.Errorf("%d commits, %d bytes still charged", st.commits, pool.Used())
			}
		})
	}
}

// TestHugeRowsAreChargedWhileTheyArrive pushes one batch of few, huge rows: a pool that has no room for it refuses it
// after a piece or two, not when all of it is in memory.
func TestHugeRowsAreChargedWhileTheyArrive(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	for media, row := range map[string]string{
		"application/x-ndjson": "{\"n\":1,\"s\":\"" + long + "\"}\n",
		"text/csv":             "1," + long + "\n",
	} {
		for _, limit := range []int64{4 << 20, 256 << 20} {
			st, pool := newStore(t), memtest.Pool(t, limit)
			head := ""
			if media == "text/csv" {
				head = "n,s\n"
			}
			in := &counter{src: strings.NewReader(head + strings.Repeat(row, 32))}
			r := httptest.NewRequest("POST", "/", in)
			r.SetPathValue("table", "t")
			r.Header.Set("Content-Type", media)
			_, err := newHandler(st, pool).Push(httptest.NewRecorder(), r, "u")
			if small := limit == 4<<20; small && (!errs.Is(err, errs.OutOfMemory) || in.n > limit+(2<<20)) || !small && err != nil {
				t.Errorf("%s, limit %d: %v after %d bytes", media, limit, err, in.n)
			}
			if pool.Used() != 0 {
				t.Errorf("%s: %d bytes still charged", media, pool.Used())
			}
		}
	}
}

// TestNoAllocationPerRow: pushes of a hundred and of eight thousand rows allocate as often.
func TestNoAllocationPerRow(t *testing.T) {
	h := newHandler(newStore(t), nil)
	count := func(media, line string, rows int) float64 {
		body := strings.Repeat(line, rows)
		if media == "text/csv" {
			body = "n,s\n" + body
		}
		return testing.AllocsPerRun(5, func() {
			if _, err := h.Push(httptest.NewRecorder(), request(body, "Content-Type", media), "u"); err != nil {
				t.Fatal(err)
			}
		})
	}
	for media, line := range map[string]string{"application/x-ndjson": "{\"n\":12,\"s\":\"a text\"}\n", "text/csv": "12,a text\n"} {
		count(media, line, 8000) // makes the batches
		few, many := count(media, line, 100), count(media, line, 8000)
		if many > few+100 {
			t.Errorf("%s: %.0f allocations for 100 rows, %.0f for 8,000", media, few, many)
		}
	}
}

func FuzzArray(f *testing.F) {
	f.Add([]byte(`[{"a":1},{"b":"]"}]`))
	f.Add([]byte("{\"a\":\n[1,2]}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		out, err := io.ReadAll(newArrayReader(bytes.NewReader(body)))
		if err != nil || !json.Valid(body) {
			return
		}
		for _, line := range bytes.Split(out, []byte("\n")) {
			if len(bytes.TrimSpace(line)) > 0 && !json.Valid(line) {
				t.Fatalf("%q became %q", body, out)
			}
		}
	})
}

// TestArrayStrings: what stands in strings of an array is no line end and no bracket, whatever it is; indexes are those of
// elements.
func TestArrayStrings(t *testing.T) {
	for _, tc := range []struct {
		body string
		n    int // stored
		bad  string
	}{
		{"[{\"n\":1,\"s\":\"a\n{}\nb\"},{\"n\":2},{\"n\":\"x\"}]", 1, "[0 2]"},
		{"[{\"n\":1,\"s\":\"a\r\nb\"},{\"n\":2}]", 1, "[0]"},
		{"[{\"n\":1,\"s\":\"a\\\n{\"},{\"n\":2}]", 1, "[0]"},
		{"[{\"n\":1,\"s\":\"a\\\\\"},\n{\"n\":\n2},{\"n\":3,\"s\":\"]},{\\\"\"}]", 3, "[]"},
		{"[{\"n\":1,\n\"s\n\":1},{\"n\":2}]", 1, "[0]"},
	} {
		st, pool := newStore(t), memtest.Pool(t, 64<<20)
		r := request(tc.body, "Content-Type", "application/json")
		r.URL.RawQuery = "errors=partial"
		a, err := newHandler(st, pool).Push(httptest.NewRecorder(), r, "u")
		bad := []int64{}
		for _, row := range a.Rows {
			bad = append(bad, row.Index)
		}
		if err != nil || int(a.Stored) != tc.n || fmt.Sprint(bad) != tc.bad {
			t.Errorf("%q: %+v, %v, want %d rows and bad ones %s", tc.body, a, err, tc.n, tc.bad)
		}
	}
}

// Rows that violate a CHECK are refused with their places in the body, whatever is wrong with those around them.
func TestConditions(t *testing.T) {
	var body, csv strings.Builder
	csv.WriteString("n,s\n")
	want := []int64{}
	const n = 3 * batchRows
	for i := range n {
		switch {
		case i%1000 < 3 && i > 2000: // a run that cannot be read
			body.WriteString("{\"n\":\"x\"}\n")
			csv.WriteString("x,\n")
			want = append(want, int64(i))
		case i%997 == 0:
			body.WriteString("{\"n\":17}\n")
			csv.WriteString("17,a\n")
			want = append(want, int64(i))
		default:
			body.WriteString("{\"n\":5}\n")
			csv.WriteString("5,b\n")
		}
	}
	for media, text := range map[string]string{"application/x-ndjson": body.String(), "text/csv": csv.String()} {
		for _, partial := range []bool{true, false} {
			st, pool := newStore(t), memtest.Pool(t, 64<<20)
			cat, _, err := st.cat.Apply(catalog.Replace(st.cat.Table("public", "t"), func(t *catalog.Table) (*catalog.Table, error) {
				t.Constraints = append(t.Constraints, catalog.Constraint{Kind: catalog.Check, Name: "no_seven", Columns: []uint32{1}, Expr: "n % 10 <> 7"})
				return t, nil
			}))
			if err != nil {
				t.Fatal(err)
			}
			st.cat = cat
			r := request(text, "Content-Type", media)
			if partial {
				r.URL.RawQuery = "errors=partial"
			}
			a, err := newHandler(st, pool).Push(httptest.NewRecorder(), r, "u")
			var rows []RowError
			if refused := (*Error)(nil); partial {
				rows = a.Rows
			} else if errors.As(err, &refused) {
				rows, err = refused.Rows, nil
			}
			got := []int64{}
			for _, row := range rows {
				got = append(got, row.Index)
				if (row.SQLState == "23514") != (want == nil || row.Index%997 == 0 && !(row.Index%1000 < 3 && row.Index > 2000)) {
					t.Errorf("row %d: %+v", row.Index, row)
				}
			}
			slices.Sort(got)
			stored := 0
			if partial {
				stored = n - len(want)
			}
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want[:len(got)]) || len(got) == 0 || partial && int(a.Rejected) != len(want) || int(a.Stored) != stored || int(st.rows) != stored || st.held != 0 {
				t.Errorf("%s, partial %v: stored %d, rejected %d, %v: rows %v, want %v", media, partial, a.Stored, a.Rejected, err, got, want)
			}
		}
	}
}

// What becomes of three bad rows among five, by the parameters of the push.
func TestPolicies(t *testing.T) {
	for _, tc := range []struct {
		query            string
		stored, rejected int64
		tables           int // that the commit brings rows for
		code             errs.Code
		status, told     int
	}{
		{"", 0, 0, 0, errs.InvalidTextRepresentation, 0, 3},
		{"errors=refuse", 0, 0, 0, errs.InvalidTextRepresentation, 0, 3},
		{"errors=partial", 2, 3, 1, "", 0, 3},
		{"errors=reject", 2, 3, 2, "", 0, 3},
		{"errors=partial&reject_limit=3", 2, 3, 1, "", 0, 3},
		{"errors=reject&reject_limit=3", 2, 3, 2, "", 0, 3},
		{"errors=reject&reject_limit=2", 0, 0, 0, errs.InvalidTextRepresentation, 0, 3},
		{"errors=partial&reject_limit=1", 0, 0, 0, errs.InvalidTextRepresentation, 0, 2},
		{"reject_limit=1", 0, 0, 0, errs.InvalidParameterValue, 400, 0},
		{"errors=reject&reject_limit=0", 0, 0, 0, errs.InvalidParameterValue, 400, 0},
		{"errors=reject&reject_limit=x", 0, 0, 0, errs.InvalidParameterValue, 400, 0},
		{"errors=some", 0, 0, 0, errs.InvalidParameterValue, 400, 0},
	} {
		st, pool := newStore(t), mem.NewPool(64<<20)
		r := request("{\"n\":1}\n{\"n\":\"x\"}\n{}\n{\"n\":2}\nnonsense\n")
		r.URL.RawQuery = tc.query
		a, err := newHandler(st, pool).Push(httptest.NewRecorder(), r, "u")
		var e *Error
		if tc.code != "" {
			if !errors.As(err, &e) || e.Err.Code != tc.code || e.Status != tc.status || len(e.Rows) != tc.told || st.commits != 0 || pool.Used() != 0 {
				t.Errorf("%s: got %+v", tc.query, err)
			}
			continue
		}
		if err != nil || a.Stored != tc.stored || a.Rejected != tc.rejected || len(a.Rows) != tc.told || st.tables != tc.tables || pool.Used() != 0 {
			t.Errorf("%s: %+v, %v, rows for %d tables", tc.query, a, err, st.tables)
		}
	}
}

// TestCSVHeader reads first lines with quotes and with every line end, also when they come byte by byte.
func TestCSVHeader(t *testing.T) {
	for _, tc := range []struct{ body, names, rest string }{
		{"a,b\n1", "[a b]", "1"}, {"a,b\r\n1", "[a b]", "1"}, {"a,b\r1", "[a b]", "1"}, {"a,b\r", "[a b]", ""}, {"a", "[a]", ""},
		{"\"a\nb\",\"c\"\"d\"\r\n1\n", "[a\nb c\"d]", "1\n"}, {"\"a\rb\"\n", "[a\rb]", ""}, {"\ufeffa,b\n", "[a b]", ""},
	} {
		for _, src := range []io.Reader{strings.NewReader(tc.body), iotest.OneByteReader(strings.NewReader(tc.body))} {
			in := bufio.NewReaderSize(src, headerMaxLine)
			names, err := csvHeader(in)
			rest, _ := io.ReadAll(in)
			if err != nil || fmt.Sprint(names) != tc.names || string(rest) != tc.rest {
				t.Errorf("%q: %q, %v, rest %q", tc.body, names, err, rest)
			}
		}
	}
	for _, body := range []string{"", "\n", "\"a", strings.Repeat("x", headerMaxLine+1)} {
		if names, err := csvHeader(bufio.NewReaderSize(strings.NewReader(body), headerMaxLine)); !errs.Is(err, errs.BadCopyFileFormat) {
			t.Errorf("%.20q: %q, %v", body, names, err)
		}
	}
}
