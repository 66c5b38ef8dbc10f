package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/siltstone-db/siltstone/storage/cache"
	"github.com/siltstone-db/siltstone/storage/mem"
	"github.com/siltstone-db/siltstone/storage/segment"
)

// dumpCommand prints the structure of a segment file.
type dumpCommand struct {
	File string `arg:"" type:"existingfile" help:"A segment file (segments/N.seg)."`
}

// dumpCacheBytes is plenty: a dump reads every buffer once.
const dumpCacheBytes = 16 << 20

// Run prints offset, bytes and meaning of every part of the file, up to the first damage.
func (c *dumpCommand) Run() error {
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	account := mem.NewPool(0).Account("dump", dumpCacheBytes)
	s, err := segment.Open(f, info.Size(), segment.Options{Name: c.File, Cache: cache.New(account)})
	if err != nil {
		return err
	}
	defer s.Close()
	out := bufio.NewWriterSize(os.Stdout, 64<<10)
	if err := s.Dump(out); err != nil {
		out.Flush()
		return err
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}
