package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/siltstone-db/siltstone/server/config"
	"github.com/siltstone-db/siltstone/server/node"
	"github.com/siltstone-db/siltstone/storage/errs"
)

// serveCommand serves until a signal comes.
type serveCommand struct {
	Config kong.ConfigFlag `help:"Configuration file: one \"name = value\" per line."`
	config.Options
}

// Run serves. The first SIGTERM or SIGINT stops the server with its grace time, the second ends the process at once;
// what was acknowledged is safe either way.
func (c *serveCommand) Run(ctx context.Context) error {
	c.EnsureDefaults()
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	slog.SetDefault(log)

	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		s := <-signals
		log.Info("stopping", "signal", s.String())
		stop()
		s = <-signals
		log.Warn("stopping at once", "signal", s.String())
		os.Exit(1)
	}()

	n, err := node.Start(ctx, c.Options, log)
	if err != nil {
		return err
	}
	n.Banner(os.Stdout)
	failure := n.Wait(ctx)
	if err := n.Stop(); err != nil {
		return errors.Join(failure, err)
	}
	if failure == nil {
		log.Info("stopped")
	}
	return failure
}

// describe prints an error with what helps against it.
func describe(err error) string {
	text := err.Error()
	var e *errs.Error
	if errors.As(err, &e) {
		if e.Detail != "" {
			text += "\n  " + e.Detail
		}
		if e.Hint != "" {
			text += "\n  " + e.Hint
		}
		text += fmt.Sprintf(" (%s)", e.Code)
	}
	return text
}
