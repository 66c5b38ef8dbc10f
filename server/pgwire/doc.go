// Package pgwire speaks PostgreSQL's frontend/backend protocol, version 3.0 to 3.2, on top of a Session: start-up,
// login, the simple and the extended query protocol, COPY both ways, cancellation. Its types are Server, which listens
// and owns the connections, and Options.
//
// A connection is one goroutine, which reads a message, runs it and writes the answer; nothing else touches its socket
// or its session, except a cancel request, the watch for clients that went away, and Shutdown, which only use what is
// safe to call at any time (Session.Cancel, deadlines, Close).
//
// # The frame guard
//
// Every byte from outside passes frameReader first:
//
//	start-up packet     | length int32 (8 to 10,000, itself included) | code int32 | body |
//	any other message   | type byte | length int32 (4 to cap, type not included) | body |
//
// All numbers are big-endian. The cap depends on the phase and on the type (phase.go): a type that is not legal in the
// phase has cap 0 and ends the connection before its body is read, so nobody reaches a decoder of a message before
// login, except that of a password. The buffer grows with bytes that have arrived, never with the length claimed.
// Bodies are decoded here (message.go), not by pgproto3's Decode, since v2.3.3 panics on six shapes of them; pgproto3
// is used for the messages towards the client.
//
// # Refused on purpose
//
// Protocol 2.0, GSSAPI, replication connections, FunctionCall (0A000), clear-text and MD5 passwords, SSLRequest with
// bytes behind it (they would be a plaintext injection into the encrypted session).
package pgwire
