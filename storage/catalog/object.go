package catalog

// ID names an object for ever; one that is dropped and made again has another.
type ID uint64

// TableID is the ID of an object that has rows.
type TableID = ID

// Object is one object of the catalog: *Schema, *Table, *View, *MaterializedView, *Index, *Sequence, *Type, *Function,
// *Role, *Publication, *Subscription, *Policy or *Statistics. One that is in a Snapshot is never changed.
type Object interface {
	Kind() Kind
	// Common returns what objects of all kinds have.
	Common() *Head
	// clone returns a copy that shares nothing which a Change may write to.
	clone() Object
	// places returns the names that the object takes, the first of which is its own.
	places() []place
	// needs appends what the object depends on by its body.
	needs(list []Dependency) []Dependency
	// settle fills numbers in that are zero, and checks the body by itself.
	settle(s *Snapshot) error
	// fields goes through the fields of the body.
	fields(f *fields)
}

// Head is what all objects have. A zero ID or OID of an object to be made is given a fresh number.
type Head struct {
	ID      ID
	OID     uint32 // unique in the database, from FirstOID; pg_class.oid and the like
	Schema  string // "" for kinds that are in none
	Name    string
	Owner   string // a role; "" is who set up the database
	Comment string
	ACL     []Grant
	Depends []Dependency
	kept    string // fields of a newer version, of the object and of its body
	body    string
}

// Common returns h.
func (h *Head) Common() *Head { return h }

func (h *Head) at(k Kind) []place { return []place{{kinds[k].space, h.Schema, h.Name}} }

func (h *Head) needs(list []Dependency) []Dependency { return append(list, h.Depends...) }

// Dependency says that an object needs another one, or one column of it.
type Dependency struct {
	On     ID
	Column uint32 // 0: all of it
	// Constraint is the OID of a constraint of the table that the object needs as well; 0: none.
	Constraint uint32
	// Auto says that the object goes silently with what it needs, as an index with its table. Any other must be named, or
	// CASCADE given.
	Auto bool
	kept string
}

// Privilege is a set of things that somebody may do with an object. The bits are in files: they only grow.
type Privilege uint32

// The privileges.
const (
	Select Privilege = 1 << iota
	Insert
	Update
	Delete
	Truncate
	References
	Trigger
	Usage
	CreateIn
	Execute
	Connect
)

// Grant is what a role was given by another.
type Grant struct {
	Role string // "" is everybody
	By   string
	// Privileges are held; those of Grantable may be handed on.
	Privileges, Grantable Privilege
	kept                  string
}
