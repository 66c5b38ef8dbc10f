// Package hashtable has the tables of groups: how keys become words, where the words of groups lie, and how rows are
// divided so that tables stay in a cache. It knows nothing of aggregates: what follows a key in a row is its user's.
//
// Everything is 64-bit words in off-heap memory, charged to an account before it is taken; there is no Go map, no
// pointer and no interface call per row.
//
//	Column     vectors of one input column as words
//	Field      one key of a packed key, Layout all of them; Pack and Unpack
//	Interner   numbers of strings, so that a string is 32 bits of a packed key
//	Table      keys with something behind each
//	KeySet     keys alone
//	Scatter    rows by partition of their hash
//	HashRuns   entries of a dictionary by partition of their hash
//
// # A row of a table
//
// Rows stand in the slots themselves, so that a look-up that hits touches one place:
//
//	+---------+-------------------------+--------------------+
//	| count 1 | packed key, Keys words  | what the user adds |
//	+---------+-------------------------+--------------------+
//
// A count of 0 is an empty slot. The hash is not stored: it is computed from the key when a table grows, which costs
// less than to drag it through the caches at every look-up. Tables whose keys are compared by something else than their
// words (strings of dictionaries) store it as the last word of the key, see Table.Stored.
//
// # A hash
//
// One 64-bit hash serves three purposes, which must not share bits, else every table of a partition would fill the same
// slots: its highest 8 bits are the partition, the next ones the slot in a table, and the lowest 32 the tag by which an
// Interner tells most strings apart without reading them.
//
// Tables, sets, columns and scatters belong to one goroutine. An Interner is shared by all workers of a query.
package hashtable
