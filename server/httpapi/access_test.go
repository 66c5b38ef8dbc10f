package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/siltstone-db/siltstone/server/auth"
)

const (
	token   = "0123456789abcdef-token"
	friend  = "https://app.example"
	machine = "127.0.0.1:5"
	remote  = "10.0.0.1:5"
)

// guarded is a server with a password, a token, one name and one origin; events are what it told its listener.
func guarded(t *testing.T) (s *Server, st *store, events func() []auth.Event) {
	rules, err := auth.New(auth.Options{TrustLoopback: true, User: "alice", Password: "secret", Token: token})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var told []auth.Event
	st = newStore(t)
	s = newServer(t, st, func(o *Options) {
		o.Auth, o.Pprof, o.Hosts, o.Origins = rules, true, []string{"db.example"}, []string{friend}
		o.Logins = func(e auth.Event) { mu.Lock(); told = append(told, e); mu.Unlock() }
	})
	return s, st, func() []auth.Event { mu.Lock(); defer mu.Unlock(); return told }
}

// credentials are what a client shows, and whether a client of another machine gets in by it.
var credentials = []struct {
	name, header string
	right        bool
}{
	{"none", "", false},
	{"wrong password", basic("alice", "guess-me"), false},
	{"wrong user", basic("bob", "secret"), false},
	{"wrong token", "Bearer guess-me-again-and-again", false},
	{"nonsense", "Negotiate guess-me", false},
	{"right password", basic("alice", "secret"), true},
	{"right token", "Bearer " + token, true},
}

func basic(user, password string) string {
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth(user, password)
	return r.Header.Get("Authorization")
}

// approaches are where a request comes from beside its credentials, and what becomes of it: 0 is what the credentials
// make of it.
var approaches = []struct {
	name    string
	headers []string
	status  int
}{
	{"a program", nil, 0},
	{"by name", []string{"Host", "db.example:8433"}, 0},
	{"by name, other case, with the root's dot", []string{"Host", "DB.Example."}, 0},
	{"localhost", []string{"Host", "localhost:8433"}, 0},
	{"v6", []string{"Host", "[::1]:8433"}, 0},
	{"a page of ours", []string{"Origin", "http://127.0.0.1:8433", "Sec-Fetch-Site", "same-origin"}, 0},
	{"a page of ours, the scheme's port", []string{"Host", "db.example", "Origin", "https://db.example:443"}, 0},
	{"typed by the user", []string{"Sec-Fetch-Site", "none"}, 0},
	{"foreign Origin", []string{"Origin", "https://evil.example"}, 403},
	{"foreign Origin that begins like a friend", []string{"Origin", friend + ".evil.example"}, 403},
	{"friend without TLS", []string{"Origin", "http://app.example"}, 403},
	{"another port of this machine", []string{"Origin", "http://127.0.0.1:3000", "Sec-Fetch-Site", "same-site"}, 403},
	{"Origin null", []string{"Origin", "null"}, 403},
	{"empty Origin", []string{"Origin", ""}, 403},
	{"two Origins", []string{"Origin", "http://127.0.0.1:8433", "Origin", "https://evil.example"}, 403},
	{"cross-site without Origin", []string{"Sec-Fetch-Site", "cross-site"}, 403},
	{"same-site without Origin", []string{"Sec-Fetch-Site", "same-site"}, 403},
	{"foreign Host", []string{"Host", "evil.example:8433"}, 421},
	{"foreign Host with its Origin", []string{"Host", "evil.example:8433", "Origin", "http://evil.example:8433", "Sec-Fetch-Site", "same-origin"}, 421},
	{"friend as Host", []string{"Host", "app.example", "Origin", friend}, 421},
	{"a Host that looks like an address", []string{"Host", "127.0.0.1.evil.example"}, 421},
	{"no Host", []string{"Host", ""}, 421},
}

