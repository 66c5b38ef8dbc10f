package logictest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCopyBytes compares what COPY TO writes with what PostgreSQL 15 wrote for the same rows (testdata/copyout), and
// reads PostgreSQL's bytes back: what is written again must be the same.
func TestCopyBytes(t *testing.T) {
	db, err := open(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.close()
	r := &runner{o: Options{Timeout: 1 << 36}, db: db, name: "default", report: &Report{}}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata/copyout", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	run := func(sql string, input []byte) []byte {
		t.Helper()
		a := &answer{input: input}
		if err := r.run(sql, a); err != nil {
			t.Fatalf("%s: %s", sql, describe(err))
		}
		return a.output.Bytes()
	}
	run(string(read("setup.sql")), nil)
	run("CREATE TABLE back AS SELECT * FROM ct WITH NO DATA", nil)
	files, _ := filepath.Glob("testdata/copyout/*.out")
	if len(files) == 0 {
		t.Fatal("no files")
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".out")
		sql, want := string(read(name+".sql")), read(name+".out")
		if got := run(sql, nil); !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%q\nwant\n%q", name, got, want)
		}
		if !strings.HasPrefix(sql, "COPY ct TO STDOUT") {
			continue
		}
		from := strings.NewReplacer("COPY ct TO STDOUT", "COPY back FROM STDIN", ", FORCE_QUOTE *", "",
			", FORCE_QUOTE (t, i4)", "").Replace(sql)
		run("BEGIN", nil)
		run(from, want)
		if got := run(strings.Replace(sql, "COPY ct", "COPY back", 1), nil); !bytes.Equal(got, want) {
			t.Errorf("%s there and back: got\n%q\nwant\n%q", name, got, want)
		}
		run("ROLLBACK", nil)
	}
}
