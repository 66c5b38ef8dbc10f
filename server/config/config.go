// Package config is the only reader of flags, environment and files: one Options struct says everything that can be
// set when the server starts. What can be changed while it runs is SET and ALTER, not here.
//
// Every option is a flag (--pg), an environment variable (SILTSTONE_PG) and a key of the file given with
// --config (pg = 127.0.0.1:5433); the flag wins over the environment, and that over the file. The struct's tags
// are kong's; Validate lists every problem, not only the first.
package config

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/siltstone-db/siltstone/server/auth"
)

// Options say how a server runs. The zero value is filled in by EnsureDefaults.
type Options struct {
	// Data is the directory of the database. One process at a time uses it.
	Data string `name:"data" env:"SILTSTONE_DATA" default:"./siltstone-data" help:"Data directory." type:"path"`
	// PG is where the PostgreSQL protocol listens.
	PG string `name:"pg" env:"SILTSTONE_PG" default:"127.0.0.1:5433" help:"Address of the PostgreSQL protocol."`
	// HTTP is where pushes, queries, health and metrics listen; "-" for nowhere.
	HTTP string `name:"http" env:"SILTSTONE_HTTP" default:"127.0.0.1:8433" help:"Address of HTTP, - for none."`
	// HTTPHosts are names by which clients reach the HTTP port, beside addresses, localhost and the machine's own name. A
	// request for any other name is refused: a page whose name was made to point here (DNS rebinding) would be let in as
	// a client of this machine.
	HTTPHosts []string `name:"http-host" env:"SILTSTONE_HTTP_HOST" help:"Names of this server that HTTP requests may be for, beside addresses, localhost and the machine's own name."`
	// HTTPOrigins are the web sites whose pages may use the HTTP port, with HTTPToken.
	HTTPOrigins []string `name:"http-origin" env:"SILTSTONE_HTTP_ORIGIN" help:"Web sites whose pages may use HTTP, such as https://app.example. They need SILTSTONE_HTTP_TOKEN."`
	// HTTPToken lets who sends it ("Authorization: Bearer ...") in over HTTP, as User. There is no flag, as for Password.
	HTTPToken string `kong:"-"`

	// User is the role that owns the database and has the password.
	User string `name:"user" env:"SILTSTONE_USER" default:"siltstone" help:"Role that the password belongs to."`
	// Password is its clear text or a SCRAM-SHA-256 verifier as in PostgreSQL's pg_authid. Without one nobody gets in
	// from another machine. There is no flag, since every process on a machine can read another one's flags.
	Password string `kong:"-"`
	// TrustLoopback lets clients of this machine in without a password, as after initdb.
	TrustLoopback bool `name:"trust-loopback" env:"SILTSTONE_TRUST_LOOPBACK" default:"true" negatable:"" help:"Let clients of this machine in without a password."`
	// TrustAll lets every address in without a password.
	TrustAll bool `name:"trust-all" env:"SILTSTONE_TRUST_ALL" help:"Let every address in without a password. For closed networks only."`
	// TLSCert and TLSKey are PEM files; both or none. With them HTTP speaks TLS only, and PostgreSQL's port both.
	TLSCert string `name:"tls-cert" env:"SILTSTONE_TLS_CERT" help:"Certificate (PEM)." type:"path"`
	TLSKey  string `name:"tls-key" env:"SILTSTONE_TLS_KEY" help:"Private key (PEM)." type:"path"`
	// TLSOnly refuses PostgreSQL clients without TLS.
	TLSOnly bool `name:"tls-only" env:"SILTSTONE_TLS_ONLY" help:"Refuse PostgreSQL clients without TLS."`

	// Memory bounds what queries, live rows and caches hold together. Default: a quarter of the machine's, at least
	// 256 MiB: the operating system's cache and other programs get the rest.
	Memory Bytes `name:"memory" env:"SILTSTONE_MEMORY" help:"Memory for queries, live rows and caches, such as 4GiB (default: a quarter of the machine)."`
	// Threads bounds the workers of a query. Default: all cores.
	Threads int `name:"threads" env:"SILTSTONE_THREADS" help:"Workers of a query (default: all cores)."`
	// SessionsMax bounds clients that are logged in at once.
	SessionsMax int `name:"sessions-max" env:"SILTSTONE_SESSIONS_MAX" default:"200" help:"Most sessions at once."`
	// BodyMax bounds the body of a push over HTTP after decompression.
	BodyMax Bytes `name:"http-body-max" env:"SILTSTONE_HTTP_BODY_MAX" default:"256MiB" help:"Longest body of an HTTP request, decompressed."`
	// ServeDamaged lets tables of which a segment was set aside answer with the rest of their rows. Without it reads of
	// such a table fail and name the segment, since an answer that is quietly short is a wrong one; all other tables are
	// served either way.
	ServeDamaged bool `name:"serve-damaged" env:"SILTSTONE_SERVE_DAMAGED" help:"Let tables with a damaged segment answer with the rest of their rows."`
	// AcceptLoss lets the server start though files of the log, of tokens or folders are missing, cut or old. Without it
	// the start fails and names them, since a log that has gone is not an empty one.
	AcceptLoss bool `name:"accept-loss" env:"SILTSTONE_ACCEPT_LOSS" help:"Start without what is missing of the log and the tokens."`
	// ArchiveMax bounds what is kept of the log when tables do not need it any more (retain_log), with the files of loads that
	// only the log names: beyond it the oldest go first.
	ArchiveMax Bytes `name:"archive-max" env:"SILTSTONE_ARCHIVE_MAX" default:"16GiB" help:"Most bytes of the log's archive."`
	// Grace is how long running statements may go on after a stop was asked for.
	Grace time.Duration `name:"grace" env:"SILTSTONE_GRACE" default:"10s" help:"Time for running statements at a stop."`
	// LogLevel is debug, info, warn or error.
	LogLevel string `name:"log-level" env:"SILTSTONE_LOG_LEVEL" default:"info" enum:"debug,info,warn,error" help:"debug, info, warn or error."`

	// Pprof opens the Go profiler on the HTTP listener, to clients of this machine only.
	Pprof bool `name:"pprof" env:"SILTSTONE_PPROF" help:"Profiles of the running server at /debug/pprof/ over HTTP, for clients of this machine."`

	// Demo makes a table clicks and feeds it for ever.
	Demo bool `name:"demo" env:"SILTSTONE_DEMO" help:"Create a table clicks and feed it 1,000 events a second."`
}

