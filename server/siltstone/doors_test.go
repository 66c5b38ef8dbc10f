package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// doorTypes are the types of columns, and doorTexts what comes for each of them: values, limits, and what is none. A nil is
// NULL.
var doorTypes = []string{
	"boolean", "smallint", "integer", "bigint", "real", "double precision", "numeric", "numeric(5,2)", "numeric(18,6)", "numeric(30,5)",
	"text", "varchar(3)", "char(3)", "bytea", "date", "time", "timestamp", "timestamptz", "interval", "uuid",
}

func doorTexts() []*string {
	texts := []string{
		"", " ", "  abc ", "0", "-0", "+1", "1", "-1", " 7 ", "1.5", "1e3", "1.005", "999.994", "999.995", "-999.995", "1_000", "0x10", "12345.678",
		"127", "32767", "32768", "-32768", "-32769", "2147483647", "2147483648", "-2147483648", "9223372036854775807", "9223372036854775808",
		"-9223372036854775808", "99999999999999999999999999999999", "1e38", "3.4028236e38", "1e-46", "1.7976931348623157e308", "1e309", "1e-400", "NaN", "nan",
		"Infinity", "-inf", "t", "TRUE", "of", "o", "yes", "null", "NULL", `\N`, `\.`, `\x00ff`, `\x0`, `\xzz`, `\134`, `a\b`, `a"b`, `a'b`, "a,b", "a\tb", "a\nb", "a\r\nb",
		`"`, `""`, "é", "漢字", "😀😀😀", "abc", "abcd", "abc   ", "abcd ", "a  ", strings.Repeat("x", 70000),
		"2024-02-29", "2023-02-29", "0001-01-01 BC", "4714-11-23 BC", "infinity", "-infinity", "2024-01-01 24:00:00", "24:00:00", "24:00:01", "12:34:56.1234567",
		"2024-01-31 12:00:00+02", "2024-01-31T12:00:00Z", "2024-13-01", "1/2/2024", "294276-12-31 23:59:59.999999", "294277-01-01", "epoch", "now-ish",
		"1 year 2 mons -3 days 04:05:06.7", "P1Y2M", "1 fortnight", "@ 1 hour ago", "100000000000 years",
		"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}", "a0eebc99-9c0b-4ef8-bb6d", "{1,2}", "[1]", `{"k": 1}`,
	}
	all := []*string{nil}
	for i := range texts {
		all = append(all, &texts[i])
	}
	return all
}

// door brings rows {id, v} into a table, those that it refuses into the reject table.
type door struct {
	name string
	push func(t *testing.T, s *badServer, table string, texts []*string)
}

