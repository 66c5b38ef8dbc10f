package logictest

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/sql/pgtype"
	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// TestClientMessages does what TestClients does with the messages of the extended protocol: Parse, Describe, Bind,
// Execute and Sync, with the types that the clients gave. testdata/messages.txt has the floors.
func TestClientMessages(t *testing.T) {
	root := os.Getenv("SILTSTONE_PGCOMPAT")
	if root == "" {
		t.Skip("SILTSTONE_PGCOMPAT does not point to the capture")
	}
	names, err := filepath.Glob(filepath.Join(root, "wire", "*.jsonl"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no capture: %v", err)
	}
	runClients(t, "testdata/messages.txt", "statements", clientNames(names), func(c *clientRun, name string) { c.runMessages(name) }, root)
}

// message is one statement of the capture.
type message struct {
	SQL    string    `json:"sql"`
	OIDs   []uint32  `json:"oids"`
	Params []*string `json:"params"`
	Max    int       `json:"max"`
	Conn   string    `json:"conn"`
}

// wantedMessage is PostgreSQL's answer. Rows are lists of text, and of their binary forms in hexadecimal.
type wantedMessage struct {
	Err    *string              `json:"err"`
	Ptypes []string             `json:"ptypes"`
	Cols   [][2]string          `json:"cols"`
	Mode   string               `json:"mode"`
	Mask   []int                `json:"mask"`
	Rows   [][2]json.RawMessage `json:"want_rows"`
	Bytes  [][2]json.RawMessage `json:"want_brows"`
}

func (c *clientRun) runMessages(name string) {
	raw, err := os.ReadFile(filepath.Join(c.root, "expected", name+".json"))
	if err != nil {
		c.t.Fatal(err)
	}
	var want struct{ Wire []wantedMessage }
	if err := json.Unmarshal(raw, &want); err != nil {
		c.t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(c.root, "wire", name+".jsonl"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	n := 0
	conn := ""
	for in := bufio.NewScanner(f); in.Scan(); n++ {
		var m message
		if err := json.Unmarshal(in.Bytes(), &m); err != nil || n >= len(want.Wire) {
			c.t.Fatalf("line %d: %v, %d answers", n+1, err, len(want.Wire))
		}
		if m.Conn != conn {
			c.connect()
			conn = m.Conn
		}
		c.message(&m, &want.Wire[n])
	}
	if n != len(want.Wire) {
		c.t.Fatalf("%d statements, %d answers", n, len(want.Wire))
	}
}

// message runs one statement and counts it.
func (c *clientRun) message(m *message, want *wantedMessage) {
	c.blocks++
	a := &binaryClient{}
	problem, err := c.exchange(m, want, a)
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	if e := c.s.Sync(ctx, err != nil); e != nil && err == nil {
		err, problem = e, e.Error()
	}
	code, wanted := "", ""
	if err != nil {
		code = string(errs.From(err).Code)
	}
	if want.Err != nil {
		wanted = *want.Err
	}
	if code != wanted {
		problem = fmt.Sprintf("error %q %v, want %q", code, err, wanted)
	}
	c.count(m.SQL, problem, err)
	if c.s.TxStatus() != session.Idle {
		_ = c.simple("ROLLBACK", &client{})
	}
}

// exchange sends the messages of one statement and says what differs.
func (c *clientRun) exchange(m *message, want *wantedMessage, a *binaryClient) (problem string, err error) {
	a.set = c.s.TypeSettings()
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Second)
	defer stop()
	if err := c.s.Parse(ctx, "", c.fill(m.SQL), m.OIDs); err != nil {
		return "", err
	}
	params, cols, err := c.s.DescribeStatement(ctx, "")
	if err != nil {
		return "", err
	}
	ptypes := make([]string, len(params))
	for i, p := range params {
		ptypes[i] = typeName(p)
	}
	if err := a.Columns(cols); err != nil {
		return "", err
	}
	switch {
	case want.Ptypes != nil && !slices.Equal(ptypes, want.Ptypes):
		problem = fmt.Sprintf("parameters %v, want %v", ptypes, want.Ptypes)
	case want.Cols != nil && !slices.Equal(a.sets[0].cols, want.Cols):
		problem = fmt.Sprintf("columns %v, want %v", a.sets[0].cols, want.Cols)
	}
	if m.Params == nil {
		return problem, nil
	}
	values := make([]session.Parameter, len(m.Params))
	for i, p := range m.Params {
		if p != nil {
			values[i].Value = []byte(c.fill(*p))
		}
	}
	if err := c.s.Bind(ctx, "", "", values); err != nil {
		return problem, err
	}
	for more := true; more; { // clients with a row limit come back for the rest
		if more, err = c.s.Execute(ctx, "", m.Max, a); err != nil {
			return problem, err
		}
	}
	if problem == "" && (want.Mode == "full" || want.Mode == "user") {
		problem = c.compareMessage(want, a)
	}
	return problem, nil
}

func (c *clientRun) compareMessage(want *wantedMessage, a *binaryClient) string {
	got := &a.sets[0]
	if len(want.Cols) == 0 { // a statement without rows is known by its tag
		tag, word := got.tag, "tag"
		if got.rows = [][]*string{{&word, &tag}}; len(a.sets) > 1 { // the empty statement
			got.rows = nil
		}
	}
	set := &wantedSet{Cols: want.Cols, Tag: got.tag, Mode: want.Mode, Mask: want.Mask, Want: want.Rows}
	if p := c.compareRows(set, got.rows); p != "" || want.Bytes == nil {
		return p
	}
	set.Want = want.Bytes
	if p := c.compareRows(set, a.bytes); p != "" {
		return "binary: " + p
	}
	return ""
}

// binaryClient takes the rows of one statement in two forms.
type binaryClient struct {
	client
	bytes  [][]*string // in hexadecimal
	coders []pgtype.Encoder
}

// Columns takes what Describe said.
func (a *binaryClient) Columns(cols []session.Column) error {
	for _, c := range cols {
		a.coders = append(a.coders, pgtype.BinaryEncoder(c.Type))
	}
	return a.client.Columns(cols)
}

// Rows takes a batch.
func (a *binaryClient) Rows(b *batch.Batch) error {
	for i := range b.Len {
		row := make([]*string, len(b.Cols))
		for c, v := range b.Cols {
			if !v.Datum(i).Null {
				text := hex.EncodeToString(a.coders[c](nil, v, i))
				row[c] = &text
			}
		}
		a.bytes = append(a.bytes, row)
	}
	return a.client.Rows(b)
}
