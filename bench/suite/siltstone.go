package suite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Siltstone is the database of this repository, over its PostgreSQL wire.
type Siltstone struct {
	server *Server // nil when the server is somebody else's
	conn   *pgx.Conn
}

// ConnString returns the address of a server as drivers want it.
func ConnString(address string) string { return "postgres://siltstone@" + address + "/siltstone" }

// Connect opens a connection to the server at address. server may be nil.
func Connect(ctx context.Context, address string, server *Server) (*Siltstone, error) {
	conn, err := pgx.Connect(ctx, ConnString(address))
	if err != nil {
		return nil, err
	}
	return &Siltstone{server: server, conn: conn}, nil
}

// Name returns "siltstone".
func (s *Siltstone) Name() string { return "siltstone" }

// Version returns the commit that the server's program was built from, and for a server of somebody else what it reports
// at start-up, which is PostgreSQL's version.
func (s *Siltstone) Version() string {
	if s.server != nil && s.server.program != "" {
		return Commit()
	}
	return "server_version " + s.conn.PgConn().ParameterStatus("server_version")
}

// Restart implements Restarter. A server of somebody else is not restarted.
func (s *Siltstone) Restart(ctx context.Context) error {
	if s.server == nil {
		return errors.New("the server is not the benchmark's own")
	}
	if err := s.conn.Close(ctx); err != nil {
		return err
	}
	if err := s.server.Restart(ctx); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, ConnString(s.server.PG))
	if err == nil {
		s.conn = conn
	}
	return err
}

// Reckoned implements Reckoner.
func (s *Siltstone) Reckoned(ctx context.Context, on bool) error {
	return s.Exec(ctx, fmt.Sprintf("SET siltstone.cache = %t", on))
}

// Load creates the tables, copies the files one after the other, and seals.
func (s *Siltstone) Load(ctx context.Context, w *Workload) (LoadResult, error) {
	pg := s.conn.PgConn()
	for _, t := range w.Tables {
		if _, err := pg.Exec(ctx, t.Schema).ReadAll(); err != nil {
			return LoadResult{}, err
		}
	}
	start := time.Now()
	for _, t := range w.Tables {
		for _, f := range t.Files {
			if err := CopyFile(ctx, pg, t.Name, f); err != nil {
				return LoadResult{}, err
			}
		}
	}
	if _, err := pg.Exec(ctx, "CHECKPOINT").ReadAll(); err != nil {
		return LoadResult{}, err
	}
	r := LoadResult{Elapsed: time.Since(start)}
	if s.server != nil {
		r.DiskBytes = DiskBytes(s.server.Dir) // the log included
	}
	return r, nil
}

// CopyFile loads one CSV file.
func CopyFile(ctx context.Context, pg *pgconn.PgConn, table, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return Copy(ctx, pg, table, f)
}

// Copy loads CSV from a reader.
func Copy(ctx context.Context, pg *pgconn.PgConn, table string, r io.Reader) error {
	_, err := pg.CopyFrom(ctx, r, fmt.Sprintf("COPY %s FROM STDIN (FORMAT csv)", table))
	return err
}

// Exec runs statements without an answer.
func (s *Siltstone) Exec(ctx context.Context, sql string) error {
	_, err := s.conn.PgConn().Exec(ctx, sql).ReadAll()
	return err
}

// Query runs one query by the simple protocol, in text.
func (s *Siltstone) Query(ctx context.Context, sql string) (Answer, time.Duration, error) {
	start := time.Now()
	results, err := s.conn.PgConn().Exec(ctx, sql).ReadAll()
	elapsed := time.Since(start)
	if err != nil {
		return nil, 0, err
	}
	var answer Answer
	for _, r := range results {
		for _, row := range r.Rows {
			fields := make([]string, len(row))
			for i, f := range row {
				if fields[i] = string(f); f == nil {
					fields[i] = Null
				}
			}
			answer = append(answer, fields)
		}
	}
	return answer, elapsed, nil
}

// Memory returns the server's highest resident bytes.
func (s *Siltstone) Memory() int64 {
	if s.server == nil {
		return 0
	}
	_, peak := s.server.Memory()
	return peak
}

// Close ends the connection, and the server when it is the benchmark's own.
func (s *Siltstone) Close() error {
	err := s.conn.Close(context.Background())
	if s.server != nil {
		if e := s.server.Stop(); err == nil {
			err = e
		}
	}
	return err
}

// CopyBytes loads CSV lines that are in memory.
func (s *Siltstone) CopyBytes(ctx context.Context, table string, data []byte) error {
	return Copy(ctx, s.conn.PgConn(), table, bytes.NewReader(data))
}
