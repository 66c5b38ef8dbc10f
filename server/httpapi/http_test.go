package httpapi

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/siltstone-db/siltstone/ingest/httppush"
	"github.com/siltstone-db/siltstone/server/auth"
	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/catalog"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/mem/memtest"
	"github.com/siltstone-db/siltstone/storage/table"
	"github.com/siltstone-db/siltstone/storage/types"
)

// store keeps what is committed as text, one line per row, so that this package is tested without a disk.
type store struct {
	cat    *catalog.Snapshot
	rows   []string
	tokens map[table.Token]table.Ack
	fail   error
}

func newStore(t testing.TB) *store {
	t.Helper()
	cat, _, err := catalog.Empty().Apply(catalog.Create(catalog.NewTable("public", "t",
		catalog.Column{Name: "n", Type: types.T(types.Int4), NotNull: true}, catalog.Column{Name: "s", Type: types.T(types.Text)},
		catalog.Column{Name: "d", Type: types.T(types.Int8), Default: "7"})))
	if err != nil {
		t.Fatal(err)
	}
	return &store{cat: cat, tokens: map[table.Token]table.Ack{}}
}

func (s *store) Duplicates(context.Context, catalog.TableID, []*batch.Batch) ([]table.Duplicate, error) {
	return nil, nil
}

func (s *store) Numbered(edits ...catalog.Edit) []catalog.Edit { return edits }

func (s *store) Catalog() *catalog.Snapshot { return s.cat }

func (s *store) Commit(_ context.Context, w table.Write) (table.Ack, error) {
	if s.fail != nil {
		return table.Ack{}, s.fail
	}
	if w.Token != nil {
		if ack, known := s.tokens[*w.Token]; known {
			ack.Duplicate = true
			return ack, nil
		}
	}
	ack := table.Ack{Sequence: uint64(len(s.tokens) + 1)}
	for _, r := range w.Rows {
		for _, b := range r.Batches {
			for i := range b.Len {
				var f []string
				for _, v := range b.Cols {
					if v.IsNull(i) {
						f = append(f, "NULL")
					} else {
						f = append(f, string(pgtype.TextEncoder(v.Type, nil)(nil, v, i)))
					}
				}
				s.rows = append(s.rows, strings.Join(f, "|"))
			}
			ack.Rows += int64(b.Len)
		}
	}
	if w.Token != nil {
		s.tokens[*w.Token] = ack
	}
	return ack, nil
}

// conn is a session that knows a few statements.
type conn struct {
	Session
	sql    string
	params []session.Parameter
}

func (c *conn) TypeSettings() *types.Settings { return &types.Settings{} }
func (c *conn) Terms(context.Context, *catalog.Table) (*table.Terms, error) {
	d := types.IntOf(types.T(types.Int8), 7)
	return &table.Terms{Defaults: []table.Default{2: {Value: &d}}}, nil
}
func (c *conn) Close()                           {}
func (c *conn) Cancel()                          {}
func (c *conn) Sync(context.Context, bool) error { return nil }
func (c *conn) Bind(_ context.Context, _, _ string, p []session.Parameter) error {
	c.params = p
	return nil
}

func (c *conn) Parse(_ context.Context, _, sql string, _ []uint32) error {
	if strings.HasPrefix(sql, "bad") {
		return errs.New(errs.SyntaxError, "syntax error at or near \"bad\"").At(1)
	}
	c.sql = sql
	return nil
}

func (c *conn) DescribePortal(context.Context, string) ([]session.Column, error) {
	if c.sql == "DDL" {
		return nil, nil
	}
	return []session.Column{{Name: "i", Type: types.T(types.Int8)}, {Name: "t", Type: types.T(types.Text)}, {Name: "b", Type: types.T(types.Bool)}, {Name: "f", Type: types.T(types.Float8)}}, nil
}

func (c *conn) Execute(_ context.Context, _ string, _ int, out session.Output) (bool, error) {
	if c.sql == "DDL" {
		out.Notice("NOTICE", "00000", "hello")
		return false, out.Complete("CREATE TABLE")
	}
	n := 2
	fmt.Sscanf(c.sql, "rows %d", &n)
	b := batch.New([]types.Type{types.T(types.Int8), types.T(types.Text), types.T(types.Bool), types.T(types.Float8)})
	b.Reset()
	for i := range n {
		b.Cols[0].AppendDatum(types.IntOf(types.T(types.Int8), int64(i)))
		b.Cols[1].AppendDatum(types.TextOf("a,\"b\"\n<é>"))
		b.Cols[2].AppendDatum(types.BoolOf(i%2 == 0))
		f := types.FloatOf(types.T(types.Float8), 1.5)
		f.Null = i == 0
		b.Cols[3].AppendDatum(f)
		b.Len++
	}
	if err := out.Rows(b); err != nil {
		return false, err
	}
	if strings.HasSuffix(c.sql, "fail") {
		return false, errs.New(errs.DivisionByZero, "division by zero")
	}
	return false, out.Complete(fmt.Sprintf("SELECT %d", n))
}

