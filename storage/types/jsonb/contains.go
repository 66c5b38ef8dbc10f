package jsonb

// Contains is a @> b. An array also contains a scalar that is one of its elements, unless that scalar is inside of b.
func Contains(a, b Value) bool {
	if a.Kind() == Array && b.IsScalar() {
		return a.hasElement(b)
	}
	return contains(a, b, 0)
}

func contains(a, b Value, depth int) bool {
	if a.Kind() != b.Kind() || depth > depthMax {
		return false
	}
	switch a.Kind() {
	case Object:
		if b.Len() > a.Len() {
			return false
		}
		s := b.shape()
		for i := range s.n {
			have, ok := a.Get(b.key(&s, i))
			if !ok || !contains(have, b.value(&s, i), depth+1) {
				return false
			}
		}
		return true
	case Array:
		s := b.shape()
		for i := range s.n {
			if !a.containsElement(b.value(&s, i), depth+1) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}

// containsElement tells whether some element of an array contains e.
func (v Value) containsElement(e Value, depth int) bool {
	if e.IsScalar() {
		return v.hasElement(e)
	}
	s := v.shape()
	for i := range s.n {
		if have := v.value(&s, i); have.Kind() == e.Kind() && contains(have, e, depth) {
			return true
		}
	}
	return false
}

// hasElement tells whether a scalar is an element of an array.
func (v Value) hasElement(e Value) bool {
	s := v.shape()
	for i := range s.n {
		if v.value(&s, i).Equal(e) {
			return true
		}
	}
	return false
}

// Exists is v ? key: a key of an object, a string of an array, or the string itself.
func (v Value) Exists(key []byte) bool {
	switch v.Kind() {
	case Object:
		i, _ := v.find(key)
		return i >= 0
	case String:
		return string(v.String()) == string(key)
	case Array:
		s := v.shape()
		for i := range s.n {
			if e := v.value(&s, i); e.Kind() == String && string(e.String()) == string(key) {
				return true
			}
		}
	}
	return false
}
