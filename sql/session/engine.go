package session

import (
	"context"
	"sort"
	"sync"

	"github.com/siltstone-db/siltstone/engine/spill"
	"github.com/siltstone-db/siltstone/sql/pgcatalog"
	"github.com/siltstone-db/siltstone/sql/setting"
	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// Engine is what all sessions of a process share: the storage, the plan cache, the memory pool and the list of
// sessions. It is safe for concurrent use.
type Engine struct {
	db       *storage.DB
	options  Options
	defaults setting.Defaults // of parameters
	plans    *planCache
	spill    *spill.Dir // temporary files of queries
	advisory advisory
	mu       struct {
		sync.Mutex
		sessions map[int32]*Session
		lastPID  int32
	}
}

// NewEngine returns an engine over an open storage, which stays the caller's to close after the engine's sessions. What
// queries of an earlier process left in temporary files is removed.
func NewEngine(db *storage.DB, o Options) (*Engine, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o.EnsureDefaults()
	defaults, err := setting.NewDefaults(o.Settings)
	if err != nil {
		return nil, err
	}
	e := &Engine{db: db, options: o, plans: newPlanCache(planCacheEntries), defaults: defaults}
	e.mu.sessions = map[int32]*Session{}
	files, dir := db.Temporary()
	if e.spill, err = spill.Open(files, dir, e.options.Pool); err != nil {
		return nil, err
	}
	return e, nil
}

// Database returns the name of the database.
func (e *Engine) Database() string { return e.options.Database }

// Startup is what a client says when it connects.
type Startup struct {
	User, Database string
	// Address and Port are the client's, for pg_stat_activity; "" and -1 for a local one.
	Address string
	Port    int32
	// Settings are parameters of the start-up packet, options ("-c name=value") among them.
	Settings map[string]string
}

// Connect opens a session. Errors are FATAL: the connection cannot go on.
func (e *Engine) Connect(_ context.Context, up Startup) (*Session, error) {
	if up.Database == "" {
		up.Database = up.User
	}
	defaults, err := e.defaults.For(up.User, startupSettings(up.Settings))
	if err != nil {
		return nil, fatal(err)
	}
	if up.Database != e.options.Database && up.Database != up.User && up.Database != "postgres" {
		return nil, fatal(errs.New(errs.InvalidCatalogName, "database %q does not exist", up.Database))
	}
	s := &Session{engine: e, user: up.User, settings: setting.New(defaults), statements: map[string]*prepared{},
		portals: map[string]*portal{}, status: Idle, texts: e.options.Pool.Account("statements", 0)}
	s.reported = s.Settings()
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.mu.sessions) >= e.options.MaxSessions {
		s.texts.Close()
		return nil, fatal(errs.New(errs.TooManyConnections, "sorry, too many clients already"))
	}
	s.pid = e.freePIDLocked()
	s.activity.connected(s.pid, up, e.options.Database)
	e.mu.sessions[s.pid] = s
	return s, nil
}

// freePIDLocked returns a number above 0 that no session has.
func (e *Engine) freePIDLocked() int32 {
	for {
		e.mu.lastPID = max(e.mu.lastPID+1, 1) // after the largest comes 1
		if e.mu.sessions[e.mu.lastPID] == nil {
			return e.mu.lastPID
		}
	}
}

func fatal(err error) error {
	f := *errs.From(err)
	f.Severity = "FATAL"
	return &f
}

// startupSettings returns those fields of the start-up packet that are parameters.
func startupSettings(given map[string]string) map[string]string {
	all := map[string]string{}
	for k, v := range given {
		switch k {
		case "user", "database", "replication", "options":
		default:
			all[k] = v
		}
	}
	return all
}

// Sessions returns what pg_stat_activity shows, by PID.
func (e *Engine) Sessions() []pgcatalog.Session {
	e.mu.Lock()
	all := make([]*Session, 0, len(e.mu.sessions))
	for _, s := range e.mu.sessions {
		all = append(all, s)
	}
	e.mu.Unlock()
	out := make([]pgcatalog.Session, len(all))
	for i, s := range all {
		out[i] = s.activity.get()
	}
	sort.Slice(out, func(i, j int) bool { return out[i].PID < out[j].PID })
	return out
}

// Close cancels what runs in all sessions. Their owners close them.
func (e *Engine) Close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.mu.sessions {
		s.Cancel()
	}
}

func (e *Engine) remove(s *Session) {
	e.mu.Lock()
	delete(e.mu.sessions, s.pid)
	e.mu.Unlock()
}