func newServer(t testing.TB, st *store, change func(*Options)) *Server {
	t.Helper()
	rules, err := auth.New(auth.Options{TrustLoopback: true, User: "alice", Password: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Store: st, Auth: rules, Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Open: func(context.Context, string, net.Addr) (Session, error) { return &conn{}, nil }}
	if change != nil {
		change(&o)
	}
	s, err := NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// do sends a request from this machine.
func do(s *Server, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr, r.Host = "127.0.0.1:5", "127.0.0.1:8433"
	if method == "POST" {
		r.Header.Set("Content-Type", "application/x-ndjson")
		if path == queryPath || strings.HasPrefix(path, queryPath+"?") {
			r.Header.Set("Content-Type", "application/sql")
		}
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "remote" {
			r.RemoteAddr = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

const (
	rowsPath  = "/v1/tables/t/rows"
	queryPath = "/v1/query"
)

func TestPush(t *testing.T) {
	const csvType, jsonType = "text/csv", "application/json"
	for _, tc := range []struct {
		name, path, body string
		headers          []string
		status           int
		answer           string // a part of it
		rows             string // stored, space between
	}{
		{"ndjson", rowsPath, "{\"n\":1,\"s\":\"a\"}\n{\"n\":2,\"d\":3}\n", nil, 200, `{"stored":2,"duplicate":false,"sequence":1}`, "1|a|7 2|NULL|3"},
		{"no last line end, blank lines", rowsPath, "\n{\"n\":1}\n\n{\"n\":2}", nil, 200, `"stored":2`, "1|NULL|7 2|NULL|7"},
		{"nothing", rowsPath, "", nil, 200, `{"stored":0,"duplicate":false,"sequence":0}`, ""},
		{"schema", "/v1/tables/public.t/rows", "{\"n\":1}", nil, 200, `"stored":1`, "1|NULL|7"},
		{"a form", rowsPath, "{\"n\":1}", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, `0A000`, ""},
		{"no content type", rowsPath, "{\"n\":1}", []string{"Content-Type", ""}, 200, `"stored":1`, "1|NULL|7"},
		{"array", rowsPath, " [ {\"n\":1,\n \"s\":\"],}{[\\\"\"} ,\r\n{\"n\":2}]\n", []string{"Content-Type", jsonType}, 200, `"stored":2`, `1|],}{["|7 2|NULL|7`},
		{"empty array", rowsPath, "[]", []string{"Content-Type", jsonType}, 200, `"stored":0`, ""},
		{"one object", rowsPath, "{\n\"n\":\n1}", []string{"Content-Type", jsonType}, 200, `"stored":1`, "1|NULL|7"},
		{"array, trailing comma", rowsPath, "[{\"n\":1},]", []string{"Content-Type", jsonType}, 422, `22P02`, ""},
		{"array without end", rowsPath, "[{\"n\":1}", []string{"Content-Type", jsonType}, 422, `ended inside`, ""},
		{"array, something behind", rowsPath, "[{\"n\":1}]x", []string{"Content-Type", jsonType}, 422, `22P02`, ""},
		{"array of numbers", rowsPath, "[1]", []string{"Content-Type", jsonType}, 422, `22P02`, ""},
		{"csv", rowsPath, "s,n\r\n\"a,b\",1\r\n,2\r\n", []string{"Content-Type", csvType}, 200, `"stored":2`, "1|a,b|7 2|NULL|7"},
		{"csv, header only", rowsPath, "n\n", []string{"Content-Type", csvType}, 200, `"stored":0`, ""},
		{"csv, nothing", rowsPath, "", []string{"Content-Type", csvType}, 422, `does not name columns`, ""},
		{"csv, unknown column", rowsPath, "n,x\n1,2\n", []string{"Content-Type", csvType}, 400, `42703`, ""},
		{"csv, column twice", rowsPath, "n,n\n1,2\n", []string{"Content-Type", csvType}, 400, `42701`, ""},
		{"csv, column missing", rowsPath, "s\nx\n", []string{"Content-Type", csvType}, 422, `23502`, ""},
		{"csv, bad value", rowsPath, "n\n1\nx\n3\n", []string{"Content-Type", csvType}, 422, `"rows":[{"index":1,"column":"n","reason":"invalid input syntax for type integer: \"x\"","sqlstate":"22P02"}]`, ""},
		{"csv, partial", rowsPath + "?errors=partial", "n,s\n1,a\nx,b\n3,c,4\n4,d\n", []string{"Content-Type", csvType}, 200, `"rejected":2`, "1|a|7 4|d|7"},
		{"csv, quote without end", rowsPath, "n,s\n1,\"a\n", []string{"Content-Type", csvType}, 422, `22P04`, ""},
		{"bad value", rowsPath, "{\"n\":1}\n{\"n\":\"x\"}\n{\"n\":2,\"s\":{}}\n{\"n\":null}\n", nil, 422, `"rows":[{"index":1,"column":"n"`, ""},
		{"missing and not null", rowsPath, "{\"s\":\"a\"}", nil, 422, `"sqlstate":"23502"`, ""},
		{"unknown key", rowsPath, "{\"n\":1,\"x\":2}", nil, 400, `42703`, ""},
		{"truncated", rowsPath, "{\"n\":1}\n{\"n\":", nil, 422, `"index":1`, ""},
		{"partial", rowsPath + "?errors=partial", "{\"n\":1}\n{\"n\":\"x\"}\nnonsense\n{\"n\":4}\n", nil, 200, `"stored":2,"duplicate":false,"sequence":1,"rejected":2,"rows":[{"index":1,"column":"n"`, "1|NULL|7 4|NULL|7"},
		{"partial, all bad", rowsPath + "?errors=partial", "x\n", nil, 200, `"stored":0`, ""},
		{"errors of another kind", rowsPath + "?errors=maybe", "{\"n\":1}", nil, 400, `22023`, ""},
		{"no such table", "/v1/tables/nope/rows", "{}", nil, 404, `42P01`, ""},
		{"did you mean", "/v1/tables/T/rows", "{}", nil, 404, `Did you mean \"t\"?`, ""},
		{"content type", rowsPath, "{}", []string{"Content-Type", "text/html"}, 415, `0A000`, ""},
		{"content type, broken", rowsPath, "{}", []string{"Content-Type", "text/"}, 415, `0A000`, ""},
		{"content encoding", rowsPath, "{}", []string{"Content-Encoding", "br"}, 415, `0A000`, ""},
		{"not gzip", rowsPath, "{}", []string{"Content-Encoding", "gzip"}, 400, `22P04`, ""},
		{"not zstd", rowsPath, "{}", []string{"Content-Encoding", "zstd"}, 400, `22P04`, ""},
		{"key too long", rowsPath, "{\"n\":1}", []string{"Idempotency-Key", strings.Repeat("k", 300)}, 400, `22023`, ""},
		{"no path", "/v1/tables/t", "", nil, 404, `There`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			st := newStore(t)
			w := do(newServer(t, st, nil), "POST", tc.path, tc.body, tc.headers...)
			if w.Code != tc.status || tc.name != "no path" && !strings.Contains(w.Body.String(), tc.answer) {
				t.Errorf("got %d %s, want %d with %s", w.Code, w.Body, tc.status, tc.answer)
			}
			if !json.Valid(w.Body.Bytes()) {
				t.Errorf("the answer is not JSON: %s", w.Body)
			}
			if got := strings.Join(st.rows, " "); got != tc.rows {
				t.Errorf("stored %q, want %q", got, tc.rows)
			}
		})
	}
}

func TestPushManyErrors(t *testing.T) {
	w := do(newServer(t, newStore(t), nil), "POST", rowsPath, strings.Repeat("x\n", 1000))
	var answer struct{ Error errorBody }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 422 || len(answer.Error.Rows) != httppush.RowErrorsMax {
		t.Errorf("%d, %v, %d rows", w.Code, err, len(answer.Error.Rows))
	}
}

func TestPushIdempotent(t *testing.T) {
	st := newStore(t)
	s := newServer(t, st, nil)
	for i := range 3 {
		w := do(s, "POST", rowsPath, "{\"n\":1}", "Idempotency-Key", "k1")
		if want := fmt.Sprintf(`{"stored":1,"duplicate":%v,"sequence":1}`, i > 0); strings.TrimSpace(w.Body.String()) != want {
			t.Errorf("push %d: %s, want %s", i, w.Body, want)
		}
	}
	if len(st.rows) != 1 {
		t.Errorf("%d rows are stored", len(st.rows))
	}
}

func TestPushManyRows(t *testing.T) {
	st := newStore(t)
	n := batch.MaxAppendRows*2 + 5
	var body strings.Builder
	for i := range n {
		fmt.Fprintf(&body, "{\"n\":%d}\n", i)
	}
	w := do(newServer(t, st, nil), "POST", rowsPath, body.String())
	if w.Code != 200 || len(st.rows) != n || st.rows[n-1] != fmt.Sprintf("%d|NULL|7", n-1) {
		t.Errorf("%d %s: %d rows", w.Code, w.Body, len(st.rows))
	}
}

func TestPushStoreErrors(t *testing.T) {
	for code, status := range map[errs.Code]int{errs.DiskFull: 507, errs.OutOfMemory: 429, errs.AdminShutdown: 503, errs.SerializationFailure: 409,
		errs.InternalError: 500, errs.DataCorrupted: 500, errs.InsufficientPrivilege: 403} {
		st := newStore(t)
		st.fail = errs.New(code, "no")
		w := do(newServer(t, st, nil), "POST", rowsPath, "{\"n\":1}")
		if w.Code != status || !strings.Contains(w.Body.String(), string(code)) {
			t.Errorf("%s: %d %s, want %d", code, w.Code, w.Body, status)
		}
		if again := w.Header().Get("Retry-After"); (again != "") != (status == 429 || status == 503 || status == 507) {
			t.Errorf("%s: Retry-After %q", code, again)
		}
	}
}

func TestPushOutOfMemory(t *testing.T) {
	pool := memtest.Pool(t, 100)
	w := do(newServer(t, newStore(t), func(o *Options) { o.Pool = pool }), "POST", rowsPath, strings.Repeat("{\"n\":1,\"s\":\"0123456789\"}\n", 100))
	if w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if pool.Used() != 0 {
		t.Errorf("%d bytes are still reserved", pool.Used())
	}
}

func compress(t *testing.T, kind, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if kind == "zstd" {
		var err error
		if w, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPushCompressed(t *testing.T) {
	for _, kind := range []string{"gzip", "zstd"} {
		st := newStore(t)
		s := newServer(t, st, func(o *Options) { o.BodyMaxBytes = 8 << 20 })
		var text strings.Builder
		for i := range 1000 {
			fmt.Fprintf(&text, "{\"n\":%d,\"s\":\"%x\"}\n", i, i*7919)
		}
		if w := do(s, "POST", rowsPath, compress(t, kind, text.String()), "Content-Encoding", kind); w.Code != 200 || len(st.rows) != 1000 {
			t.Errorf("%s: %d %s, %d rows", kind, w.Code, w.Body, len(st.rows))
		}
		for name, bomb := range map[string]string{"ratio": strings.Repeat(" ", 4<<20), "length": text.String() + strings.Repeat("{\"n\":1}\n", 3<<20)} {
			if w := do(s, "POST", rowsPath, compress(t, kind, bomb), "Content-Encoding", kind); w.Code != 413 {
				t.Errorf("%s bomb by %s: %d %s", kind, name, w.Code, w.Body)
			}
		}
		whole := compress(t, kind, text.String())
		if w := do(s, "POST", rowsPath, whole[:len(whole)/2], "Content-Encoding", kind); w.Code != 400 {
			t.Errorf("half of %s: %d %s", kind, w.Code, w.Body)
		}
		if len(st.rows) != 1000 {
			t.Errorf("%s: bad bodies left rows behind", kind)
		}
	}
}

func TestBodyTooLong(t *testing.T) {
	s := newServer(t, newStore(t), func(o *Options) { o.BodyMaxBytes = 1000 })
	if w := do(s, "POST", rowsPath, strings.Repeat("{\"n\":1}\n", 1000)); w.Code != 413 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestQuery(t *testing.T) {
	s := newServer(t, newStore(t), nil)
	for _, tc := range []struct {
		name, body string
		headers    []string
		status     int
		want       string
	}{
		{"json", `{"sql":"rows 2"}`, []string{"Content-Type", "application/json"}, 200,
			`{"columns":[{"name":"i","type":"bigint"},{"name":"t","type":"text"},{"name":"b","type":"boolean"},{"name":"f","type":"double precision"}],` +
				`"rows":[[0,"a,\"b\"\n\u003cé\u003e",true,null],[1,"a,\"b\"\n\u003cé\u003e",false,1.5]],"command":"SELECT 2"}` + "\n"},
		{"csv", "rows 2", []string{"Accept", "text/csv"}, 200, "i,t,b,f\n0,\"a,\"\"b\"\"\n<é>\",t,\n1,\"a,\"\"b\"\"\n<é>\",f,1.5\n"},
		{"no rows", "DDL", nil, 200, `{"command":"CREATE TABLE","notices":["NOTICE: hello"]}` + "\n"},
		{"error", "bad", nil, 400, `{"error":{"sqlstate":"42601","message":"syntax error at or near \"bad\"","position":1}}` + "\n"},
		{"error behind few rows", "rows 1 fail", nil, 422, `{"error":{"sqlstate":"22012","message":"division by zero"}}` + "\n"},
		{"not JSON", "{", []string{"Content-Type", "application/json"}, 400, ""},
		{"unknown field", `{"sql":"x","parms":[]}`, []string{"Content-Type", "application/json"}, 400, ""},
		{"parameters", `{"sql":"rows 0","params":["a",1.5,true,null]}`, []string{"Content-Type", "application/json"}, 200, ""},
		{"parameter of another kind", `{"sql":"rows 0","params":[{}]}`, []string{"Content-Type", "application/json"}, 400, ""},
		{"not UTF-8", "\xff", nil, 400, ""},
	} {
		w := do(s, "POST", "/v1/query", tc.body, tc.headers...)
		if w.Code != tc.status || tc.want != "" && w.Body.String() != tc.want {
			t.Errorf("%s: %d %s, want %d %s", tc.name, w.Code, w.Body, tc.status, tc.want)
		}
	}
	// An error behind a start that went out already.
	w := do(s, "POST", "/v1/query", "rows 20000 fail")
	if w.Code != 200 || !json.Valid(w.Body.Bytes()) || !strings.Contains(w.Body.String(), `"error":{"sqlstate":"22012"`) {
		t.Errorf("a late error: %d ...%s", w.Code, w.Body.String()[max(0, w.Body.Len()-200):])
	}
	func() {
		defer func() {
			if p, _ := recover().(error); !errors.Is(p, http.ErrAbortHandler) {
				t.Errorf("a late error in CSV: %v", p)
			}
		}()
		do(s, "POST", "/v1/query?format=csv", "rows 20000 fail")
	}()
}

func TestHealthAndMetrics(t *testing.T) {
	var problems []string
	s := newServer(t, newStore(t), func(o *Options) { o.Health = func() []string { return problems } })
	if w := do(s, "GET", "/healthz", ""); w.Code != 200 || w.Body.String() != "{\"status\":\"ok\"}\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	problems = []string{"the disk is full"}
	if w := do(s, "GET", "/healthz", ""); w.Code != 503 || w.Body.String() != "{\"status\":\"degraded\",\"reasons\":[\"the disk is full\"]}\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	do(s, "POST", rowsPath, "{\"n\":1}\n{\"n\":2}")
	do(s, "POST", rowsPath, "x")
	w := do(s, "GET", "/metrics", "")
	for _, want := range []string{"siltstone_http_rows_stored_total 2", `siltstone_http_requests_total{handler="rows",status="200"} 1`,
		`siltstone_http_requests_total{handler="rows",status="422"} 1`, "siltstone_http_body_bytes_total 16"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in\n%s", want, w.Body)
		}
	}
}

func TestProfiles(t *testing.T) {
	for _, tc := range []struct {
		on     bool
		remote string
		status int
	}{{true, "127.0.0.1:1", 200}, {true, "[::1]:1", 200}, {true, "10.0.0.1:1", 403}, {true, "nonsense", 403}, {false, "127.0.0.1:1", 404}} {
		s := newServer(t, newStore(t), func(o *Options) { o.Pprof = tc.on })
		if w := do(s, "GET", "/debug/pprof/", "", "remote", tc.remote); w.Code != tc.status {
			t.Errorf("%+v: %d", tc, w.Code)
		}
	}
}

// TestPanic: a defect ends one request.
func TestPanic(t *testing.T) {
	s := newServer(t, newStore(t), func(o *Options) {
		o.Open = func(context.Context, string, net.Addr) (Session, error) { panic("planted") }
	})
	if w := do(s, "POST", "/v1/query", "x"); w.Code != 500 || !strings.Contains(w.Body.String(), "XX000") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
