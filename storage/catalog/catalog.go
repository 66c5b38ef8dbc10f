// Package catalog describes everything in a database that has a name. A Snapshot is an immutable picture of all Objects;
// it changes only by logged edits, in the same log and manifest as the data (package manifest), so that every reader sees
// schema and rows of one moment.
//
// An Object has a Head, which is the same for all kinds (numbers, name, owner, comment, what it depends on), and a body of
// its kind. The kinds are in one list, and an Edit (Create, Replace, Drop) is the same for all of them: who adds a kind
// adds its body with write and read, and a line to the list; edits, names, dependencies, DROP and the durable form are
// there.
//
// An Edit is what somebody wishes: Replace has a function that changes whatever the object is by then, Drop looks for what
// depends on its objects. Snapshot.Apply makes a new Snapshot of it, and edits that say how everything has become; those
// are what is logged and what recovery applies again. So a transaction keeps its edits as wishes, and its commit applies
// them to the newest catalog. An edit costs as much with 10,000 objects as with ten: see tree.
//
// A Snapshot and its Objects are safe for concurrent use because nobody changes them; that edits follow one another is the
// caller's care (the database's commit lock). Decode refuses damaged bytes with XX001, and with 0A000 what a newer version
// has written and means something that this one does not know.
package catalog