// minMemory is the least Memory that a server starts with: below it a single segment cannot be built.
const minMemory = 64 << 20

// EnsureDefaults fills in what is zero.
func (o *Options) EnsureDefaults() {
	set(&o.Data, "./siltstone-data")
	set(&o.PG, "127.0.0.1:5433")
	set(&o.HTTP, "127.0.0.1:8433")
	set(&o.User, "siltstone")
	set(&o.SessionsMax, 200)
	set(&o.BodyMax, 256<<20)
	set(&o.ArchiveMax, 16<<30)
	set(&o.Grace, 10*time.Second)
	set(&o.LogLevel, "info")
	if o.Memory == 0 {
		o.Memory = Bytes(max(int64(256<<20), machineMemory()/4))
	}
	if o.Password == "" {
		o.Password = os.Getenv("SILTSTONE_PASSWORD")
	}
	if o.HTTPToken == "" {
		o.HTTPToken = os.Getenv("SILTSTONE_HTTP_TOKEN")
	}
}

func set[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Validate returns every problem of the options, joined. What EnsureDefaults would fill in is not one (kong validates
// before anybody can fill in anything).
func (o *Options) Validate() error {
	filled := *o
	o = &filled
	o.EnsureDefaults()
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	checkAddr := func(name, addr string) {
		if _, err := net.ResolveTCPAddr("tcp", addr); err != nil {
			bad("%s: %q is not an address: %v", name, addr, err)
		}
	}
	checkAddr("pg", o.PG)
	if o.HTTP != "-" {
		checkAddr("http", o.HTTP)
	}
	problems = append(problems, o.validatePages()...)
	if (o.TLSCert == "") != (o.TLSKey == "") {
		bad("tls-cert and tls-key: give both or none")
	}
	if o.TLSOnly && o.TLSCert == "" {
		bad("tls-only: there is no tls-cert")
	}
	if o.Memory < minMemory {
		bad("memory: %d bytes are too few, want at least %d", o.Memory, minMemory)
	}
	if o.Threads < 0 || o.Threads > 1024 {
		bad("threads: %d is out of range 0 to 1024", o.Threads)
	}
	if o.SessionsMax < 1 || o.SessionsMax > 100000 {
		bad("sessions-max: %d is out of range 1 to 100000", o.SessionsMax)
	}
	if o.BodyMax < 1<<10 || o.BodyMax > 16<<30 {
		bad("http-body-max: %d is out of range 1 KiB to 16 GiB", o.BodyMax)
	}
	if o.ArchiveMax < 1<<20 {
		bad("archive-max: %d is less than 1 MiB", o.ArchiveMax)
	}
	if o.Grace < 0 {
		bad("grace: %s is negative", o.Grace)
	}
	if auth.IsVerifier(o.Password) {
		if _, err := auth.ParseVerifier(o.Password); err != nil {
			bad("password: %w", err)
		}
	}
	switch o.LogLevel {
	case "debug", "info", "warn", "error":
	default:
		bad("log-level: %q is none of debug, info, warn, error", o.LogLevel)
	}
	return errors.Join(problems...)
}
