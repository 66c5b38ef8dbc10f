package clickbench

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/siltstone-db/siltstone/bench/suite"
)

// FromFile returns the workload over a file of hits as ClickBench has it: CSV without a header or TSV, also compressed with
// gzip. What is not plain CSV, which every database here reads alike, is rewritten into dir once. The number of rows is
// known when they are loaded.
func FromFile(dir, path string) (*suite.Workload, error) {
	name, zipped := strings.CutSuffix(filepath.Base(path), ".gz")
	base, tabs := strings.CutSuffix(name, ".tsv")
	if !tabs {
		var ok bool
		if base, ok = strings.CutSuffix(name, ".csv"); !ok {
			return nil, fmt.Errorf("%s is neither .csv nor .tsv, nor one of these with .gz", path)
		}
	}
	file := path
	if tabs || zipped {
		file = filepath.Join(dir, base+"-rewritten.csv")
		if err := rewrite(path, file, zipped, tabs); err != nil {
			return nil, fmt.Errorf("rewrite %s: %w", path, err)
		}
	}
	if _, err := os.Stat(file); err != nil {
		return nil, err
	}
	return &suite.Workload{Name: "clickbench, " + name, Tables: tables(file), Queries: Queries()}, nil
}

// rewrite makes a CSV file, unless there is one that is younger than its source.
func rewrite(from, to string, zipped, tabs bool) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	source, err := in.Stat()
	if err != nil {
		return err
	}
	if made, err := os.Stat(to); err == nil && made.ModTime().After(source.ModTime()) {
		return nil
	}
	var r io.Reader = in
	if zipped {
		if r, err = gzip.NewReader(bufio.NewReaderSize(in, 1<<20)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	out, err := os.Create(to + ".tmp")
	if err != nil {
		return err
	}
	defer out.Close()
	w := bufio.NewWriterSize(out, 1<<20)
	if tabs {
		err = tsvToCSV(w, bufio.NewReaderSize(r, 1<<20))
	} else {
		_, err = io.Copy(w, r)
	}
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return err
	}
	return os.Rename(to+".tmp", to)
}

// tsvToCSV turns lines of fields between tabs, with backslashes before what would end a field, into CSV in which every field
// but NULL is quoted.
func tsvToCSV(w *bufio.Writer, r *bufio.Reader) error {
	for {
		line, err := r.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return err
		}
		if line = bytes.TrimSuffix(line, []byte("\n")); len(line) > 0 {
			for i, field := range bytes.Split(line, []byte("\t")) {
				if i > 0 {
					_ = w.WriteByte(',') // an error stays, and Flush tells it
				}
				writeField(w, field)
			}
			_ = w.WriteByte('\n')
		}
		if err == io.EOF {
			return nil
		}
	}
}

// unescaped are the characters that letters behind a backslash stand for; others stand for themselves.
var unescaped = map[byte]byte{'t': '\t', 'n': '\n', 'r': '\r', 'b': '\b', 'f': '\f', 'v': '\v'}

func writeField(w *bufio.Writer, field []byte) {
	if string(field) == `\N` {
		return
	}
	_ = w.WriteByte('"')
	for i := 0; i < len(field); i++ {
		c := field[i]
		if c == '\\' && i+1 < len(field) {
			i++
			c = field[i]
			if u, ok := unescaped[c]; ok {
				c = u
			}
		}
		if c == '"' {
			_ = w.WriteByte('"')
		}
		_ = w.WriteByte(c)
	}
	_ = w.WriteByte('"')
}
