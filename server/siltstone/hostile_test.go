package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// loginMessage is that of user siltstone.
var loginMessage = []byte("\x00\x00\x00\x18\x00\x03\x00\x00user\x00siltstone\x00\x00")

// dialPG opens a connection, logged in or not.
func dialPG(t *testing.T, p *process, login bool) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", p.pg)
	if err != nil {
		t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(20 * time.Second))
	if login {
		nc.Write(loginMessage)
		if got := readMessages(nc, 'Z'); !strings.HasSuffix(got, "Z") {
			t.Fatalf("login: %q", got)
		}
	}
	return nc
}

// readMessages reads up to a message of a type, or to the end, and returns the types.
func readMessages(r io.Reader, until byte) string {
	var types []byte
	for {
		var head [5]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return string(types)
		}
		types = append(types, head[0])
		if _, err := io.CopyN(io.Discard, r, int64(binary.BigEndian.Uint32(head[1:]))-4); err != nil || head[0] == until {
			return string(types)
		}
	}
}

// message frames a body.
func message(typ byte, body string) []byte {
	b := binary.BigEndian.AppendUint32([]byte{typ}, uint32(4+len(body)))
	return append(b, body...)
}

// residentBytes returns the memory of the process, 0 where nobody tells.
func (p *process) residentBytes() int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	var size, resident int64
	fmt.Sscan(string(b), &size, &resident)
	return resident * int64(os.Getpagesize())
}

// TestHostileMessages sends the messages that crash decoders which trust their input, before login and after it.
func TestHostileMessages(t *testing.T) {
	p := mustLaunch(t, filepath.Join(t.TempDir(), "data"))
	hostile := map[string][]byte{
		"Bind with a negative length":            message('B', "\x00\x00\x00\x00\x00\x01\xff\xff\xff\xfe\x00\x00"),
		"Bind that counts too much":              message('B', "\x00\x00\xff\xff\x00\x01"),
		"FunctionCall without a body":            message('F', ""),
		"FunctionCall with a large argument":     message('F', "\x00\x00\x00\x01\x00\x00\x00\x01\x7f\xff\xff\xff\x00\x00"),
		"Query without a body":                   message('Q', ""),
		"Query without an end":                   message('Q', "SELECT 1"),
		"CopyFail without a body":                message('f', ""),
		"Parse that counts too much":             message('P', "\x00SELECT 1\x00\xff\xff"),
		"Describe without a body":                message('D', ""),
		"Close of nothing":                       message('C', "X"),
		"Execute without a body":                 message('E', ""),
		"a SASL first response without a length": message('p', "SCRAM-SHA-256\x00"),
		"a SASL first response of -2 bytes":      message('p', "SCRAM-SHA-256\x00\xff\xff\xff\xfe"),
		"an empty password":                      message('p', ""),
		"a type of the server":                   message('Z', "I"),
		"type 0":                                 message(0, ""),
		"length 0":                               {'Q', 0, 0, 0, 0},
		"length 3":                               {'Q', 0, 0, 0, 3},
		"a claim of 1 GiB":                       {'Q', 0x40, 0, 0, 0, 'S'},
		"a claim of 2 GiB - 1":                   {'Q', 0x7f, 0xff, 0xff, 0xff},
		"CopyData that claims 2 GiB":             {'d', 0x80, 0, 0, 0},
		"a claim of 4 GiB - 1":                   {'P', 0xff, 0xff, 0xff, 0xff},
	}
	for name, b := range hostile {
		for _, login := range []bool{true, false} {
			nc := dialPG(t, p, login)
			nc.Write(b)
			nc.Write(message('S', ""))
			nc.(*net.TCPConn).CloseWrite()
			if got := readMessages(nc, 0); login && !strings.Contains(got, "E") && !strings.HasPrefix(name, "Close") && !strings.HasPrefix(name, "CopyFail") {
				t.Errorf("%s: answered by %q", name, got)
			}
			nc.Close()
		}
	}
	startups := map[string]string{
		"nothing":               "",
		"a claim of 2 GiB":      "\x7f\xff\xff\xff\x00\x03\x00\x00",
		"a claim of 0":          "\x00\x00\x00\x00",
		"a negative claim":      "\xff\xff\xff\xff\x00\x03\x00\x00",
		"version 2":             "\x00\x00\x00\x09\x00\x02\x00\x00\x00",
		"version 4":             "\x00\x00\x00\x09\x00\x04\x00\x00\x00",
		"no user":               "\x00\x00\x00\x09\x00\x03\x00\x00\x00",
		"a key without a value": "\x00\x00\x00\x0e\x00\x03\x00\x00user\x00\x00",
		"no end":                "\x00\x00\x00\x0c\x00\x03\x00\x00user",
		"a short cancel":        "\x00\x00\x00\x0c\x04\xd2\x16\x2e\x00\x00\x00\x01",
		"a wrong cancel":        "\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x00\x01\x00\x00\x00\x01",
		"SSL and more at once":  "\x00\x00\x00\x08\x04\xd2\x16\x2f" + string(loginMessage),
		"HTTP":                  "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"TLS":                   "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"SSH":                   "SSH-2.0-OpenSSH_9.2\r\n",
	}
	for _, b := range startups {
		nc := dialPG(t, p, false)
		io.WriteString(nc, b)
		nc.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, nc)
		nc.Close()
	}
	answers(t, p)
}

