package pgwire

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/server/auth"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// TestFirstMessages sends each first message that the wire knows, and some that it does not, where everybody, who has the
// password, or nobody may log in, and a query behind it without waiting: only who is trusted gets to know anything.
func TestFirstMessages(t *testing.T) {
	version := func(v string) string { return "\x00\x00\x00\x10" + v + "user\x00a\x00\x00" }
	const ssl, gss = "\x00\x00\x00\x08\x04\xd2\x16\x2f", "\x00\x00\x00\x08\x04\xd2\x16\x30"
	nobody, err := auth.New(auth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, door := range []struct {
		name  string
		rules *auth.Rules // nil: all are trusted
	}{{"trust", nil}, {"password", rulesWithPassword(t)}, {"nobody", nobody}} {
		_, dial := start(t, func(o *Options) {
			if door.rules != nil {
				o.Auth = door.rules
			}
		})
		for _, m := range []struct {
			name, first string
			session     bool // it asks for one
		}{
			{"3.0", version("\x00\x03\x00\x00"), true}, {"3.2", version("\x00\x03\x00\x02"), true}, {"3.9999", version("\x00\x03\x27\x0f"), true},
			{"2.0", version("\x00\x02\x00\x00"), false}, {"4.0", version("\x00\x04\x00\x00"), false}, {"0.0", version("\x00\x00\x00\x00"), false},
			{"SSL and 3.0", ssl + version("\x00\x03\x00\x00"), true}, {"GSS and 3.0", gss + version("\x00\x03\x00\x00"), true},
			{"SSL, GSS and 3.0", ssl + gss + version("\x00\x03\x00\x00"), true}, {"SSL twice", ssl + ssl + version("\x00\x03\x00\x00"), false},
			{"a cancel of nothing", "\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x00\x01\x00\x00\x00\x02", false},
			{"an odd code", "\x00\x00\x00\x08\x04\xd2\x16\x31", false}, {"no user", "\x00\x00\x00\x09\x00\x03\x00\x00\x00", false},
			{"a length of nothing", "\x00\x00\x00\x00", false}, {"a length without a code", "\x00\x00\x00\x04", false},
			{"a page", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", false}, {"a query", string(query("rows 1")), false},
			{"the answer of a login", string(frame('p', "SCRAM-SHA-256\x00\x00\x00\x00\x00")), false},
		} {
			nc, err := dial()
			if err != nil {
				t.Fatal(err)
			}
			nc.SetDeadline(time.Now().Add(20 * time.Second))
			nc.Write([]byte(m.first))
			nc.Write(query("rows 1"))
			nc.Write([]byte("X\x00\x00\x00\x04"))
			b, err := io.ReadAll(nc)
			if err != nil && len(b) == 0 && (m.session || door.rules == nil && m.session) {
				t.Errorf("%s, %s: %v", door.name, m.name, err)
			}
			in, want := bytes.Contains(b, []byte("server_version")), m.session && door.rules == nil
			if in != want || !in && bytes.Contains(b, []byte("SELECT")) {
				t.Errorf("%s, %s: let in %v, want %v: %q", door.name, m.name, in, want, b)
			}
			if m.session && door.name == "nobody" && !bytes.Contains(b, []byte(errs.InvalidAuthorization)) {
				t.Errorf("%s, %s: refused with %q", door.name, m.name, b)
			}
			nc.Close()
		}
	}
}