// send sends a request that would succeed with the right credentials.
func send(s *Server, pattern, from, authorization string, headers []string) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(pattern, " ")
	if path == "" {
		method, path = "GET", pattern
	}
	body, media := "", ""
	switch {
	case strings.HasSuffix(path, "/rows"):
		path, body, media = rowsPath, `{"n":1}`, "application/x-ndjson"
	case path == queryPath:
		body, media = "rows 1", "application/sql"
	}
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if strings.HasSuffix(path, "/profile") || strings.HasSuffix(path, "/trace") { // which take their time
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		r = r.WithContext(ctx)
	}
	r.RemoteAddr, r.Host = from, "127.0.0.1:8433"
	r.Header.Set("X-Forwarded-For", "127.0.0.1")
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	for i := 0; i < len(headers); i += 2 {
		switch name, value := headers[i], headers[i+1]; name {
		case "Host":
			r.Host = value
		case "Content-Type":
			r.Header.Set(name, value)
		default:
			r.Header.Add(name, value)
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// wants returns the status of a request that access lets through.
func wants(rt route, from string, right bool, authorization string) int {
	switch {
	case rt.name == "unknown":
		return 404
	case rt.who == localhost && from != machine:
		return 403
	// An address that is trusted is, as in PostgreSQL, whatever password comes with it; a token names nobody.
	case rt.who == users && !right && (from != machine || strings.HasPrefix(authorization, "Bearer ")):
		return 401
	}
	return 200
}

// TestEveryRoute holds every route against all credentials and approaches, from this machine and from another one.
func TestEveryRoute(t *testing.T) {
	s, st, events := guarded(t)
	for _, rt := range s.routes() {
		if rt.name == "unknown" {
			rt.pattern = "GET /nothing/here"
		}
		for _, from := range []string{machine, remote} {
			for _, c := range credentials {
				for _, a := range approaches {
					name := fmt.Sprintf("%s from %s, %s, %s", rt.pattern, from, c.name, a.name)
					want := a.status
					if want == 0 {
						want = wants(rt, from, c.right, c.header)
					}
					rows, before := len(st.rows), len(events())
					w := send(s, rt.pattern, from, c.header, a.headers)
					if w.Code != want {
						t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, want)
					}
					if (w.Code == 200 && rt.name == "rows") != (len(st.rows) > rows) {
						t.Errorf("%s: answered %d and stored %d rows", name, w.Code, len(st.rows)-rows)
					}
					if w.Header().Get("Access-Control-Allow-Origin") != "" {
						t.Errorf("%s: a page may read the answer", name)
					}
					told := events()[before:]
					refused := w.Code == 401 || w.Code == 403 || w.Code == 421
					if refused && (len(told) != 1 || told[0].Err == nil) {
						t.Errorf("%s: refused, and told %v", name, told)
					}
					if w.Code == 200 && rt.who == users && (len(told) != 1 || told[0].Err != nil) {
						t.Errorf("%s: let in, and told %v", name, told)
					}
				}
			}
		}
	}
	for _, e := range events() {
		for _, secret := range []string{"secret", "guess-me", token, "YWxpY2U"} {
			if strings.Contains(e.String(), secret) {
				t.Fatalf("%q is in %s", secret, e)
			}
		}
	}
}

// TestForms: what browsers send to other sites without asking is neither a statement nor rows, whoever sends it.
func TestForms(t *testing.T) {
	s, st, _ := guarded(t)
	for _, rt := range s.routes() {
		if !strings.HasPrefix(rt.pattern, "POST ") {
			continue
		}
		for _, media := range []string{"", "text/plain", "text/plain; charset=utf-8", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
			"text/plain; application/json", "application/jsonx", "application/", ";"} {
			for _, c := range credentials {
				want := wants(rt, machine, c.right, c.header)
				if want == 200 && (media != "" || rt.name == "query") {
					want = http.StatusUnsupportedMediaType
				}
				if w := send(s, rt.pattern, machine, c.header, []string{"Content-Type", media}); w.Code != want || !json.Valid(w.Body.Bytes()) {
					t.Errorf("%s with %q, %s: %d %s, want %d", rt.pattern, media, c.name, w.Code, w.Body, want)
				}
			}
		}
	}
	for _, row := range st.rows { // of programs that name no type, which no form can do
		if row != "1|NULL|7" {
			t.Errorf("stored %q", row)
		}
	}
}

// TestFriend: a page of an origin that is allowed by name gets in with the token, from anywhere, and not otherwise.
func TestFriend(t *testing.T) {
	s, _, _ := guarded(t)
	page := []string{"Origin", friend, "Sec-Fetch-Site", "cross-site"}
	for _, rt := range s.routes() {
		for _, from := range []string{machine, remote} {
			for _, c := range credentials {
				want := http.StatusUnauthorized
				switch {
				case rt.name == "unknown":
					want = 404
				case rt.who == localhost:
					want = 403
				case rt.who == anybody, c.name == "right token":
					want = 200
				}
				w := send(s, rt.pattern, from, c.header, page)
				if w.Code != want {
					t.Errorf("%s from %s, %s: %d %s, want %d", rt.pattern, from, c.name, w.Code, w.Body, want)
				}
				if h := w.Header(); h.Get("Access-Control-Allow-Origin") != friend || h.Get("Vary") != "Origin" || h.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s, %s: headers %v", rt.pattern, c.name, h)
				}
				if ask := w.Header().Get("WWW-Authenticate"); want == 401 && !strings.HasPrefix(ask, "Bearer") {
					t.Errorf("%s, %s: asks for %q", rt.pattern, c.name, ask)
				}
			}
		}
	}
	for origin, status := range map[string]int{friend: 204, "https://evil.example": 403, "null": 403} {
		r := httptest.NewRequest("OPTIONS", queryPath, nil)
		r.RemoteAddr, r.Host = machine, "127.0.0.1:8433"
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if allowed := w.Header().Get("Access-Control-Allow-Headers"); w.Code != status || strings.Contains(allowed, "Authorization") != (status == 204) {
			t.Errorf("preflight of %s: %d, allowed %q", origin, w.Code, allowed)
		}
	}
}

// TestTokenOfNobody: without a token in the options none is right, the empty one neither.
func TestTokenOfNobody(t *testing.T) {
	s := newServer(t, newStore(t), nil)
	for _, header := range []string{"Bearer", "Bearer ", "Bearer x", "bearer  "} {
		want := 401
		if header == "Bearer" { // not the scheme with a token: the address decides
			want = 200
		}
		if w := do(s, "POST", queryPath, "rows 1", "Authorization", header); w.Code != want {
			t.Errorf("%q: %d %s", header, w.Code, w.Body)
		}
	}
}

// TestOldClient: HTTP/1.0 has no Host, and no browser speaks it.
func TestOldClient(t *testing.T) {
	s := newServer(t, newStore(t), nil)
	r := httptest.NewRequest("GET", "/healthz", nil)
	r.Host, r.Proto, r.ProtoMinor = "", "HTTP/1.0", 0
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
