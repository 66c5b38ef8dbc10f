package setting

import (
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

// asciiName replaces what is not printable ASCII, as PostgreSQL 15 does.
func asciiName(v string) (string, error) {
	b := []byte(v)
	for i, c := range b {
		if c < 32 || c > 126 {
			b[i] = '?'
		}
	}
	return string(b), nil
}

func checkEncoding(v string) (string, error) {
	plain := strings.ToUpper(strings.NewReplacer("-", "", "_", "", "'", "", " ", "").Replace(v))
	switch plain {
	case "UTF8", "UNICODE":
		return "UTF8", nil
	case "SQLASCII":
		return "SQL_ASCII", nil
	case "LATIN1", "ISO88591", "WIN1252", "LATIN9", "WIN1251", "EUCJP", "SJIS", "GBK", "BIG5", "KOI8R", "ISO885915":
		return "", errs.Unsupported("client encoding %q", v)
	}
	return "", parameters["client_encoding"].invalid(v)
}

// checkDateStyle keeps the output form and the order of fields apart, as PostgreSQL does. Output is always ISO.
func checkDateStyle(v string) (string, error) {
	order := "MDY"
	for _, w := range strings.Split(v, ",") {
		switch w = strings.ToUpper(strings.TrimSpace(w)); w {
		case "ISO", "DEFAULT", "":
		case "MDY", "US", "NONEURO", "NONEUROPEAN":
			order = "MDY"
		case "DMY", "EURO", "EUROPEAN":
			order = "DMY"
		case "YMD":
			order = "YMD"
		case "SQL", "POSTGRES", "GERMAN":
			return "", errs.Unsupported("DateStyle %s", w)
		default:
			return "", parameters["datestyle"].invalid(v).WithDetail("Unrecognized key word: %q.", strings.ToLower(w))
		}
	}
	return "ISO, " + order, nil
}

func checkIntervalStyle(v string) (string, error) {
	if v != "postgres" {
		return "", errs.Unsupported("IntervalStyle %s", v)
	}
	return v, nil
}

// checkTimeZone accepts what the engine can compute with: names of the zone database, in any case, and offsets east of
// Greenwich.
func checkTimeZone(v string) (string, error) {
	v = strings.TrimSpace(v)
	switch strings.ToUpper(v) {
	case "LOCAL", "DEFAULT":
		return "UTC", nil
	}
	loc, err := datetime.LoadZone(v)
	if err != nil {
		return "", parameters["timezone"].invalid(v)
	}
	if name := loc.String(); strings.EqualFold(name, v) {
		return name, nil // the database's own spelling
	}
	return v, nil
}

// onlyOn refuses to switch off what cannot be switched off.
func onlyOn(name string) func(string) (string, error) {
	return func(v string) (string, error) {
		if v != "on" {
			return "", errs.Unsupported("%s = %s", name, v)
		}
		return v, nil
	}
}
