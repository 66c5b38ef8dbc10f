package errs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
)

func TestNew(t *testing.T) {
	e := errs.New(errs.UndefinedColumn, "column %q does not exist", "a").
		WithDetail("There are %d.", 3).WithHint("Did you mean %q?", "b").WithContext("COPY %s", "t").At(7).At(9)
	if e.Code != "42703" || e.Error() != `column "a" does not exist` || e.Detail != "There are 3." ||
		e.Hint != `Did you mean "b"?` || e.Context != "COPY t" || e.Position != 7 {
		t.Errorf("%+v", e)
	}
	if e.Unwrap() != nil {
		t.Error("a cause out of nothing")
	}
	if e := errs.New(errs.IOError, "read: %w", io.ErrUnexpectedEOF); !errors.Is(e, io.ErrUnexpectedEOF) || e.Message != "read: unexpected EOF" {
		t.Errorf("%+v", e)
	}
}

func TestShortForms(t *testing.T) {
	for _, c := range []struct {
		err     *errs.Error
		code    errs.Code
		message string
	}{
		{errs.Unsupported("%s in %s", "A", "B"), "0A000", "A in B is not supported yet"},
		{errs.Corrupt("block %d", 1), "XX001", "block 1"},
		{errs.Internal("no %s", "x"), "XX000", "no x"},
	} {
		if c.err.Code != c.code || c.err.Message != c.message {
			t.Errorf("%+v", c.err)
		}
	}
}

func TestFrom(t *testing.T) {
	inner := errs.New(errs.DivisionByZero, "division by zero")
	for _, c := range []struct {
		err  error
		code errs.Code
	}{
		{inner, "22012"},
		{fmt.Errorf("row 3: %w", fmt.Errorf("column a: %w", inner)), "22012"},
		{errors.Join(io.EOF, inner), "22012"},
		{context.Canceled, "57014"},
		{fmt.Errorf("scan: %w", context.DeadlineExceeded), "57014"},
		{io.EOF, "XX000"},
	} {
		if got := errs.From(c.err); got.Code != c.code {
			t.Errorf("%v: got %s, want %s", c.err, got.Code, c.code)
		} else if !errors.Is(got, c.err) && got != inner {
			t.Errorf("%v: the cause is lost", c.err)
		}
	}
	if errs.From(nil) != nil {
		t.Error("nil has an error")
	}
	if !errs.Is(fmt.Errorf("x: %w", inner), errs.DivisionByZero) || errs.Is(inner, errs.IOError) || errs.Is(nil, errs.IOError) {
		t.Error("Is")
	}
}

// TestCodes checks that every code is a SQLSTATE and that no two names share one.
func TestCodes(t *testing.T) {
	source, err := os.ReadFile("codes.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	codes := regexp.MustCompile(`(\w+) +Code = "(.*)"`).FindAllStringSubmatch(string(source), -1)
	for _, m := range codes {
		if !regexp.MustCompile(`^[0-9A-Z]{5}$`).MatchString(m[2]) {
			t.Errorf("%s is %q", m[1], m[2])
		}
		if other := seen[m[2]]; other != "" {
			t.Errorf("%s and %s are both %s", m[1], other, m[2])
		}
		seen[m[2]] = m[1]
	}
	if len(codes) < 80 {
		t.Errorf("found %d codes", len(codes))
	}
}
