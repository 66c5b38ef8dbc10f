package session_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/siltstone-db/siltstone/sql/session"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// kinds are types with a value and its binary form.
var kinds = []struct {
	name, value string
	binary      []byte
}{
	{"smallint", "3", binary.BigEndian.AppendUint16(nil, 3)},
	{"integer", "3", binary.BigEndian.AppendUint32(nil, 3)},
	{"bigint", "3", binary.BigEndian.AppendUint64(nil, 3)},
	{"double precision", "3", binary.BigEndian.AppendUint64(nil, 0x4008000000000000)},
	{"real", "3", binary.BigEndian.AppendUint32(nil, 0x40400000)},
	{"numeric", "3", []byte{0, 1, 0, 0, 0, 0, 0, 0, 0, 3}},
	{"text", "3", []byte("3")},
	{"varchar(4)", "3", []byte("3")},
	{"boolean", "true", []byte{1}},
	{"date", "2000-01-04", binary.BigEndian.AppendUint32(nil, 3)},
	{"timestamp", "2000-01-01 00:00:00.000003", binary.BigEndian.AppendUint64(nil, 3)},
	{"uuid", "00000000-0000-0000-0000-000000000003", append(make([]byte, 15), 3)},
	{"bytea", `\x03`, []byte{3}},
}

// TestPreparedOverRecreatedTable: a statement whose table was dropped and made again with a column of another type does
// what it would do with a parameter of the type that the client was told: it casts, or says 42804 or 42883. The bits of a
// binary value are never taken for those of another type. All pairs of types, against the statement with a literal.
func TestPreparedOverRecreatedTable(t *testing.T) {
	s := open(t).session()
	for _, from := range kinds {
		for _, to := range kinds {
			run(s, "CREATE TABLE p (a "+from.name+")")
			for name, sql := range map[string]string{"ins": "INSERT INTO p (a) VALUES ($1)", "sel": "SELECT count(*) FROM p WHERE a = $1"} {
				s.DropStatement(name)
				if err := s.Parse(ctx, name, sql, nil); err != nil {
					t.Fatal(err)
				}
			}
			told, _, err := s.DescribeStatement(ctx, "ins")
			if err != nil {
				t.Fatal(err)
			}
			run(s, "DROP TABLE p; CREATE TABLE p (a "+to.name+")")
			got := bound(s, "ins", from.binary) + "; " + bound(s, "sel", from.binary) + "; " + run(s, "SELECT a::text FROM p")
			literal := fmt.Sprintf("'%s'::%s", from.value, told[0])
			run(s, "DROP TABLE p; CREATE TABLE p (a "+to.name+")")
			want := tagOrCode(run(s, "INSERT INTO p (a) VALUES ("+literal+")")) + "; " +
				tagOrCode(run(s, "SELECT count(*) FROM p WHERE a = "+literal)) + "; " + run(s, "SELECT a::text FROM p")
			if got != want {
				t.Errorf("%s, then %s:\n got %s\nwant %s", from.name, to.name, got, want)
			}
			if now, _, err := s.DescribeStatement(ctx, "ins"); err != nil || now[0] != told[0] {
				t.Errorf("%s, then %s: the parameter was %v and is %v (%v)", from.name, to.name, told[0], now, err)
			}
			run(s, "DROP TABLE p")
		}
	}
}

// bound runs a prepared statement with a binary value.
func bound(s *session.Session, name string, value []byte) string {
	c := &client{}
	err := s.Bind(ctx, "", name, []session.Parameter{{Format: 1, Value: value}})
	if err == nil {
		_, err = s.Execute(ctx, "", 0, c)
	}
	if e := s.Sync(ctx, err != nil); err == nil {
		err = e
	}
	if err != nil {
		return string(errs.From(err).Code)
	}
	return c.lines[len(c.lines)-1]
}

// tagOrCode returns the last line of what a client saw: the tag, or the SQLSTATE.
func tagOrCode(seen string) string {
	for i := len(seen) - 1; i >= 0; i-- {
		if seen[i] == ';' {
			seen = seen[i+2:]
			break
		}
	}
	if len(seen) > 6 && seen[:6] == "error " {
		return seen[6:11]
	}
	return seen
}

// TestPortalKeepsItsPlan: a portal runs what was planned at its Bind, also when its statement is planned again, and one
// whose table is gone ends in an error.
func TestPortalKeepsItsPlan(t *testing.T) {
	s := open(t).session()
	run(s, "CREATE TABLE k (a int); INSERT INTO k VALUES (1); CREATE TABLE l (a int)")
	step := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	run(s, "BEGIN")
	step(s.Parse(ctx, "p", "SELECT a FROM k", nil))
	step(s.Parse(ctx, "i", "INSERT INTO k VALUES (5)", nil))
	step(s.Bind(ctx, "first", "p", nil))
	step(s.Bind(ctx, "write", "i", nil))
	run(s, "DROP TABLE k")
	run(s, "CREATE TABLE k (a int)")
	step(s.Bind(ctx, "second", "p", nil))
	for portal, want := range map[string]string{"second": "tag SELECT 0", "first": "tag SELECT 1"} {
		c := &client{}
		if _, err := s.Execute(ctx, portal, 0, c); err != nil {
			c.lines = append(c.lines, err.Error())
		}
		if got := c.lines[len(c.lines)-1]; got != want {
			t.Errorf("%s: %s, want %s", portal, got, want)
		}
	}
	if _, err := s.Execute(ctx, "write", 0, &client{}); !errs.Is(err, errs.UndefinedTable) {
		t.Errorf("a write to a table that is gone: %v", err)
	}
}
