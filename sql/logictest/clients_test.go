package logictest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestClients runs what real clients send (SILTSTONE_PGCOMPAT points to the capture) and counts the answers that are
// PostgreSQL's.
func TestClients(t *testing.T) {
	root := os.Getenv("SILTSTONE_PGCOMPAT")
	if root == "" {
		t.Log("SILTSTONE_PGCOMPAT does not point to the capture: nothing to do")
		return
	}
	names := os.Getenv("SILTSTONE_PGCOMPAT_CLIENTS")
	if names == "" {
		names = "psql"
	}
	for _, name := range strings.Split(names, ",") {
		t.Run(name, func(t *testing.T) { runClient(t, root, name) })
	}
}

type clientAnswer struct {
	Err  string `json:"err"`
	Sets []struct {
		Cols [][]any     `json:"cols"`
		Mode string      `json:"mode"`
		Want [][]*string `json:"want"`
		Mask []int       `json:"mask"`
		Tag  string      `json:"tag"`
	} `json:"sets"`
}

func blocks(t *testing.T, path string) []string {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(strings.TrimSpace(string(data)), ";;"), "\n;;\n")
}

func runClient(t *testing.T, root, name string) {
	db, err := open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.close()
	r := &runner{o: Options{Timeout: 20 * time.Second}, db: db, name: "default", report: &Report{}}
	for _, b := range blocks(t, filepath.Join(root, "schema.sql")) {
		if err := r.run(b, &answer{}); err != nil {
			t.Logf("schema: %.60s: %v", b, err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(root, "expected", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var probe any
	_ = json.Unmarshal(raw, &probe)
	hole := regexp.MustCompile(`\{\{(\w+)(?::(\w+))?\}\}`)
	failures := map[string]int{}
	n, ok := 0, 0
	for _, b := range blocks(t, filepath.Join(root, name+".sql")) {
		wantErr := ""
		var lines []string
		for _, l := range strings.Split(b, "\n") {
			if e, is := strings.CutPrefix(l, "-- @error "); is {
				wantErr = strings.TrimSpace(e)
			}
			if !strings.HasPrefix(l, "-- @") {
				lines = append(lines, l)
			}
		}
		sql := hole.ReplaceAllStringFunc(strings.Join(lines, "\n"), func(h string) string {
			m := hole.FindStringSubmatch(h)
			q := map[string]string{"oid": "SELECT '" + m[2] + "'::regclass::oid", "typ": "SELECT '" + m[2] + "'::regtype::oid",
				"nsp": "SELECT '" + m[2] + "'::regnamespace::oid"}[m[1]]
			switch m[1] {
			case "db":
				return db.engine.Database()
			case "user":
				return "tester"
			}
			a := &answer{}
			if q == "" || r.run(q, a) != nil || len(a.rows) == 0 {
				return "0"
			}
			return a.rows[0][0]
		})
		n++
		a := &answer{render: func(_ int, d types.Datum, s string) string { return s }}
		err := r.run(sql, a)
		got := ""
		if err != nil {
			got = string(errs.From(err).Code)
		}
		if got == wantErr {
			ok++
		} else {
			msg := "no error"
			if err != nil {
				msg = errs.From(err).Message
			}
			failures[msg]++
			if testing.Verbose() && failures[msg] <= 2 {
				t.Logf("%s: %q want %q\n   %.300s", msg, got, wantErr, strings.ReplaceAll(sql, "\n", " "))
			}
		}
		s, _ := db.session("default")
		if s.TxStatus() != 'I' {
			_ = s.Simple(context.Background(), "ROLLBACK", a)
		}
	}
	var list []string
	for m := range failures {
		list = append(list, m)
	}
	sort.Slice(list, func(i, j int) bool { return failures[list[i]] > failures[list[j]] })
	t.Logf("%d of %d blocks end as in PostgreSQL", ok, n)
	for _, m := range list {
		t.Logf("%4d %s", failures[m], m)
	}
}
