package auth

import (
	"encoding/base64"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/xdg-go/scram"

	"github.com/siltstone-db/siltstone/storage/errs"
)

func addr(s string) net.Addr {
	a, err := net.ResolveTCPAddr("tcp", s)
	if err != nil {
		panic(err)
	}
	return a
}

func TestMethod(t *testing.T) {
	for _, tc := range []struct {
		name   string
		opt    Options
		remote string
		want   Method
	}{
		{"loopback is trusted", Options{TrustLoopback: true}, "127.0.0.1:9", Trust},
		{"all of 127/8", Options{TrustLoopback: true}, "127.9.9.9:9", Trust},
		{"loopback v6", Options{TrustLoopback: true}, "[::1]:9", Trust},
		{"loopback mapped", Options{TrustLoopback: true}, "[::ffff:127.0.0.1]:9", Trust},
		{"loopback not trusted, no password", Options{}, "127.0.0.1:9", Reject},
		{"loopback with password", Options{User: "u", Password: "p"}, "127.0.0.1:9", SCRAM},
		{"remote without password", Options{TrustLoopback: true}, "10.1.1.1:9", Reject},
		{"remote with password", Options{TrustLoopback: true, User: "u", Password: "p"}, "10.1.1.1:9", SCRAM},
		{"remote, trusted by wish", Options{TrustAll: true}, "10.1.1.1:9", Trust},
		{"remote v6", Options{TrustLoopback: true}, "[2001:db8::1]:9", Reject},
	} {
		r, err := New(tc.opt)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if got := r.Method(addr(tc.remote)); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
	}
}

// login plays the client's side and returns the error of the server's or the client's side.
func login(t *testing.T, r *Rules, user, password string) error {
	t.Helper()
	c, err := scram.SHA256.NewClient("", password, "") // as libpq: the name inside is empty
	if err != nil {
		return err
	}
	conv, x, msg := c.NewConversation(), r.Begin(user), ""
	for range 2 {
		out, err := conv.Step(msg)
		if err != nil {
			return err
		}
		answer, err := x.Step([]byte(out))
		if err != nil {
			return err
		}
		msg = string(answer)
	}
	_, err = conv.Step(msg)
	return err
}

func TestExchange(t *testing.T) {
	for _, password := range []string{"secret", "pass wörd", "Ⅸ", " ", strings.Repeat("x", 500)} {
		r, err := New(Options{User: "alice", Password: password})
		if err != nil {
			t.Fatal(err)
		}
		if err := login(t, r, "alice", password); err != nil {
			t.Errorf("right password %q: %v", password, err)
		}
		for _, bad := range [][2]string{{"alice", "no"}, {"bob", password}, {"", password}} {
			if err := login(t, r, bad[0], bad[1]); !errs.Is(err, errs.InvalidPassword) {
				t.Errorf("login(%q, %q) = %v, want 28P01", bad[0], bad[1], err)
			}
		}
	}
}

func TestExchangeGarbage(t *testing.T) {
	r, _ := New(Options{User: "alice", Password: "secret"})
	for _, msg := range []string{"", "n", "n,,", "n,,n=", "n,,n=,r=", "p=tls-unique,,n=,r=abc", "y,,n=,r=abc,m=1",
		"n,a=\xff,n=,r=abc", strings.Repeat(",", 5000), "\x00\x00", "n,,n==,r=x"} {
		x := r.Begin("alice")
		if _, err := x.Step([]byte(msg)); err == nil {
			if _, err = x.Step([]byte(msg)); !errs.Is(err, errs.InvalidPassword) {
				t.Errorf("%q: got %v, want 28P01", msg, err)
			}
		}
		if _, err := x.Step([]byte(msg)); err == nil {
			t.Errorf("%q: a third step succeeded", msg)
		}
	}
}

