package logictest

import (
	"regexp"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// missing remembers what records that answered 0A000 should have made or changed, so that failures which follow from
// them are told apart from wrong answers.
type missing struct {
	objects map[string]string // name of a table or view: the message of the record
}

// object finds the names that a statement makes, changes or takes away.
var object = regexp.MustCompile(`(?i)\b(?:TABLE|VIEW|INTO|FROM|UPDATE|ON)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?("?[a-z_][a-z0-9_]*"?)`)

var index = regexp.MustCompile(`(?i)^\s*(CREATE|DROP)\s+(UNIQUE\s+)?INDEX`)

var word = regexp.MustCompile(`"?[A-Za-z_][A-Za-z0-9_]*"?`)

func fold(name string) string { return strings.ToLower(strings.Trim(name, `"`)) }

// failed returns what a failed record misses, "" when it is simply wrong.
func (m *missing) failed(sql string, err error, writes bool) string {
	reason := ""
	if e := errs.From(err); err != nil && e.Code == errs.FeatureNotSupported {
		reason = e.Message
	}
	if reason == "" {
		for _, w := range word.FindAllString(sql, -1) {
			if r := m.objects[fold(w)]; r != "" {
				reason = r
				break
			}
		}
	}
	// An index that is not there changes no answer.
	if reason != "" && writes && !index.MatchString(sql) {
		if m.objects == nil {
			m.objects = map[string]string{}
		}
		for _, o := range object.FindAllStringSubmatch(sql, -1) {
			m.objects[fold(o[1])] = reason
		}
	}
	return reason
}

var made = regexp.MustCompile(`(?i)^\s*(?:CREATE|DROP)\s+(?:OR\s+REPLACE\s+)?(?:TABLE|VIEW)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?("?[a-z_][a-z0-9_]*"?)`)

// passed forgets an object that was made anew or dropped.
func (m *missing) passed(sql string) {
	if o := made.FindStringSubmatch(sql); o != nil {
		delete(m.objects, fold(o[1]))
	}
}
