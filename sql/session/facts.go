package session

import (
	"time"

	"github.com/siltstone-db/siltstone/engine/fn"
	"github.com/siltstone-db/siltstone/storage/types"
	"github.com/siltstone-db/siltstone/storage/types/datetime"
)

// What functions and the text forms of values ask of a session.
var (
	_ fn.Session  = (*Session)(nil)
	_ types.Namer = (*Session)(nil)
)

// User returns the name of the user.
func (s *Session) User() string { return s.user }

// Database returns the name of the database.
func (s *Session) Database() string { return s.engine.options.Database }

// Setting returns the value of a parameter as SHOW prints it.
func (s *Session) Setting(name string) (string, bool) { return s.settings.Get(name) }

// Now returns the start of the transaction, in microseconds since 1970 UTC.
func (s *Session) Now() int64 {
	if s.txStart == 0 {
		return time.Now().UnixMicro()
	}
	return s.txStart
}

// StatementTime returns the start of the statement, in microseconds since 1970 UTC.
func (s *Session) StatementTime() int64 {
	if s.stmtStart == 0 {
		return time.Now().UnixMicro()
	}
	return s.stmtStart
}

// TimeZone returns the name of the session's time zone.
func (s *Session) TimeZone() string { return s.settings.Raw("timezone") }

// Lookup answers what functions ask of the catalog and of the session.
func (s *Session) Lookup(question string, args ...types.Datum) (types.Datum, bool, error) {
	switch question {
	case "set_config":
		return s.setConfig(args)
	case "pg_cancel_backend", "pg_terminate_backend":
		return s.cancelBackend(args[0].I)
	}
	if s.tx == nil {
		return types.Datum{}, false, nil
	}
	return s.catalogEnv().Lookup(question, args...)
}

// setConfig is set_config(name, value, is_local).
func (s *Session) setConfig(args []types.Datum) (types.Datum, bool, error) {
	c := commands{s: s}
	var err error
	if args[1].Null {
		err = c.Reset(args[0].S)
	} else {
		err = c.Set(args[0].S, args[1].S, args[2].I != 0)
	}
	if err != nil {
		return types.Datum{}, true, err
	}
	v, _ := s.settings.Get(args[0].S)
	if args[2].I != 0 && !args[1].Null {
		v = args[1].S
	}
	return types.TextOf(v), true, nil
}

// cancelBackend stops what another session runs, and answers whether there is one of that number.
func (s *Session) cancelBackend(pid int64) (types.Datum, bool, error) {
	s.engine.mu.Lock()
	other := s.engine.mu.sessions[int32(pid)]
	s.engine.mu.Unlock()
	if other != nil {
		other.Cancel()
	}
	return types.BoolOf(other != nil), true, nil
}

// TypeSettings returns the settings that the text forms of values depend on, for package pgtype. The value is the
// caller's; it is not changed when a setting is.
func (s *Session) TypeSettings() *types.Settings {
	set := &types.Settings{Names: s}
	for _, name := range types.TextParameters {
		set.Apply(name, s.settings.Raw(name))
	}
	if loc, err := datetime.LoadZone(s.settings.Raw("timezone")); err == nil {
		set.Location = loc
	}
	return set
}

// RegName implements types.Namer.
func (s *Session) RegName(d types.Datum) (string, bool) {
	name, ok, err := s.Lookup("reg_out", d)
	return name.S, ok && err == nil && !name.Null
}
