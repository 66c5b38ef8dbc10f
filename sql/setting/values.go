// Package setting holds the parameters that SET, SHOW and pg_settings know, with their rules: types, units, bounds, who may
// change them, what they are called, and what a value must be. Parameter describes one; Values are those of one session,
// which transactions and savepoints take back.
//
// A value is kept in canonical form: on or off, an integer in the parameter's unit, an enum's own spelling. Names have any
// case. A parameter whose effect is not built refuses, by name, every value but the one that says what happens; nothing
// is accepted here in silence. Values belong to one session and are used by one goroutine at a time.
package setting

import (
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// Values are the parameters of one session. They are kept in canonical form; a parameter that is not in the map
// has the engine's default. Changes are undone when their transaction or savepoint is rolled back, as PostgreSQL does
// it; those of SET LOCAL also when it commits.
type Values struct {
	defaults Defaults          // those of the server and of the start-up packet
	values   map[string]string // by lower-case name: what SET changed
	undo     []change
}

// change is what a parameter was before a transaction touched it.
type change struct {
	name  string
	value string
	had   bool
	local bool
}

// New returns the values of a session that begins with these defaults, which it does not change.
func New(defaults Defaults) *Values {
	return &Values{defaults: defaults, values: map[string]string{}}
}

// Get returns the value as SHOW prints it.
func (s *Values) Get(name string) (string, bool) {
	key := strings.ToLower(name)
	if v, ok := s.values[key]; ok {
		return show(key, v), true
	}
	if v, ok := s.defaults[key]; ok {
		return show(key, v), true
	}
	return "", false
}

// Raw returns the canonical value in base units.
func (s *Values) Raw(name string) string {
	if v, ok := s.values[name]; ok {
		return v
	}
	return s.defaults[name]
}

// Integer returns the value of a parameter of that kind in its base unit.
func (s *Values) Integer(name string) int64 {
	n, _ := strconv.ParseInt(s.Raw(name), 10, 64) // canonical values are numbers
	return n
}

// Set changes a parameter for the session, or for the transaction only.
func (s *Values) Set(name, value string, local bool) error {
	key := strings.ToLower(name)
	p := parameters[key]
	if p == nil {
		if err := checkCustom(name); err != nil {
			return err
		}
		s.change(key, value, true, local)
		return nil
	}
	if err := p.changeable(); err != nil {
		return err
	}
	v, err := p.parse(value)
	if err != nil {
		return err
	}
	s.change(key, v, true, local)
	return nil
}

// Adopt gives a parameter the value of another of its kind for the transaction, whoever may change it.
func (s *Values) Adopt(name, from string) {
	if v := s.Raw(from); v != s.Raw(name) {
		s.change(name, v, true, true)
	}
}

// Reset gives a parameter its default again.
func (s *Values) Reset(name string) error {
	key := strings.ToLower(name)
	p := parameters[key]
	if p == nil {
		if _, ok := s.values[key]; !ok {
			return Unrecognized(name)
		}
	} else if err := p.changeable(); err != nil {
		return err
	}
	s.change(key, "", false, false)
	return nil
}

// ResetAll gives every parameter its default again.
func (s *Values) ResetAll() {
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		if p := parameters[key]; p == nil || !p.keepOnReset {
			s.change(key, "", false, false)
		}
	}
}

// Changed tells whether SET changed a parameter, or, of "", any.
func (s *Values) Changed(name string) bool {
	if name == "" {
		return len(s.values) > 0
	}
	_, ok := s.values[strings.ToLower(name)]
	return ok
}

// Default returns what RESET would make of a parameter, in canonical form.
func (s *Values) Default(name string) string { return s.defaults[strings.ToLower(name)] }

func (s *Values) change(key, value string, set, local bool) {
	old, had := s.values[key]
	s.undo = append(s.undo, change{key, old, had, local})
	if set {
		s.values[key] = value
	} else {
		delete(s.values, key)
	}
}

// Mark returns a point to which rollback can go back.
func (s *Values) Mark() int { return len(s.undo) }

// Rollback undoes the changes since a mark.
func (s *Values) Rollback(mark int) {
	for i := len(s.undo) - 1; i >= mark; i-- {
		s.restore(s.undo[i])
	}
	s.undo = s.undo[:mark]
}

// Commit ends the transaction: changes stay, those of SET LOCAL are undone. A later plain SET of the same parameter
// makes its local predecessors pointless, so only the state before the first local change that has no plain one behind
// it comes back.
func (s *Values) Commit() {
	plain := map[string]bool{} // parameters with a plain SET behind
	for i := len(s.undo) - 1; i >= 0; i-- {
		c := s.undo[i]
		if !c.local {
			plain[c.name] = true
		}
		if plain[c.name] {
			continue
		}
		s.restore(c)
	}
	s.undo = s.undo[:0]
}

func (s *Values) restore(c change) {
	if c.had {
		s.values[c.name] = c.value
	} else {
		delete(s.values, c.name)
	}
}

// Shown returns the parameters of SHOW ALL, in PostgreSQL's order: by name, ignoring case.
func Shown() []*Parameter {
	var all []*Parameter
	for _, p := range parameters {
		if !p.hidden {
			all = append(all, p)
		}
	}
	sort.Slice(all, func(i, j int) bool { return strings.ToLower(all[i].Name) < strings.ToLower(all[j].Name) })
	return all
}

// Reported returns the parameters whose values the client is told.
func Reported() []*Parameter {
	var all []*Parameter
	for _, p := range parameters {
		if p.Report {
			all = append(all, p)
		}
	}
	return all
}
