// Package logictest runs sqllogictest files on sessions over a real storage, and runs each of them several ways that
// must give equal answers: all rows live, all in segments, half and half, and with a restart in the middle.
//
// A file is a list of records with an empty line between them:
//
//	statement ok | statement error [SQLSTATE]
//	SQL
//	[----
//	a part of the message]
//
//	query <types> [nosort|rowsort|valuesort] [label]
//	SQL
//	----
//	expected
//
//	include FILE             the records of another file
//	copyfrom TABLE FILE [D]  COPY FROM STDIN of a CSV file, gzipped or not
//	copy                     SQL of a COPY FROM STDIN, ----, its data
//	checkpoint | restart     seal all rows; close and open the database
//	session NAME             what follows runs in a session of that name
//
// Types are one letter a column: I integer, R fraction, T anything else. Lines that start with # are comments.
package logictest

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// record is one record of a file.
type record struct {
	file     string
	line     int
	kind     string   // statement, query, copyfrom, copy, checkpoint, restart, session
	args     []string // of the first line
	sql      string
	expected []string // lines behind ----
	hash     int      // the hash-threshold in force
}

func (r *record) String() string { return fmt.Sprintf("%s:%d", r.file, r.line) }

// dialect is the name under which skipif and onlyif know us.
const dialect = "postgresql"

// parse reads a file and those that it includes.
func parse(path string) ([]*record, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	p := &parser{path: path, scan: bufio.NewScanner(f)}
	p.scan.Buffer(nil, 64<<20)
	return p.records()
}

type parser struct {
	path string
	scan *bufio.Scanner
	line int
	hash int
}

func (p *parser) next() (string, bool) {
	if !p.scan.Scan() {
		return "", false
	}
	p.line++
	return strings.TrimRight(p.scan.Text(), "\r"), true
}

func (p *parser) records() ([]*record, error) {
	var all []*record
	skip := false
	for {
		l, ok := p.next()
		if !ok {
			return all, p.scan.Err()
		}
		f := strings.Fields(l)
		if len(f) == 0 || strings.HasPrefix(l, "#") {
			continue
		}
		switch f[0] {
		case "skipif":
			skip = skip || f[1] == dialect
			continue
		case "onlyif":
			skip = skip || f[1] != dialect
			continue
		case "hash-threshold":
			p.hash, _ = strconv.Atoi(f[1])
			continue
		case "halt":
			if !skip {
				return all, nil
			}
			skip = false
			continue
		case "include":
			more, err := parse(filepath.Join(filepath.Dir(p.path), f[1]))
			if err != nil {
				return nil, err
			}
			all = append(all, more...)
			continue
		case "subtest", "control", "sleep":
			continue
		}
		r := &record{file: filepath.Base(p.path), line: p.line, kind: f[0], args: f[1:], hash: p.hash}
		if err := p.body(r); err != nil {
			return nil, err
		}
		if !skip {
			all = append(all, r)
		}
		skip = false
	}
}

// body reads the lines of a record up to the empty one.
func (p *parser) body(r *record) error {
	switch r.kind {
	case "copyfrom", "checkpoint", "restart", "session":
		return nil
	case "statement", "query", "copy":
	default:
		return fmt.Errorf("%s: unknown record %q", r, r.kind)
	}
	var sql []string
	for behind := false; ; {
		l, ok := p.next()
		if !ok || l == "" {
			break
		}
		switch {
		case l == "----" && !behind:
			behind = true
		case behind:
			r.expected = append(r.expected, l)
		default:
			sql = append(sql, l)
		}
	}
	r.sql = strings.Join(sql, "\n")
	return nil
}
