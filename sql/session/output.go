package session

import (
	"io"
	"strings"

	"github.com/siltstone-db/siltstone/sql/setting"
	"github.com/siltstone-db/siltstone/sql/stmt"
	"github.com/siltstone-db/siltstone/storage/batch"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/types"
)

// Discard is an Output that drops everything: for statements whose answer nobody reads, and to be embedded by outputs
// that want only a part of it. COPY is refused.
type Discard struct{}

// Columns implements Output.
func (Discard) Columns([]Column) error { return nil }

// Rows implements Output.
func (Discard) Rows(*batch.Batch) error { return nil }

// Complete implements Output.
func (Discard) Complete(string) error { return nil }

// Empty implements Output.
func (Discard) Empty() error { return nil }

// Notice implements Output.
func (Discard) Notice(string, string, string, ...string) error { return nil }

// Setting implements Output.
func (Discard) Setting(string, string) error { return nil }

// CopyIn implements Output.
func (Discard) CopyIn(int8, int) (io.Reader, error) { return nil, errNoCopy() }

// CopyOut implements Output.
func (Discard) CopyOut(int8, int) (io.WriteCloser, error) { return nil, errNoCopy() }

func errNoCopy() error {
	return errs.New(errs.FeatureNotSupported, "COPY is not possible here")
}

// output is an Output as commands see it.
type output struct{ Output }

var _ stmt.Output = output{}

// commands is a Session as commands see it.
type commands struct {
	s   *Session
	out stmt.Output
}

func (c commands) TypeSettings() *types.Settings { return c.s.TypeSettings() }

func (c commands) Set(name, value string, local bool) error {
	if local && c.s.status == Idle {
		// Outside a block a local setting ends with the statement: it is checked and forgotten.
		mark := c.s.settings.Mark()
		err := c.s.settings.Set(name, value, local)
		c.s.settings.Rollback(mark)
		return err
	}
	if strings.EqualFold(name, "session_authorization") {
		return errs.Unsupported("SET SESSION AUTHORIZATION")
	}
	return c.s.settings.Set(name, value, local)
}

func (c commands) Reset(name string) error {
	if name == "" {
		c.s.settings.ResetAll()
		return nil
	}
	return c.s.settings.Reset(name)
}

func (c commands) Show(name string) (string, error) {
	v, ok := c.s.settings.Get(name)
	if !ok {
		return "", setting.Unrecognized(name)
	}
	return v, nil
}

func (c commands) ShowAll() []stmt.Setting {
	var all []stmt.Setting
	for _, p := range setting.Shown() {
		v, _ := c.s.settings.Get(p.Name)
		all = append(all, stmt.Setting{Name: p.Name, Value: v, Description: p.Description})
	}
	return all
}

// Discard drops what DISCARD names. There are no sequences and no temporary tables.
func (c commands) Discard(what string) error {
	switch what {
	case "ALL":
		c.s.closePortals()
		c.s.forgetStatements()
		c.s.settings.ResetAll()
		c.s.forgetSequences()
		c.s.AdvisoryUnlockAll()
	case "SEQUENCES":
		c.s.forgetSequences()
	case "PLANS":
		c.s.engine.plans.clear()
	}
	return nil
}

func (c commands) InTransaction() bool { return c.s.status != Idle }
