package pgwire

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/siltstone-db/siltstone/server/auth"
	"github.com/siltstone-db/siltstone/storage/errs"
)

func rulesWithPassword(t *testing.T) *auth.Rules {
	t.Helper()
	r, err := auth.New(auth.Options{User: "alice", Password: "open sesame"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func serverTLS(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, pool
}

// TestLoginSCRAM logs in with pgx, over plain TCP and over TLS.
func TestLoginSCRAM(t *testing.T) {
	cfg, pool := serverTLS(t)
	for _, secure := range []bool{false, true} {
		_, dial := start(t, func(o *Options) {
			o.Auth = rulesWithPassword(t)
			if secure {
				o.TLS = cfg
			}
		})
		for _, tc := range []struct {
			user, password string
			want           errs.Code
		}{{"alice", "open sesame", ""}, {"alice", "wrong", errs.InvalidPassword}, {"bob", "open sesame", errs.InvalidPassword}} {
			pc, err := pgx.ParseConfig(fmt.Sprintf("host=127.0.0.1 user=%s password='%s' database=d", tc.user, tc.password))
			if err != nil {
				t.Fatal(err)
			}
			pc.Fallbacks, pc.TLSConfig = nil, nil
			if secure {
				pc.TLSConfig = &tls.Config{RootCAs: pool, ServerName: "localhost"}
			}
			pc.DialFunc = func(context.Context, string, string) (net.Conn, error) { return dial() }
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			conn, err := pgx.ConnectConfig(ctx, pc)
			if tc.want != "" {
				if err == nil || !bytes.Contains([]byte(err.Error()), []byte(tc.want)) {
					t.Errorf("TLS %v: login(%s, %s) = %v, want %s", secure, tc.user, tc.password, err, tc.want)
				}
				continue
			}
			if err != nil {
				t.Errorf("TLS %v: %v", secure, err)
				continue
			}
			tag, err := conn.PgConn().Exec(ctx, "rows 3").ReadAll()
			if err != nil || len(tag) != 1 || len(tag[0].Rows) != 3 {
				t.Errorf("TLS %v: %v, %v", secure, tag, err)
			}
			conn.Close(ctx)
		}
	}
}

// TestLoginEvents: every login has one event, whichever way it ends, and no event has what was guessed.
func TestLoginEvents(t *testing.T) {
	events := make(chan auth.Event, 1)
	_, dial := start(t, func(o *Options) {
		o.Auth, o.SessionsMax = rulesWithPassword(t), 1
		o.Logins = func(e auth.Event) { events <- e }
	})
	login := func(user, password string) *pgx.Conn {
		pc, err := pgx.ParseConfig(fmt.Sprintf("host=127.0.0.1 user=%s password='%s' database=d sslmode=disable", user, password))
		if err != nil {
			t.Fatal(err)
		}
		pc.DialFunc = func(context.Context, string, string) (net.Conn, error) { return dial() }
		conn, err := pgx.ConnectConfig(t.Context(), pc)
		if err != nil {
			return nil
		}
		t.Cleanup(func() { conn.Close(context.Background()) })
		return conn
	}
	for _, tc := range []struct {
		user, password string
		want           errs.Code
	}{{"alice", "wrong-one", errs.InvalidPassword}, {"bob", "open sesame", errs.InvalidPassword}, {"alice", "open sesame", ""}, {"alice", "open sesame", errs.TooManyConnections}} {
		if conn := login(tc.user, tc.password); (conn != nil) != (tc.want == "") {
			t.Fatalf("%+v: logged in: %v", tc, conn != nil)
		}
		e := <-events
		if e.Door != "pg" || e.User != tc.user || e.Method != "scram-sha-256" || tc.want == "" && e.Err != nil || tc.want != "" && !errs.Is(e.Err, tc.want) {
			t.Errorf("%+v: %s", tc, e)
		}
		if text := e.String(); strings.Contains(text, "sesame") || strings.Contains(text, "wrong-one") {
			t.Errorf("a password is in %s", text)
		}
	}
	nc, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	nc.Write(startupPacket)
	readUntil(nc, 'R')
	nc.Close()
	if e := <-events; !errs.Is(e.Err, errs.ConnectionFailure) {
		t.Errorf("a client that went away: %s", e)
	}
}

func TestLoginRefused(t *testing.T) {
	rules, err := auth.New(auth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, dial := start(t, func(o *Options) { o.Auth = rules })
	nc, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.Write(startupPacket)
	if b, err := io.ReadAll(nc); err != nil || !bytes.Contains(b, []byte(errs.InvalidAuthorization)) {
		t.Errorf("%q, %v", b, err)
	}
}

// TestGluedSSLRequest: bytes behind an SSLRequest that is answered with S end the connection.
func TestGluedSSLRequest(t *testing.T) {
	cfg, _ := serverTLS(t)
	_, dial := start(t, func(o *Options) { o.TLS = cfg })
	nc, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.Write(append([]byte("\x00\x00\x00\x08\x04\xd2\x16\x2f"), startupPacket...))
	b, err := io.ReadAll(nc)
	if err != nil || !bytes.Contains(b, []byte("unencrypted data")) || bytes.Contains(b, []byte("server_version")) {
		t.Errorf("%q, %v", b, err)
	}
}

func TestDirectTLS(t *testing.T) {
	cfg, pool := serverTLS(t)
	_, dial := start(t, func(o *Options) { o.TLS = cfg })
	for _, tc := range []struct {
		protos []string
		ok     bool
	}{{[]string{"postgresql"}, true}, {nil, false}, {[]string{"h2"}, false}} {
		nc, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		tc2 := tls.Client(nc, &tls.Config{RootCAs: pool, ServerName: "localhost", NextProtos: tc.protos})
		tc2.Write(startupPacket)
		_, err = readUntil(tc2, 'Z')
		if (err == nil) != tc.ok {
			t.Errorf("ALPN %q: %v", tc.protos, err)
		}
	}
}

// TestLoginMessages sends what is not a SCRAM message where one is expected.
func TestLoginMessages(t *testing.T) {
	_, dial := start(t, func(o *Options) { o.Auth = rulesWithPassword(t) })
	for _, body := range []string{"", "SCRAM-SHA-256\x00", "SCRAM-SHA-256\x00\xff\xff\xff\xfe", "SCRAM-SHA-256\x00\x7f\xff\xff\xff",
		"SCRAM-SHA-256\x00\xff\xff\xff\xff", "SCRAM-SHA-256-PLUS\x00\x00\x00\x00\x00", "MD5\x00\x00\x00\x00\x00", "md5abcdef\x00"} {
		nc, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		nc.Write(startupPacket)
		nc.Write(frame('p', body))
		b, err := io.ReadAll(nc)
		if err != nil || !bytes.Contains(b, []byte("SFATAL\x00")) || bytes.Contains(b, []byte("server_version")) {
			t.Errorf("%q: %q, %v", body, b, err)
		}
		nc.Close()
	}
}
