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
	for name, code := range map[string]errs.Code{"retain": errs.FeatureNotSupported, "autovacuum_enabled": errs.FeatureNotSupported,
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
