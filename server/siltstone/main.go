// Command siltstone is the database: "siltstone" alone serves a data directory; load, check and dump are its tools.
package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"

	"github.com/siltstone-db/siltstone/server/config"
)

// version is set when a release is built: -ldflags "-X main.version=1.2.3".
var version = "development"

// commands is what the command line may say.
type commands struct {
	Serve   serveCommand   `cmd:"" default:"withargs" help:"Serve a data directory (the default)."`
	Load    loadCommand    `cmd:"" help:"Load a file into a table of a running server."`
	Check   checkCommand   `cmd:"" help:"Verify a data directory that no server uses."`
	Dump    dumpCommand    `cmd:"" help:"Print the structure of a file of a data directory."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	os.Exit(run(os.Args[1:]))
}

// run runs a command line and returns the exit status.
func run(args []string) int {
	var c commands
	parser, err := kong.New(&c, kong.Name("siltstone"), kong.Description("A columnar analytics database with built-in ingestion."),
		kong.UsageOnError(), kong.Configuration(config.FileLoader(&c.Serve.Options)), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(os.Stderr, "siltstone:", err)
		return 2
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(os.Stderr, "siltstone: %v\nRun \"siltstone --help\" for the commands and their flags.\n", err)
		return 2
	}
	k.BindTo(context.Background(), (*context.Context)(nil))
	if err := k.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "siltstone:", describe(err))
		return 1
	}
	return 0
}

type versionCommand struct{}

// Run prints the version and what the program was built from.
func (versionCommand) Run() error {
	fmt.Printf("siltstone %s, %s %s/%s", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision", "CGO_ENABLED":
				fmt.Printf(", %s=%s", s.Key, s.Value)
			}
		}
	}
	fmt.Println()
	return nil
}