// TestClaimedMemory: connections that claim large messages and send little cost little.
func TestClaimedMemory(t *testing.T) {
	p := mustLaunch(t, filepath.Join(t.TempDir(), "data"))
	answers(t, p) // the first statement loads the parser, which without cgo is a module of 250 MiB
	before := p.residentBytes()
	const conns = 60
	for range conns {
		nc := dialPG(t, p, true)
		defer nc.Close()
		nc.Write([]byte{'Q', 0x03, 0xff, 0xff, 0xff})
		nc.Write(bytes.Repeat([]byte{' '}, 1000))
	}
	answers(t, p)
	if grown := p.residentBytes() - before; grown > 64<<20 {
		t.Errorf("%d connections that claim 64 MiB each took %d MiB", conns, grown>>20)
	}
}

// TestRandomBytes: noise on both ports, bare, behind a login, and behind a valid request line.
func TestRandomBytes(t *testing.T) {
	p := mustLaunch(t, filepath.Join(t.TempDir(), "data"))
	rnd := rand.New(rand.NewPCG(20, 26))
	var wg sync.WaitGroup
	limit := make(chan struct{}, 16)
	for i := range 240 {
		b := make([]byte, rnd.IntN(4000))
		for j := range b {
			b[j] = byte(rnd.Uint32())
		}
		addr, lead := p.pg, ""
		switch i % 4 {
		case 1:
			lead = string(loginMessage)
		case 2:
			addr = strings.TrimPrefix(p.http, "http://")
		case 3:
			addr = strings.TrimPrefix(p.http, "http://")
			lead = fmt.Sprintf("POST /v1/query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/sql\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", len(b))
		}
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer nc.Close()
			nc.SetDeadline(time.Now().Add(20 * time.Second))
			io.WriteString(nc, lead)
			nc.Write(b)
			nc.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, nc)
		})
	}
	wg.Wait()
	answers(t, p)
}

// answers checks that a new client is served, and that nothing in the server panicked.
func answers(t *testing.T, p *process) {
	t.Helper()
	var one int
	if err := mustConnect(t, p).QueryRow(t.Context(), "SELECT 1").Scan(&one); err != nil || one != 1 {
		t.Errorf("a good client: %d, %v: %s", one, err, p.said())
	}
	if strings.Contains(p.said(), "panic") {
		t.Error(p.said())
	}
}
