package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// certificate writes a certificate of this machine and its key, and returns what a client needs to trust it.
func certificate(t *testing.T) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	put := func(name, kind string, b []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(parsed)
	return put("cert.pem", "CERTIFICATE", der), put("key.pem", "PRIVATE KEY", secret), roots
}

// TestTLS: with a certificate HTTP speaks TLS and nothing else, and PostgreSQL's port, where it is asked for, too.
func TestTLS(t *testing.T) {
	o := options(t)
	var roots *x509.CertPool
	o.TLSCert, o.TLSKey, roots = certificate(t)
	o.TLSOnly = true
	n := mustStart(t, o)
	defer stop(t, n)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	base := n.HTTPAddr().String()
	resp, err := client.Post("https://"+base+"/v1/query", "application/sql", strings.NewReader("SELECT 1 AS one"))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 || !strings.Contains(string(body), `"rows":[[1]]`) {
		t.Errorf("over TLS: %d %s", resp.StatusCode, body)
	}
	if resp, err = client.Get("http://" + base + "/healthz"); err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("in clear text: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	// A handshake that never comes is a request that never comes.
	nc, err := net.Dial("tcp", base)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	var banner strings.Builder
	n.Banner(&banner)
	if !strings.Contains(banner.String(), "https://127.0.0.1:") {
		t.Errorf("banner:\n%s", &banner)
	}
	for mode, ok := range map[string]bool{"require": true, "disable": false} {
		c, err := pgx.Connect(ctx, "postgres://siltstone@"+n.PGAddr().String()+"/siltstone?sslmode="+mode)
		if (err == nil) != ok || !ok && !strings.Contains(err.Error(), "no encryption") {
			t.Errorf("sslmode %s: %v", mode, err)
		}
		if c != nil {
			c.Close(ctx)
		}
	}
}