// TestUnknownUserSalt: a user that does not exist must show the same salt at every try, like one that does.
func TestUnknownUserSalt(t *testing.T) {
	r, _ := New(Options{User: "alice", Password: "secret"})
	salt := func(user string) string {
		a, err := r.Begin(user).Step([]byte("n,,n=,r=abc"))
		if err != nil {
			t.Fatal(err)
		}
		_, s, _ := strings.Cut(string(a), ",")
		return s
	}
	for _, user := range []string{"bob", "alice"} {
		if once, again := salt(user), salt(user); once != again {
			t.Errorf("the salt of %q changes", user)
		}
	}
	if salt("bob") == salt("carol") {
		t.Error("two unknown users share a salt")
	}
}

// TestServerFirst holds the whole first message of the server against RFC 5802, for a user that exists and for others:
// nothing in its shape may tell them apart, also when the verifier has another number of iterations and another salt than
// ours, and after a restart.
func TestServerFirst(t *testing.T) {
	odd := derive("secret", []byte("a salt of 40 bytes, as others make them."), 4097).String()
	short := derive("secret", []byte("12345"), 123456).String()
	for _, tc := range []struct {
		password       string
		salt           int
		iterations     string
		survivesReboot bool
	}{
		{"secret", saltBytes, "10000", false}, {postgresVerifier, 16, "4096", true}, {odd, 40, "4097", true}, {short, 5, "123456", true},
	} {
		first := func(r *Rules, user string) (nonce, salt, iterations string) {
			answer, err := r.Begin(user).Step([]byte("n,,n=ignored,r=the client's"))
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.Split(string(answer), ",")
			if len(parts) != 3 || !strings.HasPrefix(parts[0], "r=the client's") || !strings.HasPrefix(parts[1], "s=") || !strings.HasPrefix(parts[2], "i=") {
				t.Fatalf("first message of %q: %q", user, answer)
			}
			raw, err := base64.StdEncoding.DecodeString(parts[1][2:])
			if err != nil || len(raw) != tc.salt || parts[2] != "i="+tc.iterations {
				t.Errorf("first message of %q: %q: %v, want %d bytes of salt and %s iterations", user, answer, err, tc.salt, tc.iterations)
			}
			return parts[0][len("r=the client's"):], parts[1], parts[2]
		}
		begin := func() *Rules {
			r, err := New(Options{User: "alice", Password: tc.password})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		r, rebooted, salts, length := begin(), begin(), map[string]string{}, 0
		for _, user := range []string{"alice", "bob", "Alice", "", "alice ", strings.Repeat("x", 1000)} {
			nonce, salt, _ := first(r, user)
			again, same, _ := first(r, user)
			_, later, _ := first(rebooted, user)
			if nonce == again || same != salt || (later == salt) != tc.survivesReboot {
				t.Errorf("user %q: nonces %q, %q; salts %q, %q, restarted %q", user, nonce, again, salt, same, later)
			}
			if length == 0 {
				length = len(nonce)
			}
			if len(nonce) != length || length < 16 {
				t.Errorf("user %q: %d bytes of nonce, others %d", user, len(nonce), length)
			}
			if other, twice := salts[salt]; twice {
				t.Errorf("users %q and %q share a salt", user, other)
			}
			salts[salt] = user
		}
	}
}

func TestVerifier(t *testing.T) {
	v := NewVerifier("secret")
	back, err := ParseVerifier(v.String())
	if err != nil {
		t.Fatal(err)
	}
	if back.String() != v.String() || !back.Check("secret") || back.Check("Secret") {
		t.Errorf("verifier does not survive its text %s", v)
	}
	for _, bad := range []string{"", "SCRAM-SHA-256$", "SCRAM-SHA-256$4096$a:b", "SCRAM-SHA-256$1:AAAA$AAAA:AAAA",
		"SCRAM-SHA-256$4096:AAAA$AAAA:AAAA", "SCRAM-SHA-256$99999999999:AAAA$AAAA:AAAA", "SCRAM-SHA-256$4096:!$x:y"} {
		if _, err := ParseVerifier(bad); err == nil {
			t.Errorf("ParseVerifier(%q) succeeded", bad)
		}
	}
	if _, err := New(Options{Password: "SCRAM-SHA-256$x"}); err == nil {
		t.Error("New took a broken verifier")
	}
}

const postgresVerifier = "SCRAM-SHA-256$4096:BsFuP5Ley9iyIk3UnkTS3Q==$moHNGyHX0LcgzUPNhiqnXuXbJyGMrCXTVT4PRfceV88=:zv5Y1/CLJ5R90eKXpbguF2viBMVBPfbHyfOUIGpGrIk="

// TestVerifierOfPostgreSQL holds a verifier that PostgreSQL 15 made for the password "silt".
func TestVerifierOfPostgreSQL(t *testing.T) {
	v, err := ParseVerifier(postgresVerifier)
	if err != nil {
		t.Fatal(err)
	}
	if !v.Check("silt") || v.Check("sand") {
		t.Error("the verifier does not fit its password")
	}
}

func TestCheckToken(t *testing.T) {
	r, _ := New(Options{User: "alice", Token: "0123456789abcdef"})
	none, _ := New(Options{User: "alice"})
	if user, ok := r.CheckToken("0123456789abcdef"); !ok || user != "alice" {
		t.Error("the right token is refused")
	}
	for _, bad := range []string{"", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeF"} {
		if _, ok := r.CheckToken(bad); ok {
			t.Errorf("%q is accepted", bad)
		}
	}
	if _, ok := none.CheckToken(""); ok {
		t.Error("no token is accepted where there is none")
	}
}

func TestCheckPassword(t *testing.T) {
	r, _ := New(Options{User: "alice", Password: "secret"})
	none, _ := New(Options{})
	if !r.CheckPassword("alice", "secret") || r.CheckPassword("bob", "secret") || r.CheckPassword("alice", "") || none.CheckPassword("", "") {
		t.Error("wrong answer")
	}
}

func FuzzExchange(f *testing.F) {
	r, _ := New(Options{User: "alice", Password: "secret"})
	f.Add("n,,n=,r=abc", "c=biws,r=abc,p=AAAA")
	f.Fuzz(func(t *testing.T, first, final string) {
		x := r.Begin("alice")
		if _, err := x.Step([]byte(first)); err != nil {
			return
		}
		if _, err := x.Step([]byte(final)); err == nil {
			t.Fatal("logged in without the password")
		}
	})
}

// TestEventText: an event tells who, from where, how and why, what is not known aside, and of a long name its beginning.
func TestEventText(t *testing.T) {
	from := &net.TCPAddr{IP: net.IPv4(192, 0, 2, 7), Port: 5}
	for _, c := range []struct {
		e    Event
		want string
	}{
		{NewEvent("pg", "alice", from, "trust", nil), `login door=pg user="alice" remote=192.0.2.7:5 method=trust`},
		{NewEvent("http", "bob", nil, "", errors.New("no")), `login refused door=http user="bob" error="no"`},
		{NewEvent("pg", strings.Repeat("x", userShownBytes), nil, "", nil), `login door=pg user="` + strings.Repeat("x", 63) + `"`},
		{NewEvent("pg", strings.Repeat("x", userShownBytes-1)+"\u00e9", nil, "", nil), `login door=pg user="` + strings.Repeat("x", 62) + `"`},
	} {
		if got := c.e.String(); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

// TestVerifierIterations: a verifier asks for 4,096 to 16,777,216 iterations, and for no other number.
func TestVerifierIterations(t *testing.T) {
	text := derive("secret", []byte("salt"), 4096).String()
	for n, good := range map[int]bool{4095: false, 4096: true, maxIterations: true, maxIterations + 1: false} {
		v, err := ParseVerifier(strings.Replace(text, "4096", strconv.Itoa(n), 1))
		if (err == nil) != good || good && v.iterations != n {
			t.Errorf("%d iterations: %v", n, err)
		}
	}
}
