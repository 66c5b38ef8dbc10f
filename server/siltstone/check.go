package main

import (
	"fmt"

	"github.com/siltstone-db/siltstone/storage/check"
	"github.com/siltstone-db/siltstone/storage/errs"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// checkCommand verifies every byte of a data directory: manifest, log, tokens and segments.
type checkCommand struct {
	Data   string `default:"./siltstone-data" env:"SILTSTONE_DATA" type:"path" help:"Data directory."`
	Repair bool   `help:"Rebuild what is damaged from the log."`
	// AcceptLoss is what serve has, too: what is missing is told, and is no damage.
	AcceptLoss bool `name:"accept-loss" help:"Tell what is missing, and do not count it as damage."`
}

// Run prints a line for each finding, and fails when the database does not open or has lost rows.
func (c *checkCommand) Run() error {
	if c.Repair {
		return errs.Unsupported("siltstone check --repair")
	}
	findings := check.Check(vfs.Disk, c.Data, check.Options{AcceptLoss: c.AcceptLoss})
	damaged := 0
	for _, f := range findings {
		fmt.Println(f)
		if f.Fatal {
			damaged++
		}
	}
	if damaged > 0 {
		return errs.Corrupt("%s is damaged in %d places", c.Data, damaged)
	}
	if len(findings) > 0 {
		fmt.Println("nothing is damaged")
		return nil
	}
	fmt.Println("everything is sound")
	return nil
}
