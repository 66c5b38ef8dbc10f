package logictest

import (
	"regexp"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// missing remembers what records that answered 0A000 should have made or changed, so that failures which follow from
// them are told apart from wrong answers. It forgives no more than that: rows that come back and are not those expected
// are wrong, unless a table that the record names is known to hold other rows than it should.
type missing struct {
	absent  map[string]string // tables, views and indexes that do not exist, or exist and should not: the message of the record
	partial map[string]string // tables whose rows are not those that they should be
}

const objectName = `("?[a-zA-Z_][a-zA-Z0-9_]*"?)`

var (
	// made finds what a statement makes or drops, changed the table whose rows it changes, or would change later.
	made = regexp.MustCompile(`(?is)^\s*(?:CREATE|DROP)\s+(?:OR\s+REPLACE\s+)?(?:TEMP(?:ORARY)?\s+)?(?:TABLE|VIEW|(?:UNIQUE\s+)?INDEX)\s+` +
		`(?:IF\s+(?:NOT\s+)?EXISTS\s+)?` + objectName)
	changed = regexp.MustCompile(`(?is)^\s*(?:(?:INSERT|REPLACE)\s+(?:OR\s+\w+\s+)?INTO|UPDATE(?:\s+OR\s+\w+)?|DELETE\s+FROM|COPY|` +
		`ALTER\s+TABLE|TRUNCATE(?:\s+TABLE)?|CREATE\s+TRIGGER\s.*?\sON)\s+` + objectName)
	word = regexp.MustCompile(`"?[A-Za-z_][A-Za-z0-9_]*"?`)
)

func fold(name string) string { return strings.ToLower(strings.Trim(name, `"`)) }

// failed returns what a failed record misses, "" when it is simply wrong: err is what it answered, nil when it answered
// something else than it should.
func (m *missing) failed(sql string, err error, writes bool) string {
	reason := ""
	switch {
	case err == nil:
		reason = find(sql, m.partial)
	case errs.From(err).Code == errs.FeatureNotSupported:
		reason = errs.From(err).Message
	default:
		if reason = find(sql, m.absent); reason == "" {
			reason = find(sql, m.partial)
		}
	}
	if reason != "" && writes {
		m.note(sql, reason)
	}
	return reason
}

// find returns what is said of the first name in a statement of which something is said.
func find(sql string, of map[string]string) string {
	for _, w := range word.FindAllString(sql, -1) {
		if r := of[fold(w)]; r != "" {
			return r
		}
	}
	return ""
}

// note remembers what a record that failed should have done.
func (m *missing) note(sql, reason string) {
	if m.absent == nil {
		m.absent, m.partial = map[string]string{}, map[string]string{}
	}
	if o := made.FindStringSubmatch(sql); o != nil {
		m.absent[fold(o[1])] = reason
	} else if o := changed.FindStringSubmatch(sql); o != nil {
		m.partial[fold(o[1])] = reason
	}
}

// passed forgets an object that was made anew or dropped. Rows that were copied from a table with wrong rows are wrong.
func (m *missing) passed(sql string) {
	if o := made.FindStringSubmatch(sql); o != nil {
		delete(m.absent, fold(o[1]))
		delete(m.partial, fold(o[1]))
	} else if o := changed.FindStringSubmatch(sql); o != nil {
		if reason := find(sql, m.partial); reason != "" {
			m.partial[fold(o[1])] = reason
		}
	}
}
