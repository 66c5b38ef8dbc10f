// Package jsonpath reads and prints paths of the SQL/JSON path language (PostgreSQL manual, 9.16.2); package
// engine/fn/jsonpath evaluates them. A Path is immutable and safe for concurrent use.
package jsonpath

import "github.com/siltstone-db/siltstone/storage/types/jsonb"

// Kind is what a node does.
type Kind uint8

// The kinds: literals and starts, accessors, predicates, arithmetic, methods.
const (
	Literal Kind = iota
	Variable
	Root
	Current
	Last

	Key
	AnyKey
	AnyArray
	Index
	Any // .**
	Filter

	And
	Or
	Not
	IsUnknown
	Exists
	Equal
	NotEqual
	Less
	LessEqual
	Greater
	GreaterEqual
	StartsWith
	LikeRegex

	Add
	Sub
	Mul
	Div
	Mod
	Plus
	Minus

	Type
	Size
	Abs
	Floor
	Ceiling
	Double
	KeyValue
	Datetime
)

// Node is a step of a path, or an operator over others.
type Node struct {
	Kind        Kind
	Next        *Node       // the accessor behind it
	Left, Right *Node       // operands; of Filter, Not, IsUnknown, Exists, Plus and Minus the left one
	Value       jsonb.Value // of a literal
	Text        string      // key, variable, pattern, template
	Flags       string      // of like_regex: as printed
	Subscripts  []Subscript
	First, Last uint32 // levels of .**; Deepest: the last one
	Template    bool   // datetime has one
}

// Subscript is one of the ranges in brackets; To is nil for a single one.
type Subscript struct{ From, To *Node }

// Deepest is the level "last" of .**.
const Deepest = 1<<32 - 1

// Path is a whole path.
type Path struct {
	Strict bool
	Root   *Node
}

// predicate tells whether a node is a condition, which may stand only where one may.
func (n *Node) predicate() bool { return n.Next == nil && n.Kind >= And && n.Kind <= LikeRegex }

// priority is how closely an operator binds.
func (n *Node) priority() int {
	switch n.Kind {
	case Or:
		return 0
	case And:
		return 1
	case Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual, StartsWith:
		return 2
	case Add, Sub:
		return 3
	case Mul, Div, Mod:
		return 4
	case Plus, Minus:
		return 5
	}
	return 6
}
