package persist

import "iter"

// Tree is an ordered map that never changes: With and Without give another one, which shares all but one path with it.
// So a catalog of 10,000 objects costs an edit no more than one of ten. It is balanced as an AVL tree is: the heights of
// two branches differ by at most one. Nothing of it is counted; it may be used by any number of goroutines.
type Tree[K, V any] struct {
	root    *node[K, V]
	compare func(a, b K) int
}

type node[K, V any] struct {
	key         K
	value       V
	left, right *node[K, V]
	height      int8
	size        int
}

func (n *node[K, V]) tall() int8 {
	if n == nil {
		return 0
	}
	return n.height
}

func (n *node[K, V]) len() int {
	if n == nil {
		return 0
	}
	return n.size
}

// join makes a node of two branches whose heights differ by at most two, and turns it when they differ by two.
func join[K, V any](key K, value V, left, right *node[K, V]) *node[K, V] {
	switch d := left.tall() - right.tall(); {
	case d > 1 && left.left.tall() >= left.right.tall():
		return made(left.key, left.value, left.left, made(key, value, left.right, right))
	case d > 1:
		m := left.right
		return made(m.key, m.value, made(left.key, left.value, left.left, m.left), made(key, value, m.right, right))
	case d < -1 && right.right.tall() >= right.left.tall():
		return made(right.key, right.value, made(key, value, left, right.left), right.right)
	case d < -1:
		m := right.left
		return made(m.key, m.value, made(key, value, left, m.left), made(right.key, right.value, m.right, right.right))
	}
	return made(key, value, left, right)
}

func made[K, V any](key K, value V, left, right *node[K, V]) *node[K, V] {
	return &node[K, V]{key, value, left, right, 1 + max(left.tall(), right.tall()), 1 + left.len() + right.len()}
}

// NewTree returns an empty tree of keys in the order of compare.
func NewTree[K, V any](compare func(a, b K) int) Tree[K, V] { return Tree[K, V]{compare: compare} }

// Sorted returns a tree of keys that are in the order of compare, each with the value in its place.
func Sorted[K, V any](compare func(a, b K) int, keys []K, values []V) Tree[K, V] {
	return Tree[K, V]{built(keys, values), compare}
}

func built[K, V any](keys []K, values []V) *node[K, V] {
	if len(keys) == 0 {
		return nil
	}
	m := len(keys) / 2
	return made(keys[m], values[m], built(keys[:m], values[:m]), built(keys[m+1:], values[m+1:]))
}

// Get returns the value of a key.
func (t Tree[K, V]) Get(key K) (v V, ok bool) {
	for n := t.root; n != nil; {
		switch c := t.compare(key, n.key); {
		case c < 0:
			n = n.left
		case c > 0:
			n = n.right
		default:
			return n.value, true
		}
	}
	return v, false
}

// With returns the tree in which key has a value, whether it had one before or not.
func (t Tree[K, V]) With(key K, value V) Tree[K, V] {
	t.root = t.put(t.root, key, value)
	return t
}

func (t Tree[K, V]) put(n *node[K, V], key K, value V) *node[K, V] {
	if n == nil {
		return made[K, V](key, value, nil, nil)
	}
	switch c := t.compare(key, n.key); {
	case c < 0:
		return join(n.key, n.value, t.put(n.left, key, value), n.right)
	case c > 0:
		return join(n.key, n.value, n.left, t.put(n.right, key, value))
	}
	return made(key, value, n.left, n.right)
}

// Without returns the tree that does not have key.
func (t Tree[K, V]) Without(key K) Tree[K, V] {
	t.root = t.cut(t.root, key)
	return t
}

func (t Tree[K, V]) cut(n *node[K, V], key K) *node[K, V] {
	if n == nil {
		return nil
	}
	switch c := t.compare(key, n.key); {
	case c < 0:
		return join(n.key, n.value, t.cut(n.left, key), n.right)
	case c > 0:
		return join(n.key, n.value, n.left, t.cut(n.right, key))
	case n.left == nil:
		return n.right
	case n.right == nil:
		return n.left
	}
	first := n.right
	for first.left != nil {
		first = first.left
	}
	return join(first.key, first.value, n.left, t.cut(n.right, first.key))
}

// Len returns the number of keys.
func (t Tree[K, V]) Len() int { return t.root.len() }

// From returns the keys that are not below a key, in order, and their values.
func (t Tree[K, V]) From(key K) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { t.walk(t.root, &key, yield) }
}

// All returns every key in order, and its value.
func (t Tree[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) { t.walk(t.root, nil, yield) }
}

func (t Tree[K, V]) walk(n *node[K, V], least *K, yield func(K, V) bool) bool {
	if n == nil {
		return true
	}
	if least != nil && t.compare(n.key, *least) < 0 {
		return t.walk(n.right, least, yield)
	}
	return t.walk(n.left, least, yield) && yield(n.key, n.value) && t.walk(n.right, nil, yield)
}
