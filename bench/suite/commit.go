package suite

import (
	"os/exec"
	"strings"
)

// Commit names the source that Build compiles: the commit of the working directory's repository, and whether files differ
// from it.
func Commit() string {
	out, err := exec.Command("git", "rev-parse", "--short=12", "HEAD").Output()
	if err != nil {
		return "of an unknown commit"
	}
	commit := "commit " + strings.TrimSpace(string(out))
	if changes, err := exec.Command("git", "status", "--porcelain", "--untracked-files=no").Output(); err != nil || len(changes) > 0 {
		commit += " with changes"
	}
	return commit
}
