package setting

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// Defaults are the values that a session begins with, canonical, by lower-case name.
type Defaults map[string]string

// NewDefaults returns the built-in values of all parameters with those that a configuration gives in their place, or
// every problem of these, joined.
func NewDefaults(given map[string]string) (Defaults, error) {
	all := make(Defaults, len(parameters))
	for key, p := range parameters {
		all[key] = p.Boot
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(given)) {
		key := strings.ToLower(name)
		p := parameters[key]
		if p == nil {
			problems = append(problems, Unrecognized(name))
			continue
		}
		v, err := p.parse(given[name])
		if err != nil {
			problems = append(problems, err)
			continue
		}
		all[key] = v
	}
	return all, errors.Join(problems...)
}

// For returns the defaults of a session: these, with the parameters that its client gave when it connected.
func (d Defaults) For(user string, given map[string]string) (Defaults, error) {
	all := maps.Clone(d)
	all["session_authorization"] = user
	for name, v := range given {
		key := strings.ToLower(name)
		p := parameters[key]
		if p == nil {
			if err := checkCustom(name); err != nil {
				return nil, err
			}
			all[key] = v
			continue
		}
		if err := p.changeable(); err != nil {
			return nil, err
		}
		c, err := p.parse(v)
		if err != nil {
			return nil, err
		}
		all[key] = c
	}
	return all, nil
}