var doors = []door{
	{"copy_text", copyDoor("", func(b *bytes.Buffer, id int, v *string) {
		text := `\N`
		if v != nil {
			text = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`).Replace(*v)
		}
		fmt.Fprintf(b, "%d\t%s\n", id, text)
	})},
	{"copy_csv", copyDoor(", FORMAT csv", csvRow)},
	{"copy_list", copyDoor(", FORMAT csv", csvRow)}, // a column list in the other order
	{"ndjson", httpDoor("application/x-ndjson", "", jsonRow, "\n", "")},
	{"array", httpDoor("application/json", "[", jsonRow, ",", "]")},
	{"csv", httpDoor("text/csv", "id,v\n", func(b *bytes.Buffer, id int, v *string) { csvRow(b, id, v) }, "", "")},
	{"csv_other", httpDoor("text/csv", "v,id\n", csvOther, "", "")},
}

func csvField(v *string) string {
	if v == nil {
		return ""
	}
	return `"` + strings.ReplaceAll(*v, `"`, `""`) + `"`
}

func csvRow(b *bytes.Buffer, id int, v *string)   { fmt.Fprintf(b, "%d,%s\n", id, csvField(v)) }
func csvOther(b *bytes.Buffer, id int, v *string) { fmt.Fprintf(b, "%s,%d\n", csvField(v), id) }

func jsonRow(b *bytes.Buffer, id int, v *string) {
	text, _ := json.Marshal(v)
	fmt.Fprintf(b, `{"v":%s,"id":%d}`, text, id)
}

func copyDoor(options string, row func(b *bytes.Buffer, id int, v *string)) func(t *testing.T, s *badServer, table string, texts []*string) {
	return func(t *testing.T, s *badServer, table string, texts []*string) {
		t.Helper()
		columns := "(id, v)"
		if strings.HasPrefix(table, "copy_list") {
			columns, row = "(v, id)", csvOther
		}
		var b bytes.Buffer
		for id, v := range texts {
			row(&b, id, v)
		}
		if _, err := s.c.PgConn().CopyFrom(context.Background(), &b, fmt.Sprintf("COPY %s %s FROM STDIN (ON_ERROR reject%s)", table, columns, options)); err != nil {
			t.Fatalf("%s: %v", table, err)
		}
	}
}

func httpDoor(media, head string, row func(b *bytes.Buffer, id int, v *string), between, tail string) func(t *testing.T, s *badServer, table string, texts []*string) {
	return func(t *testing.T, s *badServer, table string, texts []*string) {
		t.Helper()
		var b bytes.Buffer
		b.WriteString(head)
		for id, v := range texts {
			if id > 0 {
				b.WriteString(between)
			}
			row(&b, id, v)
		}
		b.WriteString(tail)
		r, err := http.Post(s.http+"/v1/tables/"+table+"/rows?errors=reject", media, &b)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		if body, _ := io.ReadAll(r.Body); r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", table, body)
		}
	}
}

// TestDoorsAgree sends the same rows of each type through every door: what is stored is the same, and what is refused is
// refused with the same words. INSERT is the one that the others are held against.
func TestDoorsAgree(t *testing.T) {
	s := newBadServer(t)
	ctx := context.Background()
	texts := doorTexts()
	for k, typ := range doorTypes {
		insert := fmt.Sprintf("insert_%d", k)
		mustExec(t, s.c, fmt.Sprintf("CREATE TABLE %s (id integer, v %s)", insert, typ))
		refused := map[int]string{}
		for id, v := range texts {
			literal := "NULL"
			if v != nil {
				literal = "'" + strings.ReplaceAll(*v, "'", "''") + "'"
			}
			if _, err := s.c.Exec(ctx, fmt.Sprintf("INSERT INTO %s VALUES (%d, %s)", insert, id, literal), pgx.QueryExecModeSimpleProtocol); err != nil {
				refused[id] = reasonOf(err)
			}
			result := s.c.PgConn().ExecParams(ctx, "INSERT INTO "+insert+" VALUES ($1 + 1000, $2)", [][]byte{fmt.Append(nil, id), bytesOf(v)}, nil, nil, nil).Read()
			if got := reasonOf(result.Err); got != refused[id] {
				t.Errorf("%s: %s as a parameter: %s, as a literal: %s", typ, shown(v), got, refused[id])
			}
		}
		want := rowsOf(t, s, insert)
		mustExec(t, s.c, "DELETE FROM "+insert+" WHERE id >= 1000")
		for id, r := range rowsOf(t, s, insert) {
			if want[id+1000] != r {
				t.Errorf("%s: %s is %s as a literal and %s as a parameter", typ, shown(texts[id]), r, want[id+1000])
			}
			delete(want, id+1000)
		}
		for _, d := range doors {
			name := fmt.Sprintf("%s_%d", d.name, k)
			mustExec(t, s.c, fmt.Sprintf("CREATE TABLE %s (id integer, v %s)", name, typ))
			d.push(t, s, name, texts)
			got, bad := rowsOf(t, s, name), rejectsOf(t, s, name, strings.HasPrefix(d.name, "copy"), texts)
			for id, v := range texts {
				if got[id] != want[id] || bad[id] != refused[id] {
					t.Errorf("%s, %s by %s: stored %q, refused %q; INSERT stored %q, refused %q", typ, shown(v), d.name, got[id], bad[id], want[id], refused[id])
				}
			}
		}
		copyBinary(t, s, insert, want)
	}
}

func bytesOf(v *string) []byte {
	if v == nil {
		return nil
	}
	return []byte(*v)
}

func shown(v *string) string {
	if v == nil {
		return "NULL"
	}
	return fmt.Sprintf("%.40q", *v)
}

// reasonOf says why a row was refused; "" for nil.
func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return err.Error()
	}
	if e.Detail != "" {
		return e.Code + " " + e.Message + ": " + e.Detail
	}
	return e.Code + " " + e.Message
}

// rowsOf returns the values of a table by id.
func rowsOf(t *testing.T, s *badServer, table string) map[int]string {
	t.Helper()
	rows, err := s.c.Query(context.Background(), "SELECT id, coalesce('<' || v::text || '>' || length(v::text), 'NULL') FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	m := map[int]string{}
	for rows.Next() {
		var id int
		var v string
		if err := rows.Scan(&id, &v); err != nil {
			t.Fatal(err)
		}
		if _, twice := m[id]; twice {
			t.Errorf("%s: row %d is there twice", table, id)
		}
		m[id] = v
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", table, err)
	}
	return m
}

// rejectsOf returns the reasons of the reject table by the id in the row as it came.
func rejectsOf(t *testing.T, s *badServer, table string, lines bool, texts []*string) map[int]string {
	t.Helper()
	m := map[int]string{}
	rows, err := s.c.Query(context.Background(), "SELECT position::int, column_name, sqlstate || ' ' || reason, raw FROM "+table+"_rejects")
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) && e.Code == "42P01" {
		return m // nothing was rejected
	}
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var at int
		var column, reason string
		var raw []byte
		if err := rows.Scan(&at, &column, &reason, &raw); err != nil {
			t.Fatal(err)
		}
		if lines { // lines in quoted values count, once line ends are known
			at = idOf(raw)
		}
		if column != "v" || !utf8.Valid(raw) || idOf(raw) != at || m[at] != "" || at >= len(texts) {
			t.Errorf("%s: row %d, column %s: %s: %.50q", table, at, column, reason, raw)
		}
		m[at] = reason
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return m
}

// idOf finds the id in a row of any of the forms: the number at its start or its end.
func idOf(raw []byte) int {
	text := strings.TrimSuffix(string(raw), "}")
	var id int
	if _, err := fmt.Sscanf(text, "%d", &id); err == nil {
		return id
	}
	if _, err := fmt.Sscanf(text[strings.LastIndexAny(text, ",:")+1:], "%d", &id); err == nil {
		return id
	}
	return -1
}

// copyBinary takes a table out in the binary form and in again.
func copyBinary(t *testing.T, s *badServer, from string, want map[int]string) {
	t.Helper()
	ctx := context.Background()
	var b bytes.Buffer
	if _, err := s.c.PgConn().CopyTo(ctx, &b, "COPY "+from+" TO STDOUT (FORMAT binary)"); err != nil {
		t.Fatal(err)
	}
	mustExec(t, s.c, "CREATE TABLE binary_"+from+" AS SELECT * FROM "+from+" WITH NO DATA")
	if _, err := s.c.PgConn().CopyFrom(ctx, &b, "COPY binary_"+from+" FROM STDIN (FORMAT binary)"); err != nil {
		t.Errorf("%s in binary form: %v", from, err)
	}
	got := rowsOf(t, s, "binary_"+from)
	for id := range want {
		if got[id] != want[id] {
			t.Errorf("%s, row %d in binary form: %s, want %s", from, id, got[id], want[id])
		}
	}
}

// TestDoorsConstraints: NOT NULL, CHECK and defaults are the same at every door, for rows that lack columns, too.
func TestDoorsConstraints(t *testing.T) {
	s := newBadServer(t)
	ctx := context.Background()
	values := []string{"NULL", "1", "2", "0", "40", "''", "'abc'", "'abcd'", "'x'"}
	for _, columns := range [][]string{{"id", "v", "n"}, {"n", "id"}, {"v", "id"}, {"id"}, {"n", "v"}} {
		want := ""
		for _, d := range []string{"insert", "copy", "ndjson", "csv"} {
			name := fmt.Sprintf("%s_%s", d, strings.Join(columns, "_"))
			mustExec(t, s.c, fmt.Sprintf(`CREATE TABLE %s (id integer NOT NULL, v varchar(3) NOT NULL DEFAULT 'd', n integer DEFAULT 3,
				r float8 NOT NULL DEFAULT random(), at timestamptz DEFAULT now(), also timestamptz DEFAULT now(),
				CONSTRAINT b CHECK (100 / n > 2), CONSTRAINT a CHECK (v <> 'x'))`, name))
			refused := ""
			var rows [][]string // every combination of values
			for i := 0; i < pow(len(values), len(columns)); i++ {
				var row []string
				for k, at := 0, i; k < len(columns); k, at = k+1, at/len(values) {
					row = append(row, values[at%len(values)])
				}
				if unfit(columns, row) < 2 { // INSERT looks at literals first, and then at lengths
					rows = append(rows, row)
				}
			}
			if d == "insert" {
				for i, row := range rows {
					_, err := s.c.Exec(ctx, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", name, strings.Join(columns, ", "), strings.Join(row, ", ")), pgx.QueryExecModeSimpleProtocol)
					if err != nil {
						refused += fmt.Sprintf("%d %s\n", i, strings.Split(reasonOf(err), ": Failing row")[0])
					}
				}
			} else {
				sendRows(t, s, d, name, columns, rows)
				refused = constraintRejects(t, s, name, d == "copy")
			}
			got := strings.ReplaceAll(refused, name, "t") + storedRows(t, s, name, d != "insert")
			if d == "insert" {
				want = got
				continue
			}
			gets, wants := strings.Split(got, "\n"), strings.Split(want, "\n")
			for i := range max(len(gets), len(wants)) {
				if i >= len(gets) || i >= len(wants) || gets[i] != wants[i] {
					t.Fatalf("%v by %s: got %q, want %q", columns, d, gets[min(i, len(gets)):min(i+3, len(gets))], wants[min(i, len(wants)):min(i+3, len(wants))])
				}
			}
		}
	}
}

// unfit returns how many values of a row are none of their types.
func unfit(columns, row []string) (n int) {
	for k, v := range row {
		if v == "'abcd'" || columns[k] != "v" && strings.HasPrefix(v, "'") {
			n++
		}
	}
	return n
}

func pow(n, k int) int {
	p := 1
	for range k {
		p *= n
	}
	return p
}

// sendRows sends rows of SQL literals through a door.
func sendRows(t *testing.T, s *badServer, door, table string, columns []string, rows [][]string) {
	t.Helper()
	var b bytes.Buffer
	if door == "csv" {
		b.WriteString(strings.Join(columns, ",") + "\n")
	}
	for _, row := range rows {
		for k, v := range row {
			text := new(string)
			if *text = strings.Trim(v, "'"); v == "NULL" {
				text = nil
			}
			switch j, _ := json.Marshal(text); {
			case door == "ndjson":
				fmt.Fprintf(&b, `%s"%s":%s%s`, map[bool]string{true: "{", false: ","}[k == 0], columns[k], j, map[bool]string{true: "}"}[k == len(row)-1])
			case k > 0:
				b.WriteString(",")
				fallthrough
			default:
				b.WriteString(csvField(text))
			}
		}
		b.WriteString("\n")
	}
	if door == "copy" {
		if _, err := s.c.PgConn().CopyFrom(context.Background(), &b, fmt.Sprintf("COPY %s (%s) FROM STDIN (FORMAT csv, ON_ERROR reject)", table, strings.Join(columns, ", "))); err != nil {
			t.Fatal(err)
		}
		return
	}
	r, err := http.Post(s.http+"/v1/tables/"+table+"/rows?errors=reject", map[string]string{"csv": "text/csv", "ndjson": "application/x-ndjson"}[door], &b)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if body, _ := io.ReadAll(r.Body); r.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", table, body)
	}
}

// constraintRejects returns the reasons by the index of rows.
func constraintRejects(t *testing.T, s *badServer, table string, lines bool) (all string) {
	t.Helper()
	rows, err := s.c.Query(context.Background(), "SELECT position::int, sqlstate || ' ' || split_part(reason, ': Failing row', 1) FROM "+table+"_rejects ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var at int
		var reason string
		if err := rows.Scan(&at, &reason); err != nil {
			t.Fatal(err)
		}
		if lines {
			at--
		}
		all += fmt.Sprintf("%d %s\n", at, reason)
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return all
}

// storedRows returns the rows of a table; each has its own r, and all that one statement has brought have the same time.
func storedRows(t *testing.T, s *badServer, table string, once bool) (all string) {
	t.Helper()
	var n, own, times, same int
	err := s.c.QueryRow(context.Background(), "SELECT count(*), count(DISTINCT r), count(DISTINCT at), count(*) FILTER (WHERE at = also) FROM "+table).Scan(&n, &own, &times, &same)
	if err != nil || own != n || same != n || once && n > 0 && times != 1 {
		t.Errorf("%s: %d rows, %d values of random(), %d times, %d equal: %v", table, n, own, times, same, err)
	}
	rows, err := s.c.Query(context.Background(), "SELECT concat_ws('|', id, v, coalesce(n, -1)) FROM "+table+" ORDER BY 1")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		all += row + "\n"
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return all
}
