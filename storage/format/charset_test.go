package format

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// TestCharsets: every byte of every encoding comes back, or is refused.
func TestCharsets(t *testing.T) {
	for name, c := range charsets() {
		if c == nil {
			continue
		}
		for b := range 256 {
			text, err := io.ReadAll(iotest.OneByteReader(c.Reader(strings.NewReader("a" + string([]byte{byte(b)})))))
			if err != nil {
				if !errs.Is(err, errs.UntranslatableCharacter) || string(text) != "a" {
					t.Errorf("%s %#x: %q, %v", name, b, text, err)
				}
				continue
			}
			var back bytes.Buffer
			if _, err := c.Writer(&back).Write(text); err != nil || back.String() != "a"+string([]byte{byte(b)}) {
				t.Errorf("%s %#x: %q became %q, %v", name, b, text, back.String(), err)
			}
		}
	}
}

func TestFindCharset(t *testing.T) {
	for name, code := range map[string]errs.Code{"Latin-1": "", "iso_8859-15": "", "utf-8": "", "sql_ascii": "", "win1252": "",
		"EUC_JP": errs.FeatureNotSupported, "klingon": errs.InvalidParameterValue, "": errs.InvalidParameterValue} {
		if _, err := FindCharset(name); (err == nil) != (code == "") || err != nil && errs.From(err).Code != code {
			t.Errorf("%q: %v", name, err)
		}
	}
	c, _ := FindCharset("LATIN1")
	_, err := c.Writer(io.Discard).Write([]byte("1 €"))
	if want := `character with byte sequence 0xe2 0x82 0xac in encoding "UTF8" has no equivalent in encoding "LATIN1"`; err == nil || errs.From(err).Message != want {
		t.Errorf("%v, want %s", err, want)
	}
}
