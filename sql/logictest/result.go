package logictest

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/types"
)

// value prints a value as expected answers have it: booleans as words, NULL, and (empty).
func value(d types.Datum, text string) string {
	switch {
	case d.Null:
		return "NULL"
	case d.Type.Kind == types.Bool:
		return strconv.FormatBool(d.I != 0)
	case text == "":
		return "(empty)"
	}
	return text
}

// sqliteValue prints a value as the files of SQLite's corpus have it, by the letter of its column.
func sqliteValue(letter byte, d types.Datum, text string) string {
	if d.Null {
		return "NULL"
	}
	switch letter {
	case 'I':
		if d.Type.Kind == types.Bool {
			return strconv.FormatInt(d.I, 10)
		}
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			if i, err := strconv.ParseInt(text, 10, 64); err == nil {
				return strconv.FormatInt(i, 10)
			}
			return strconv.FormatInt(int64(f), 10)
		}
		return "0"
	case 'R':
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return text
		}
		return fmt.Sprintf("%.3f", f)
	}
	if text == "" {
		return "(empty)"
	}
	b := []byte(text)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '@'
		}
	}
	return string(b)
}

// compare returns what is wrong with the rows of an answer, or "".
func (r *record) compare(rows [][]string, sqlite, blanks bool) string {
	sorting := "nosort"
	if len(r.args) > 1 {
		sorting = r.args[1]
	}
	if sqlite {
		return r.compareValues(rows, sorting)
	}
	return r.compareRows(rows, sorting, blanks)
}

// compareValues compares value by value, or by hash.
func (r *record) compareValues(rows [][]string, sorting string) string {
	if sorting == "rowsort" {
		slices.SortFunc(rows, func(a, b []string) int { return slices.Compare(a, b) })
	}
	var got []string
	for _, row := range rows {
		got = append(got, row...)
	}
	if sorting == "valuesort" {
		slices.Sort(got)
	}
	if len(r.expected) == 1 && strings.Contains(r.expected[0], " values hashing to ") {
		h := md5.New()
		for _, v := range got {
			h.Write([]byte(v + "\n"))
		}
		line := fmt.Sprintf("%d values hashing to %s", len(got), hex.EncodeToString(h.Sum(nil)))
		if line != r.expected[0] {
			return fmt.Sprintf("got %s, want %s", line, r.expected[0])
		}
		return ""
	}
	if !slices.Equal(got, r.expected) {
		return fmt.Sprintf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(r.expected, "\n"))
	}
	return ""
}

// compareRows compares line by line; numbers by their value.
func (r *record) compareRows(rows [][]string, sorting string, blanks bool) string {
	var got []string
	for _, row := range rows {
		got = append(got, strings.Join(row, "\t"))
	}
	want := slices.Clone(r.expected)
	if sorting == "rowsort" || sorting == "nosort" && blanks && !strings.Contains(strings.ToLower(r.sql), "order by") {
		split := func(s string) string { return strings.Join(strings.Fields(s), " ") }
		byText := func(a, b string) int { return strings.Compare(split(a), split(b)) }
		slices.SortFunc(got, byText)
		slices.SortFunc(want, byText)
	}
	if sorting == "valuesort" {
		got, want = values(got), values(want)
	}
	same := len(got) == len(want)
	for i := 0; same && i < len(got); i++ {
		same = equalLine(got[i], want[i], blanks)
	}
	if !same {
		return fmt.Sprintf("got %d rows\n%s\nwant %d\n%s", len(got), cut(got), len(want), cut(want))
	}
	return ""
}

func cut(lines []string) string {
	if len(lines) > 20 {
		lines = append(slices.Clone(lines[:20]), "...")
	}
	return strings.Join(lines, "\n")
}

func values(lines []string) []string {
	var all []string
	for _, l := range lines {
		all = append(all, strings.Split(l, "\t")...)
	}
	slices.Sort(all)
	return all
}

func equalLine(got, want string, blanks bool) bool {
	split := func(s string) []string { return strings.Split(s, "\t") }
	if blanks {
		split = strings.Fields
	}
	g, w := split(got), split(want)
	if len(g) != len(w) {
		return false
	}
	for i := range g {
		if !equalValue(g[i], w[i]) {
			return false
		}
	}
	return true
}

// equalValue compares numbers to nine digits, since engines carry different numbers of digits in averages.
func equalValue(got, want string) bool {
	if got == want {
		return true
	}
	if !strings.ContainsAny(got+want, ".eE") {
		return false
	}
	g, err1 := strconv.ParseFloat(got, 64)
	w, err2 := strconv.ParseFloat(want, 64)
	return err1 == nil && err2 == nil && math.Abs(g-w) <= 1e-9*math.Max(math.Abs(g), math.Abs(w))
}
