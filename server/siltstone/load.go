package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/klauspost/compress/zstd"
)

// loadCommand loads a file over the wire: CSV and text by COPY, as one statement; NDJSON over HTTP, in pieces whose
// idempotency keys follow from their content, so that running it again after a failure stores nothing twice.
type loadCommand struct {
	File     string `arg:"" help:"File: .csv, .tsv, .txt (COPY text), .ndjson or .jsonl, also with .gz or .zst behind; - for standard input."`
	Table    string `required:"" help:"Table, or schema.table."`
	Format   string `enum:",csv,text,ndjson" default:"" help:"csv, text or ndjson, when the name does not tell."`
	NoHeader bool   `help:"The first line of the CSV is a row, not the names of the columns."`
	PG       string `name:"pg" env:"SILTSTONE_PG" default:"127.0.0.1:5433" help:"Address of the PostgreSQL protocol."`
	HTTP     string `name:"http" env:"SILTSTONE_HTTP" default:"127.0.0.1:8433" help:"Address of HTTP, or https://HOST:PORT for a server with TLS."`
	User     string `env:"SILTSTONE_USER" default:"siltstone" help:"Role."`
}

// Run loads the file and tells how long it took.
func (c *loadCommand) Run(ctx context.Context) error {
	in, name, err := openInput(c.File)
	if err != nil {
		return err
	}
	defer in.Close()
	kind := c.Format
	if kind == "" {
		switch filepath.Ext(name) {
		case ".csv":
			kind = "csv"
		case ".tsv", ".txt", ".copy":
			kind = "text"
		case ".ndjson", ".jsonl":
			kind = "ndjson"
		default:
			return fmt.Errorf("the name of %s does not tell its format; give --format", c.File)
		}
	}
	began := time.Now()
	var rows, known int64
	if kind == "ndjson" {
		rows, known, err = c.push(ctx, in)
	} else {
		rows, err = c.copy(ctx, in, kind)
	}
	if err != nil {
		return fmt.Errorf("load %s: %w", c.File, err)
	}
	took := time.Since(began)
	fmt.Printf("%d rows in %s (%.0f rows/s)\n", rows, took.Round(time.Millisecond), float64(rows)/took.Seconds())
	if known > 0 {
		fmt.Printf("%d more rows were stored by an earlier run of the last 7 days\n", known)
	}
	return nil
}

// openInput opens a file and decompresses it; name is without the ending of the compression.
func openInput(path string) (in io.ReadCloser, name string, err error) {
	f := os.Stdin
	if path != "-" {
		if f, err = os.Open(path); err != nil {
			return nil, "", err
		}
	}
	switch ext := filepath.Ext(path); ext {
	case ".gz":
		z, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<20))
		if err != nil {
			f.Close()
			return nil, "", fmt.Errorf("%s: %w", path, err)
		}
		return readCloser{z, f}, strings.TrimSuffix(path, ext), nil
	case ".zst":
		z, err := zstd.NewReader(f)
		if err != nil {
			f.Close()
			return nil, "", fmt.Errorf("%s: %w", path, err)
		}
		return readCloser{z, f}, strings.TrimSuffix(path, ext), nil
	}
	return f, path, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// copy sends the file by COPY.
func (c *loadCommand) copy(ctx context.Context, in io.Reader, kind string) (int64, error) {
	target := pgx.Identifier(strings.SplitN(c.Table, ".", 2)).Sanitize()
	columns, with := "", "FORMAT text"
	if kind == "csv" {
		with = "FORMAT csv"
		if !c.NoHeader {
			buf := bufio.NewReaderSize(in, 1<<20)
			names, err := headerColumns(buf)
			if err != nil {
				return 0, err
			}
			columns, with, in = names, "FORMAT csv, HEADER", buf
		}
	}
	server := url.URL{Scheme: "postgres", User: url.User(c.User), Host: c.PG, Path: "siltstone", RawQuery: "sslmode=prefer"}
	config, err := pgconn.ParseConfig(server.String())
	if err != nil {
		return 0, err
	}
	config.Password = os.Getenv("SILTSTONE_PASSWORD")
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	tag, err := conn.CopyFrom(ctx, in, fmt.Sprintf("COPY %s%s FROM STDIN WITH (%s)", target, columns, with))
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		err = fmt.Errorf("%s (%s) %s %s", pe.Message, pe.Code, pe.Detail, pe.Where)
	}
	return tag.RowsAffected(), err
}

// headerColumns returns the list of columns that the first line of a CSV names, and leaves the line where it is.
func headerColumns(in *bufio.Reader) (string, error) {
	head, err := in.Peek(64 << 10)
	if len(head) == 0 {
		return "", fmt.Errorf("the file is empty: %w", err)
	}
	fields, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")))).Read()
	if err != nil {
		return "", fmt.Errorf("read the names of the columns: %w", err)
	}
	var names []string
	for _, n := range fields {
		names = append(names, pgx.Identifier{n}.Sanitize())
	}
	return " (" + strings.Join(names, ", ") + ")", nil
}

// pieceBytes is about how much of an NDJSON file is one push: large enough for the speed, small enough for a server
// with little memory.
const pieceBytes = 8 << 20

// push sends the file over HTTP in pieces of whole lines, and tells how many rows were stored now and how many were
// known from an earlier run.
func (c *loadCommand) push(ctx context.Context, in io.Reader) (stored, known int64, err error) {
	buf := bufio.NewReaderSize(in, 1<<20)
	for n := 0; ; n++ {
		piece, err := readPiece(buf)
		if err != nil || len(piece) == 0 {
			return stored, known, err
		}
		a, err := c.pushPiece(ctx, n, piece)
		switch {
		case err != nil:
			return stored, known, fmt.Errorf("after %d rows: %w", stored+known, err)
		case a.Duplicate:
			known += a.Stored
		default:
			stored += a.Stored
		}
	}
}

// pushed is the server's answer to a push.
type pushed struct {
	Stored    int64
	Duplicate bool
}

func readPiece(in *bufio.Reader) ([]byte, error) {
	piece := make([]byte, pieceBytes, pieceBytes+64<<10)
	n, err := io.ReadFull(in, piece)
	piece = piece[:n]
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return piece, nil
	}
	if err != nil {
		return nil, err
	}
	rest, err := in.ReadBytes('\n')
	if err != nil && err != io.EOF {
		return nil, err
	}
	return append(piece, rest...), nil
}

// pushPiece sends one piece, again while the server has no room for it.
func (c *loadCommand) pushPiece(ctx context.Context, n int, piece []byte) (answer pushed, err error) {
	base := c.HTTP
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	target := base + "/v1/tables/" + url.PathEscape(c.Table) + "/rows"
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(piece))
		if err != nil {
			return answer, err
		}
		r.Header.Set("Content-Type", "application/x-ndjson")
		r.Header.Set("Idempotency-Key", fmt.Sprintf("load/%d/%x", n, sha256.Sum256(piece)))
		if p := os.Getenv("SILTSTONE_PASSWORD"); p != "" {
			r.SetBasicAuth(c.User, p)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			return answer, err
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		resp.Body.Close()
		if err != nil {
			return answer, err
		}
		switch resp.StatusCode {
		case http.StatusOK:
			err := json.Unmarshal(body, &answer)
			return answer, err
		case http.StatusTooManyRequests:
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return answer, ctx.Err()
			}
		default:
			return answer, fmt.Errorf("%s: %s", resp.Status, bytes.TrimSpace(body))
		}
	}
}
