package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// parse reads options as the main program does.
func parse(t *testing.T, args ...string) (Options, error) {
	t.Helper()
	var cli struct {
		Config kong.ConfigFlag
		Options
	}
	p, err := kong.New(&cli, kong.Configuration(FileLoader(&cli.Options)), kong.Exit(func(int) { t.Fatal("exit") }))
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Parse(args)
	cli.EnsureDefaults()
	return cli.Options, err
}

func TestDefaults(t *testing.T) {
	o, err := parse(t)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Validate(); err != nil {
		t.Fatal(err)
	}
	if o.PG != "127.0.0.1:5433" || o.HTTP != "127.0.0.1:8433" || !o.TrustLoopback || o.TrustAll || o.Password != "" || filepath.Base(o.Data) != "siltstone-data" {
		t.Errorf("defaults: %+v", o)
	}
	var direct Options
	direct.EnsureDefaults()
	if err := direct.Validate(); err != nil {
		t.Error(err)
	}
}

func TestOrderOfSources(t *testing.T) {
	file := filepath.Join(t.TempDir(), "silt.conf")
	text := "# a comment\npg = 127.0.0.1:1\nhttp='127.0.0.1:2'\nmemory = 1GiB\nsessions_max = 7\npassword = \"s = x\"\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SILTSTONE_HTTP", "127.0.0.1:3")
	t.Setenv("SILTSTONE_GRACE", "3s")
	o, err := parse(t, "--config", file, "--memory", "512MiB")
	if err != nil {
		t.Fatal(err)
	}
	if o.PG != "127.0.0.1:1" || o.Memory != 512<<20 || o.SessionsMax != 7 || o.Grace != 3*time.Second || o.Password != "s = x" {
		t.Errorf("got %+v", o)
	}
	if o.HTTP != "127.0.0.1:3" {
		t.Errorf("http = %s, want that of the environment", o.HTTP)
	}
}

func TestFileErrors(t *testing.T) {
	for name, text := range map[string]string{"no option": "pqq = 1", "is not": "pg", "again": "pg = :1\npg = :2"} {
		file := filepath.Join(t.TempDir(), "silt.conf")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := parse(t, "--config", file); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: got %v, want an error with %q", text, err, name)
		}
	}
}

func TestValidateListsAll(t *testing.T) {
	o := Options{PG: "nowhere", HTTP: "127.0.0.1:x", TLSCert: "a", Memory: 1, Threads: -1, SessionsMax: -1, BodyMax: 1, ArchiveMax: 1, Grace: -1,
		LogLevel: "loud", Password: "SCRAM-SHA-256$x"}
	err := o.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	if err := (&Options{TLSOnly: true}).Validate(); err == nil || !strings.Contains(err.Error(), "tls-only:") {
		t.Errorf("tls-only without a certificate: %v", err)
	}
	for _, want := range []string{"pg", "http", "tls-cert", "memory", "threads", "sessions-max", "http-body-max", "archive-max", "grace", "log-level", "password"} {
		if !strings.Contains(err.Error(), want+":") && !strings.Contains(err.Error(), want+" and") {
			t.Errorf("no word about %s in:\n%v", want, err)
		}
	}
}

// TestPages: what opens HTTP to pages is complete, or refused by name.
func TestPages(t *testing.T) {
	file := filepath.Join(t.TempDir(), "silt.conf")
	text := "http-token = 0123456789abcdef\nhttp_host = db.example,db2.example\nhttp-origin = https://app.example\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := parse(t, "--config", file)
	if err != nil || o.HTTPToken != "0123456789abcdef" || len(o.HTTPHosts) != 2 || len(o.HTTPOrigins) != 1 {
		t.Errorf("%+v, %v", o, err)
	}
	for want, o := range map[string]Options{
		"need a token":       {HTTPOrigins: []string{"https://app.example"}},
		"at least 16":        {HTTPToken: "short"},
		"letters, digits":    {HTTPToken: "sixteen letters with blanks"},
		"is not an origin":   {HTTPOrigins: []string{"https://app.example/"}, HTTPToken: "0123456789abcdef"},
		`"*" is not an ori`:  {HTTPOrigins: []string{"*"}, HTTPToken: "0123456789abcdef"},
		"is not the name of": {HTTPHosts: []string{"db.example:8433"}},
	} {
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]Bytes{"0": 0, "17": 17, "1k": 1024, "1kB": 1024, "1.5 MiB": 3 << 19, "4GiB": 4 << 30, "2TB": 2 << 40, "5B": 5} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || b != want {
			t.Errorf("%q: got %d, %v, want %d", text, b, err, want)
		}
	}
	for _, text := range []string{"", "x", "-1", "1e30", "NaN", "1xb", "k"} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: got %d, want an error", text, b)
		}
	}
	if s := Bytes(3 << 29).String(); s != "1536MB" {
		t.Error(s)
	}
}

// TestLongFile: a file that is too long is refused, not cut.
func TestLongFile(t *testing.T) {
	text := strings.Repeat("# comment\n", fileMaxBytes/10) + "workers = 3\n"
	if values, err := parseFile(strings.NewReader(text)); err == nil {
		t.Errorf("%d bytes were accepted as %v", len(text), values)
	}
}
