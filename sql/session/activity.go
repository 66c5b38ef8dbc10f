package session

import (
	"sync"
	"time"

	"github.com/siltstone-db/siltstone/sql/pgcatalog"
)

// activity is what pg_stat_activity shows of a session, to all sessions.
type activity struct {
	mu struct {
		sync.Mutex
		row pgcatalog.Session
	}
}

// connected begins it. The session is not known to others yet.
func (a *activity) connected(pid int32, up Startup, database string) {
	a.mu.row = pgcatalog.Session{PID: pid, User: up.User, Database: database, ClientAddr: up.Address, ClientPort: up.Port,
		BackendStart: time.Now().UnixMicro(), State: "idle"}
}

// get returns the row of this moment.
func (a *activity) get() pgcatalog.Session {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.mu.row
}

// begins records the start of a statement.
func (s *Session) begins(text string) {
	now := time.Now().UnixMicro()
	s.stmtStart = now
	app := s.settings.Raw("application_name")
	a := &s.activity
	a.mu.Lock()
	defer a.mu.Unlock()
	r := &a.mu.row
	r.QueryStart, r.StateChange = now, now
	r.State, r.Query, r.Application = "active", text, app
	if s.tx == nil {
		r.XactStart = now
	}
}

// rest records that the session waits for its client.
func (s *Session) rest() {
	a := &s.activity
	a.mu.Lock()
	defer a.mu.Unlock()
	r := &a.mu.row
	r.StateChange = time.Now().UnixMicro()
	switch s.status {
	case Idle:
		r.State, r.XactStart = "idle", 0
	case InTransaction:
		r.State = "idle in transaction"
	case Failed:
		r.State = "idle in transaction (aborted)"
	}
}
