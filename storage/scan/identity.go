package scan

// A row of a stored table has an identity for life: the number that it got at its first commit. Its new versions get numbers
// of their own, and keep the identity: that is stored in a hidden column of their part, where all rows whose identity is
// their number are NULL. A part without such rows has no such column.

// Identity stands, among the Columns of a Request, for the identity of a row: a bigint, NULL for a row that has not been
// committed and is no new version of one that was. Terms cannot use it.
const Identity = -2

// IdentityColumn is the id that the hidden column has in the places of a table's columns: in batches of rows on their way
// it stands behind them, in sections of the log and in files it is found by this id.
const IdentityColumn = ^uint32(0) - 1

// OwnRows is the number of the first of the rows that a transaction has written and not committed: what it deletes of
// them is told by numbers from here on, in the order in which they came. They are no identities.
const OwnRows = 1 << 62
