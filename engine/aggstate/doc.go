// Package aggstate is what an aggregate is. One aggregate is one file here: its states, with everything that can be done
// with them, and its value. A new one is a file, and its names and types in package fn.
//
// # States
//
// A state is what an aggregate knows of some rows: a few 64-bit words, without pointers, in a row of words that belongs to
// somebody else, such as the row of a group in a hash table. All words are zero at first, which is the state of no rows and
// neutral in every merge. How the words are used is a Kind; a State is a kind with its argument.
//
// How many rows went into a state is not part of it. Its user counts them, once for all states that take the same rows,
// and has it at hand anyway: a group's number of rows less those that the states' input skips. Rows without NULLs cost
// nothing that way.
//
// What does not fit words (decimals of any length, values of lists) is in a Store, which all states of a query share;
// words then hold a number. Strings are numbers of an Interner, or references to dictionaries.
//
// # Weights
//
// A row may count several times: Weighted is Update for rows that come with a number each. So entries of dictionaries
// with their counts, and groups that were counted before, enter a grouping as rows. What is extreme, or distinct, does not
// look at weights; sums multiply. Lists and sums of floats have no Weighted: their rows must come one by one.
//
// # The binary form
//
// States leave the process, into temporary files and into what views keep, in a form that is kept readable for ever. A
// state's bytes depend on its kind; integers are little-endian, v is a uvarint.
//
//	number  state                                      bytes
//	2       count of distinct values                   v
//	4       sum of int2, int4                          8
//	6       sum of int8                                16
//	8       sum of int128 (numeric up to 38 digits)    24
//	10      sum of float4, float8                      8
//	12      sum of numeric                             bytes, empty: 0
//	14      sum of intervals                           24: months, days, microseconds
//	16      smallest, largest to 8 bytes               8: unsigned order
//	18      smallest, largest of 16 bytes              16: the same
//	20      smallest, largest string                   0, or 1 and the value
//	22      smallest, largest interval                 0, or 1 and the value
//	24      first value                                0, or 1 and the value
//	26      variance of integers                       40: sum 16, sum of squares 24
//	28      variance of floats                         24: n, sum, sum of squared differences
//	30      variance of numeric                        sum and sum of squares, as sums of numeric
//	50      OR of bits                                 8
//	52      OR of complements (bit_and)                8
//	54      XOR of bits                                8
//	56      pairs of floats (corr, covar, regr)        48: n, sums and sums of squared differences of X and of Y, that of products
//	32      list                                       length v; per value NULL bits v, values
//
// Values: bool 1 byte; int2, int4, int8, float4, float8 in their width; int128, interval (months 4, days 4, microseconds
// 8) and uuid 16; strings, numerics of any length and arrays are bytes behind their length v. The unsigned order of a value
// is its bits with the sign inverted (floats: all bits of negative ones), and the complement of that for minima. A number
// has one meaning for ever; what changes a state's bytes is another kind with another number.
//
// States of different groups may be changed by several goroutines at once, a Store is shared by them; the states of one
// group belong to one goroutine at a time.
package aggstate
