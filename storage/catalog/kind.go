package catalog

import (
	"strings"

	"github.com/siltstone-db/siltstone/storage/errs"
)

// Kind is what an object is. The numbers are in files: they only grow.
type Kind uint8

// The kinds of objects.
const (
	KindSchema           Kind = 1
	KindTable            Kind = 2
	KindView             Kind = 3
	KindMaterializedView Kind = 4
	KindIndex            Kind = 5
	KindSequence         Kind = 6
	KindType             Kind = 7
	KindFunction         Kind = 8
	KindRole             Kind = 9
	KindPublication      Kind = 10
	KindSubscription     Kind = 11
	KindPolicy           Kind = 12
	KindStatistics       Kind = 13
)

// traits are what is different between the kinds.
type traits struct {
	word   string // as messages call it
	space  space
	global bool // in no schema
	// taken and absent are the codes for a name that is there already, and for one that is not.
	taken, absent errs.Code
	make          func() Object
}

// space is where names must differ: all kinds of relations share one, as in PostgreSQL.
type space uint8

const (
	spaceRelation space = iota + 1
	spaceSchema
	spaceType
	spaceFunction
	spaceRole
	spacePublication
	spaceSubscription
	spacePolicy
	spaceStatistics
	spaceEnd
)

// kinds is the one list of kinds.
var kinds = [...]traits{
	KindSchema: {"schema", spaceSchema, true, errs.DuplicateSchema, errs.InvalidSchemaName, func() Object { return &Schema{} }},
	KindTable:  {"table", spaceRelation, false, errs.DuplicateTable, errs.UndefinedTable, func() Object { return &Table{} }},
	KindView:   {"view", spaceRelation, false, errs.DuplicateTable, errs.UndefinedTable, func() Object { return &View{} }},
	KindMaterializedView: {"materialized view", spaceRelation, false, errs.DuplicateTable, errs.UndefinedTable,
		func() Object { return &MaterializedView{} }},
	KindIndex:        {"index", spaceRelation, false, errs.DuplicateTable, errs.UndefinedObject, func() Object { return &Index{} }},
	KindSequence:     {"sequence", spaceRelation, false, errs.DuplicateTable, errs.UndefinedTable, func() Object { return &Sequence{} }},
	KindType:         {"type", spaceType, false, errs.DuplicateObject, errs.UndefinedObject, func() Object { return &Type{} }},
	KindFunction:     {"function", spaceFunction, false, errs.DuplicateFunction, errs.UndefinedFunction, func() Object { return &Function{} }},
	KindRole:         {"role", spaceRole, true, errs.DuplicateObject, errs.UndefinedObject, func() Object { return &Role{} }},
	KindPublication:  {"publication", spacePublication, true, errs.DuplicateObject, errs.UndefinedObject, func() Object { return &Publication{} }},
	KindSubscription: {"subscription", spaceSubscription, true, errs.DuplicateObject, errs.UndefinedObject, func() Object { return &Subscription{} }},
	KindPolicy:       {"policy", spacePolicy, true, errs.DuplicateObject, errs.UndefinedObject, func() Object { return &Policy{} }},
	KindStatistics:   {"statistics object", spaceStatistics, false, errs.DuplicateObject, errs.UndefinedObject, func() Object { return &Statistics{} }},
}

// known tells whether this version has the kind.
func (k Kind) known() bool { return k >= KindSchema && int(k) < len(kinds) }

// String returns the kind as messages call it.
func (k Kind) String() string {
	if !k.known() {
		return "object"
	}
	return kinds[k].word
}

// place is a name that an object has: two objects are never in one place.
type place struct {
	space        space
	schema, name string
}

func comparePlaces(a, b place) int {
	if a.space != b.space {
		return int(a.space) - int(b.space)
	}
	if c := strings.Compare(a.schema, b.schema); c != 0 {
		return c
	}
	return strings.Compare(a.name, b.name)
}
