package catalog

import (
	"testing"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// TestOptions: what each option takes and prints, and values that say nothing.
func TestOptions(t *testing.T) {
	for _, c := range []struct {
		option, value, want string // "": refused
	}{
		{"seal_age", "90 s", "90s"}, {"seal_age", "1 day", "1d"}, {"Seal_Age", "100000d", "100000d"}, {"seal_age", "2147483647d", ""},
		{"seal_age", "99999999999999999999 s", ""}, {"seal_age", "0s", ""}, {"seal_age", "-1h", ""}, {"seal_age", "1 fortnight", ""},
		{"seal_age", "", ""}, {"seal_rows", "1", "1"}, {"seal_rows", "0", ""}, {"seal_rows", "16777217", ""}, {"seal_rows", "", ""},
		{"seal_bytes", "1024 kB", "1MB"}, {"seal_bytes", "9999999999GB", ""}, {"seal_bytes", "-1", ""}, {"seal_bytes", "", ""},
		{"sort_key", " b ,a, b", "b, a"}, {"seal", "1", ""},
		{"partition", "Day", "day"}, {"partition", " month ", "month"}, {"partition", "1000", "1000"}, {"partition", "0", ""}, {"partition", "-1", ""},
		{"partition", "dya", ""}, {"partition", "", ""}, {"partition", "99999999999999999999", ""},
		{"retain", "400 days", "400d"}, {"retain", "1 second", "1s"}, {"retain", "0 s", ""}, {"retain", "400", ""}, {"retain", "-1 day", ""},
		{"retain", "100000 days", "100000d"}, {"retain", "1 year", ""}, {"retain", "", ""},
	} {
		tab := NewTable("public", "t", Column{Name: "a", Type: types.T(types.Int4)}, Column{Name: "b", Type: types.T(types.Text)})
		err := tab.Set(Option{c.option, c.value})
		if c.want == "" {
			if !errs.Is(err, errs.InvalidParameterValue) || len(tab.Settings()) > 0 {
				t.Errorf("%s = %q: %v", c.option, c.value, err)
			}
			continue
		}
		got := tab.Settings()
		if err != nil || len(got) != 1 || got[0].Value != c.want {
			t.Errorf("%s = %q: %v, %v", c.option, c.value, got, err)
			continue
		}
		again := tab.clone().(*Table)
		if err := again.Set(got[0]); err != nil || again.Settings()[0] != got[0] {
			t.Errorf("%s = %q reads back as %v, %v", got[0].Name, got[0].Value, again.Settings(), err)
		}
		if err := tab.Reset(c.option); err != nil || len(tab.Settings()) > 0 {
			t.Errorf("reset of %s: %v", c.option, err)
		}
	}
	tab := NewTable("public", "t", Column{Name: "a", Type: types.T(types.Int4)})
	for name, code := range map[string]errs.Code{"fillfactor": errs.FeatureNotSupported, "autovacuum_enabled": errs.FeatureNotSupported,
		"toast.fillfactor": errs.FeatureNotSupported, "sort_kye": errs.InvalidParameterValue} {
		if err := tab.Set(Option{name, "1"}); !errs.Is(err, code) {
			t.Errorf("%s: %v, want %s", name, err, code)
		}
		if err := tab.Reset(name); !errs.Is(err, code) {
			t.Errorf("reset of %s: %v, want %s", name, err, code)
		}
	}
	if err := tab.Set(Option{"sort_key", "b"}); !errs.Is(err, errs.UndefinedColumn) {
		t.Errorf("unknown column: %v", err)
	}
	if e := errs.From(tab.Set(Option{"seal_rws", "1"})); e.Hint != `Did you mean "seal_rows"?` {
		t.Errorf("hint %q", e.Hint)
	}
}

// TestPartitionOptions: what fits which column, and hints for what does not.
func TestPartitionOptions(t *testing.T) {
	for _, c := range []struct {
		column, partition, retain, hint string // hint "": it is fine
	}{
		{"ts", "", "", ""}, {"ts", "hour", "1 s", ""}, {"d", "year", "400 days", ""}, {"d", "", "1 s", ""}, {"n", "5", "", ""},
		{"", "day", "", "Make it with PARTITION BY RANGE (column)."}, {"", "", "1 day", "Make it with PARTITION BY RANGE (column)."},
		{"d", "hour", "", "A date lies in a day."}, {"n", "", "", "Say how many values of column \"n\" a partition has: WITH (partition = '1000000')."},
		{"n", "day", "", "Say how many values a partition has: '1000000'."}, {"ts", "10", "", `It is "hour", "day", "week", "month" or "year".`},
		{"n", "5", "1 day", "Make it with PARTITION BY RANGE of a date or timestamp."},
	} {
		tab := NewTable("public", "t", Column{Name: "ts", Type: types.T(types.Timestamp)}, Column{Name: "d", Type: types.T(types.Date)},
			Column{Name: "n", Type: types.T(types.Int4)})
		if c.column != "" {
			if err := tab.PartitionBy(c.column); err != nil {
				t.Fatal(err)
			}
		}
		for name, value := range map[string]string{"partition": c.partition, "retain": c.retain} {
			if value == "" {
				continue
			}
			if err := tab.Set(Option{name, value}); err != nil {
				t.Fatal(err)
			}
		}
		err := tab.Options.check(tab)
		if c.hint == "" && err != nil || c.hint != "" && (!errs.Is(err, errs.InvalidParameterValue) || errs.From(err).Hint != c.hint) {
			t.Errorf("%+v: %+v", c, err)
		}
	}
	tab := NewTable("public", "t", Column{Name: "ts", Type: types.T(types.Timestamp)})
	if e := errs.From(tab.Set(Option{"partition", "moth"})); e.Hint != `Did you mean "month"?` {
		t.Errorf("hint %q", e.Hint)
	}
	if e := errs.From(tab.Set(Option{"partition", "fortnight"})); e.Hint != `It is "hour", "day", "week", "month" or "year", or how many values of an integer column a partition has.` {
		t.Errorf("hint %q", e.Hint)
	}
}
