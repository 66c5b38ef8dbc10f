// Package httppush stores rows that programs push over HTTP: a request body becomes one commit, all or nothing. Handler
// is the door; who may come in, and how an answer or an error is written, is the business of the server that mounts it.
//
// # Bodies
//
// Content-Type is application/x-ndjson (the default), application/json (an array of objects, or one) or text/csv (the
// first line names the columns). Content-Encoding may be gzip or zstd. A body is bounded before and after
// decompression, and in its ratio.
//
// # Once
//
// A push with an Idempotency-Key header happens once, however often it is sent: the key is stored in the log record of
// the rows with a hash of the decompressed body, and belongs to a user and a table; the same key with another body is
// refused (22023). Without one, a push whose answer was lost may be sent again only by who
// does not mind the rows twice.
//
// # Bad rows
//
// By default one bad row refuses the push, and the error names the first RowErrorsMax of them with index, column and
// reason; with ?errors=partial the good rows are stored and the answer names the others; with ?errors=reject the others
// are stored, too, in the table's reject table, with their reasons and as they came (an element of an array on one line), in
// the same log record. With ?reject_limit=N more than N of them refuse the push all the same.
//
// # Memory and concurrency
//
// A Handler is safe for concurrent use. The rows of a push go through a table.Appender into a table.Draft, whose batches
// later pushes use again, so that nothing is allocated per row; they are charged to the pool until the push has ended, and
// a pool that is full is 53200, which a server tells as 429. Storage, whose live rows are bounded too, lets a push wait
// and then answers the same.
//
// The package imports storage alone. Defaults of columns and CHECK constraints, which are SQL, are computed by the terms
// that it is given.
package httppush
