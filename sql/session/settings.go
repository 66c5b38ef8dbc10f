package session

import (
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// settings are the parameters of one session. Values are kept in canonical form; a parameter that is not in the map
// has the engine's default. Changes are undone when their transaction or savepoint is rolled back, as PostgreSQL does
// it; those of SET LOCAL also when it commits.
type settings struct {
	defaults map[string]string // by lower-case name: those of the server and of the start-up packet
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

func newSettings(defaults map[string]string) *settings {
	return &settings{defaults: defaults, values: map[string]string{}}
}

// get returns the value as SHOW prints it.
func (s *settings) get(name string) (string, bool) {
	key := strings.ToLower(name)
	if v, ok := s.values[key]; ok {
		return show(key, v), true
	}
	if v, ok := s.defaults[key]; ok {
		return show(key, v), true
	}
	return "", false
}

// raw returns the canonical value in base units.
func (s *settings) raw(name string) string {
	if v, ok := s.values[name]; ok {
		return v
	}
	return s.defaults[name]
}

// integer returns the value of a parameter of that kind in its base unit.
func (s *settings) integer(name string) int64 {
	n, _ := strconv.ParseInt(s.raw(name), 10, 64) // canonical values are numbers
	return n
}

// set changes a parameter for the session, or for the transaction only. It returns the parameter's own spelling.
func (s *settings) set(name, value string, local bool) (string, error) {
	key := strings.ToLower(name)
	p := parameters[key]
	if p == nil {
		if err := checkCustom(name); err != nil {
			return "", err
		}
		s.change(key, value, true, local)
		return name, nil
	}
	if err := p.changeable(); err != nil {
		return "", err
	}
	v, err := p.parse(value)
	if err != nil {
		return "", err
	}
	s.change(key, v, true, local)
	return p.name, nil
}

// reset gives a parameter its default again.
func (s *settings) reset(name string) (string, error) {
	key := strings.ToLower(name)
	p := parameters[key]
	if p == nil {
		if _, ok := s.values[key]; !ok {
			return "", unrecognized(name)
		}
		s.change(key, "", false, false)
		return name, nil
	}
	if err := p.changeable(); err != nil {
		return "", err
	}
	s.change(key, "", false, false)
	return p.name, nil
}

// resetAll gives every parameter its default again and returns the names that changed.
func (s *settings) resetAll() []string {
	var names []string
	for _, key := range slices.Sorted(maps.Keys(s.values)) {
		if p := parameters[key]; p != nil && p.keepOnReset {
			continue
		}
		s.change(key, "", false, false)
		names = append(names, key)
	}
	return names
}

func (s *settings) change(key, value string, set, local bool) {
	old, had := s.values[key]
	s.undo = append(s.undo, change{key, old, had, local})
	if set {
		s.values[key] = value
	} else {
		delete(s.values, key)
	}
}

// mark returns a point to which rollback can go back.
func (s *settings) mark() int { return len(s.undo) }

// rollback undoes the changes since a mark and returns the names concerned.
func (s *settings) rollback(mark int) []string {
	var names []string
	for i := len(s.undo) - 1; i >= mark; i-- {
		s.restore(s.undo[i])
		names = append(names, s.undo[i].name)
	}
	s.undo = s.undo[:mark]
	return names
}

// commit ends the transaction: changes stay, those of SET LOCAL are undone. A later plain SET of the same parameter
// makes its local predecessors pointless, so only the state before the first local change that has no plain one behind
// it comes back.
func (s *settings) commit() []string {
	var names []string
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
		names = append(names, c.name)
	}
	s.undo = s.undo[:0]
	return names
}

func (s *settings) restore(c change) {
	if c.had {
		s.values[c.name] = c.value
	} else {
		delete(s.values, c.name)
	}
}

// all returns the names of all parameters, in PostgreSQL's order: by name, ignoring case.
func (s *settings) all() []string {
	var names []string
	for key, p := range parameters {
		if _, ok := s.get(key); ok && !p.hidden {
			names = append(names, p.name)
		}
	}
	sort.Slice(names, func(i, j int) bool { return strings.ToLower(names[i]) < strings.ToLower(names[j]) })
	return names
}

func unrecognized(name string) error {
	return errs.New(errs.UndefinedObject, "unrecognized configuration parameter %q", name)
}

// checkCustom accepts names with a prefix, which PostgreSQL keeps as placeholders for extensions. The prefix siltstone
// is ours: a name that is not in the registry is a mistake.
func checkCustom(name string) error {
	prefix, rest, ok := strings.Cut(name, ".")
	if !ok {
		return unrecognized(name)
	}
	for _, part := range append([]string{prefix}, strings.Split(rest, ".")...) {
		for i, r := range part {
			if !(r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && (r >= '0' && r <= '9' || r == '$')) {
				return invalidCustom(name)
			}
		}
		if part == "" {
			return invalidCustom(name)
		}
	}
	if strings.EqualFold(prefix, "siltstone") {
		return errs.New(errs.InvalidName, "invalid configuration parameter name %q", name).
			WithDetail("%q is a reserved prefix.", prefix)
	}
	return nil
}

func invalidCustom(name string) error {
	return errs.New(errs.InvalidName, "invalid configuration parameter name %q", name).
		WithDetail("Custom parameter names must be two or more simple identifiers separated by dots.")
}
