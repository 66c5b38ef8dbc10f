package node

import (
	"log/slog"

	"github.com/siltstone-db/siltstone/server/config"
	"github.com/siltstone-db/siltstone/storage/handle"
)

// descriptors says who may have how many open files. Who is told that there is no place for him knows more than who waits
// for a descriptor: so the places of clients are no more than there are descriptors.
type descriptors struct {
	segments int // files of segments
	sessions int // PostgreSQL clients that are logged in
	pending  int // and those that are not yet
	http     int // connections
}

// Connections when nothing limits them.
const (
	pendingMax = 100
	httpMax    = 1000
)

// fixedDescriptors are for what every server has: standard streams, listeners, the poller, the lock, the manifest, the log's
// files, tokens, and a few for files that are written now; a sixteenth of all goes to temporary files of queries besides.
const fixedDescriptors = 24

// shareDescriptors splits what the process may open.
func shareDescriptors(most int, o config.Options) descriptors {
	d := descriptors{segments: handle.Share(most), sessions: o.SessionsMax, pending: pendingMax, http: httpMax}
	left := max(most-d.segments-fixedDescriptors-most/16, 8)
	if left < d.sessions+d.pending+d.http {
		d.sessions = max(min(d.sessions, left/2), 1)
		d.pending = max(min(d.pending, left/8), 1)
		d.http = max(min(d.http, left-d.sessions-d.pending), 1)
	}
	return d
}

// tell writes what the operator should know of it.
func (d descriptors) tell(log *slog.Logger, most int, o config.Options) {
	if d.sessions < o.SessionsMax {
		log.Warn("few files may be open at once (ulimit -n), so that there are fewer sessions than sessions-max",
			"files", most, "sessions", d.sessions, "sessions-max", o.SessionsMax)
	}
}
