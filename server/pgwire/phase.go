package pgwire

// A phase says which message types are legal and how long each may be: the greatest length field, 0 for a type that
// may not come. It is an array so that the check is one load.
type phase [256]uint32

// Caps of the length field, in bytes.
const (
	// startupMaxBytes is PostgreSQL's MAX_STARTUP_PACKET_LENGTH.
	startupMaxBytes = 10000
	// loginMaxBytes holds the longest sensible SCRAM message many times over.
	loginMaxBytes = 8 << 10
	// smallMaxBytes is for messages that hold no more than a name, as PostgreSQL's PQ_SMALL_MESSAGE_LIMIT.
	smallMaxBytes = 10000
	// messageMaxBytes is for Query, Parse and Bind: the longest SQL text is 16 MiB, a value in Bind may be longer.
	messageMaxBytes = 64 << 20
	// copyMaxBytes is for CopyData, which is handed on in pieces: all that a length can say. Clients send 8 to 64 KiB, or a
	// row, which may be as long.
	copyMaxBytes = 1<<31 - 1
)

var (
	// loginPhase is from the start-up packet to AuthenticationOk.
	loginPhase = phase{'p': loginMaxBytes}
	// readyPhase is between statements. Copy messages are legal and dropped, since a client may still be sending
	// them when the COPY has failed.
	readyPhase = phase{
		'Q': messageMaxBytes, 'P': messageMaxBytes, 'B': messageMaxBytes, 'F': messageMaxBytes,
		'D': smallMaxBytes, 'E': smallMaxBytes, 'C': smallMaxBytes, 'H': smallMaxBytes, 'S': smallMaxBytes, 'X': smallMaxBytes,
		'd': copyMaxBytes, 'c': smallMaxBytes, 'f': smallMaxBytes,
	}
	// copyPhase is during COPY FROM STDIN. Flush and Sync are legal and ignored, as in PostgreSQL.
	copyPhase = phase{'d': copyMaxBytes, 'c': smallMaxBytes, 'f': smallMaxBytes, 'H': smallMaxBytes, 'S': smallMaxBytes}
)
