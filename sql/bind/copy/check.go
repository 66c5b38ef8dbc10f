package copy

import (
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// check fills in the defaults and refuses what does not go together, in PostgreSQL's order and words.
func check(o *Options, given map[string]string, from bool) error {
	csv := o.Format == CSV
	o.Delimiter, o.Quote, o.Null = '\t', '"', `\N`
	if csv {
		o.Delimiter, o.Null = ',', ""
	}
	delim, hasDelim := given["delimiter"]
	null, hasNull := given["null"]
	quote, hasQuote := given["quote"]
	escape, hasEscape := given["escape"]
	if o.Format == Binary {
		switch {
		case hasDelim:
			return errs.New(errs.SyntaxError, "cannot specify DELIMITER in BINARY mode")
		case hasNull:
			return errs.New(errs.SyntaxError, "cannot specify NULL in BINARY mode")
		case o.Header:
			return errs.New(errs.FeatureNotSupported, "cannot specify HEADER in BINARY mode")
		case o.Encoding != nil:
			return errs.Unsupported("another encoding than UTF8 in binary COPY")
		}
	}
	one := func(word, v string, given bool, into *byte) error {
		if !given {
			return nil
		}
		if len(v) != 1 {
			return errs.New(errs.FeatureNotSupported, "COPY %s must be a single one-byte character", word)
		}
		*into = v[0]
		return nil
	}
	if err := one("delimiter", delim, hasDelim, &o.Delimiter); err != nil {
		return err
	}
	if hasNull {
		o.Null = null
	}
	switch {
	case o.Delimiter == '\n' || o.Delimiter == '\r':
		return errs.New(errs.InvalidParameterValue, "COPY delimiter cannot be newline or carriage return")
	case strings.ContainsAny(o.Null, "\r\n"):
		return errs.New(errs.InvalidParameterValue, "COPY null representation cannot use newline or carriage return")
	case !csv && strings.IndexByte("\\.abcdefghijklmnopqrstuvwxyz0123456789", o.Delimiter) >= 0:
		return errs.New(errs.InvalidParameterValue, "COPY delimiter cannot be \"%c\"", o.Delimiter)
	case !csv && hasQuote:
		return errs.New(errs.FeatureNotSupported, "COPY quote available only in CSV mode")
	}
	if csv && hasQuote && len(quote) != 1 {
		return errs.New(errs.FeatureNotSupported, "COPY quote must be a single one-byte character")
	}
	if err := one("quote", quote, hasQuote, &o.Quote); err != nil {
		return err
	}
	if csv && o.Delimiter == o.Quote {
		return errs.New(errs.InvalidParameterValue, "COPY delimiter and quote must be different")
	}
	if !csv && hasEscape {
		return errs.New(errs.FeatureNotSupported, "COPY escape available only in CSV mode")
	}
	o.Escape = o.Quote
	if err := one("escape", escape, hasEscape, &o.Escape); err != nil {
		return err
	}
	if err := checkForce(o, csv, from); err != nil {
		return err
	}
	return checkOnError(o)
}

func checkForce(o *Options, csv, from bool) error {
	forceQuote := o.ForceQuoteAll || len(o.ForceQuote) > 0
	switch {
	case !csv && forceQuote:
		return errs.New(errs.FeatureNotSupported, "COPY force quote available only in CSV mode")
	case forceQuote && from:
		return errs.New(errs.FeatureNotSupported, "COPY force quote only available using COPY TO")
	case !csv && len(o.ForceNotNull) > 0:
		return errs.New(errs.FeatureNotSupported, "COPY force not null available only in CSV mode")
	case len(o.ForceNotNull) > 0 && !from:
		return errs.New(errs.FeatureNotSupported, "COPY force not null only available using COPY FROM")
	case !csv && len(o.ForceNull) > 0:
		return errs.New(errs.FeatureNotSupported, "COPY force null available only in CSV mode")
	case len(o.ForceNull) > 0 && !from:
		return errs.New(errs.FeatureNotSupported, "COPY force null only available using COPY FROM")
	case strings.IndexByte(o.Null, o.Delimiter) >= 0:
		return errs.New(errs.FeatureNotSupported, "COPY delimiter must not appear in the NULL specification")
	case csv && strings.IndexByte(o.Null, o.Quote) >= 0:
		return errs.New(errs.FeatureNotSupported, "CSV quote character must not appear in the NULL specification")
	}
	return nil
}
