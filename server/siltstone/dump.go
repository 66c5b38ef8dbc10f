package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/siltstone-db/siltstone/storage"
	"github.com/siltstone-db/siltstone/storage/vfs"
)

// dumpCommand prints the structure of a file of a data directory.
type dumpCommand struct {
	File string `arg:"" type:"existingfile" help:"A segment (segments/N.seg), a log file (wal/N.wal), manifest-N, tokens/N.tok or CURRENT."`
}

// Run prints offset, bytes and meaning of every part of the file, up to the first damage.
func (c *dumpCommand) Run() error {
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	err := storage.Dump(out, vfs.Disk, c.File)
	if e := out.Flush(); err == nil && e != nil {
		err = fmt.Errorf("write to standard output: %w", e)
	}
	return err
}
