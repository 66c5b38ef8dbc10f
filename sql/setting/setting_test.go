package setting

import (
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
)

func testValues(t *testing.T) *Values {
	d, err := NewDefaults(nil)
	if err != nil {
		t.Fatal(err)
	}
	return New(d)
}

// Values and errors are PostgreSQL 15's.
func TestSet(t *testing.T) {
	cases := []struct{ name, value, shown, code, message string }{
		{"statement_timeout", "90s", "90s", "", ""},
		{"statement_timeout", "1.5min", "90s", "", ""},
		{"statement_timeout", "120000", "2min", "", ""},
		{"statement_timeout", "-1", "", "22023", `-1 ms is outside the valid range for parameter "statement_timeout" (0 .. 2147483647)`},
		{"statement_timeout", "5 parsecs", "", "22023", `invalid value for parameter "statement_timeout": "5 parsecs"`},
		{"statement_timeout", "abc", "", "22023", `invalid value for parameter "statement_timeout": "abc"`},
		{"work_mem", "1GB", "1GB", "", ""},
		{"work_mem", "1", "", "22023", `1 kB is outside the valid range for parameter "work_mem" (64 .. 2147483647)`},
		{"extra_float_digits", "3", "3", "", ""},
		{"extra_float_digits", "9", "", "22023", `9 is outside the valid range for parameter "extra_float_digits" (-15 .. 3)`},
		{"array_nulls", "tr", "on", "", ""},
		{"array_nulls", "of", "off", "", ""},
		{"array_nulls", "o", "", "22023", `parameter "array_nulls" requires a Boolean value`},
		{"client_min_messages", "WARNING", "warning", "", ""},
		{"client_min_messages", "loud", "", "22023", `invalid value for parameter "client_min_messages": "loud"`},
		{"server_version", "1", "", "55P02", `parameter "server_version" cannot be changed`},
		{"max_connections", "5", "", "55P02", `parameter "max_connections" cannot be changed without restarting the server`},
		{"foo", "1", "", "42704", `unrecognized configuration parameter "foo"`},
		{"foo.bar", "1", "1", "", ""},
		{"foo.", "1", "", "42602", `invalid configuration parameter name "foo."`},
		{"siltstone.nope", "1", "", "42602", `invalid configuration parameter name "siltstone.nope"`},
		{"datestyle", "iso, us", "ISO, MDY", "", ""},
		{"datestyle", "dmy", "ISO, DMY", "", ""},
		{"extra_float_digits", "0", "0", "", ""},
		{"timezone", "+02:00", "+02:00", "", ""},
		{"timezone", "-3.5", "-3.5", "", ""},
		{"datestyle", "foo", "", "22023", `invalid value for parameter "DateStyle": "foo"`},
		{"datestyle", "German", "", "0A000", `DateStyle GERMAN is not supported yet`},
		{"timezone", "europe/berlin", "Europe/Berlin", "", ""},
		{"timezone", "Mars/Olympus", "", "22023", `invalid value for parameter "TimeZone": "Mars/Olympus"`},
		{"client_encoding", "utf-8", "UTF8", "", ""},
		{"client_encoding", "foo", "", "22023", `invalid value for parameter "client_encoding": "foo"`},
	}
	for _, c := range cases {
		s := testValues(t)
		err := s.Set(c.name, c.value, false)
		if c.code != "" {
			if e := errs.From(err); e == nil || string(e.Code) != c.code || e.Message != c.message {
				t.Errorf("SET %s = %s: %v, want %s %s", c.name, c.value, err, c.code, c.message)
			}
			continue
		}
		if err != nil {
			t.Errorf("SET %s = %s: %v", c.name, c.value, err)
		}
		if v, _ := s.Get(c.name); v != c.shown {
			t.Errorf("SET %s = %s shows %q, want %q", c.name, c.value, v, c.shown)
		}
	}
}

func TestSettingsTransaction(t *testing.T) {
	s := testValues(t)
	set := func(v string, local bool) {
		t.Helper()
		if err := s.Set("application_name", v, local); err != nil {
			t.Fatal(err)
		}
	}
	want := func(v string) {
		t.Helper()
		if got, _ := s.Get("application_name"); got != v {
			t.Errorf("application_name is %q, want %q", got, v)
		}
	}
	set("a", false)
	s.Commit()
	want("a")
	set("b", false)
	mark := s.Mark()
	set("c", true)
	want("c")
	s.Rollback(mark)
	want("b")
	s.Rollback(0)
	want("a")
	set("local", true)
	s.Commit()
	want("a")
	set("x", false)
	set("local", true)
	s.Commit()
	want("x")
	set("local", true)
	set("y", false)
	s.Commit()
	want("y")
}
