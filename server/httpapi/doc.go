// Package httpapi is the door for programs that speak HTTP: rows are pushed, statements are run, health and metrics are
// read. Its types are Server, an http.Handler with its own limits, and Options.
//
//	POST /v1/tables/{table}/rows   rows of one table ("t" or "schema.t"), stored by one commit: all or nothing
//	POST /v1/query                 one SQL statement, as application/sql, or with parameters as application/json; its
//	                               result as JSON, CSV or an Arrow IPC stream
//	GET  /healthz                  200 and "ok", or 503 and the reasons
//	GET  /metrics                  Prometheus text
//	GET  /debug/pprof/             profiles of the process, with Options.Pprof and for clients of this machine
//
// # Who is answered
//
// access.go has the rules for names of the server and for pages of web sites, login.go those for users: trusted addresses,
// passwords (basic) and the token (bearer). A refusal is a 401, a 403, or a 421 for a Host that is not ours.
//
// # Pushing rows
//
// Package ingest/httppush reads the bodies and stores the rows. The answer of a push that was stored is
//
//	{"stored": 3, "duplicate": false, "sequence": 17}
//
// and then the rows are durable and in every later snapshot. A push with an Idempotency-Key header happens once, however
// often it is sent (for 7 days): the answer of the repetition says "duplicate": true. With ?errors=partial the rows that
// are good are stored and the others told one by one; without it one bad row refuses the push.
//
// # Errors
//
//	{"error": {"sqlstate": "22P02", "message": "...", "detail": "...", "hint": "...",
//	           "rows": [{"index": 0, "column": "n", "reason": "...", "sqlstate": "22P02"}]}}
//
// index counts the rows of the body from 0. The status follows from the SQLSTATE (status.go): 400 for statements that
// are wrong, 404 for tables that do not exist, 409, 413, 415, 422 for rows that do not fit, 429 with Retry-After when
// the server has no memory left for now, 507 when the disk is full.
//
// Handlers hold no state but the limits and are safe for concurrent use. What a push needs in memory is charged to the
// pool, so that many of them are told 429 and do not end the process.
package httpapi
